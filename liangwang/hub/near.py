"""The part of base's people, companies and places that a few rows can mean, as a register for `link.linked`."""

from collections.abc import Iterable, Iterator
from typing import Any

import ibis
import pyarrow as pa
import pyarrow.compute as pc
from django.db.models import QuerySet

from liangwang.base.models import Company, Person, Place

from . import link
from .declare import Source

LOOK_UP = 500
MOST_ROWS = 20_000  # above this the register's files are read instead: 14 million people cost about a second
SCHEMA = pa.schema(
    [
        ("subject_id", pa.int64()),
        (link.KEY, pa.string()),
        ("name", pa.string()),
        ("birth", pa.date32()),
        ("phone", pa.string()),
    ]
)


def register(rows: pa.Table, source: Source) -> ibis.Table:
    """Everybody who has an identifier or a phone that occurs in the rows."""
    found = {one["subject_id"]: one for one in _found(rows, source)}
    return ibis.memtable(pa.Table.from_pylist(list(found.values()), schema=SCHEMA))


def _found(rows: pa.Table, source: Source) -> Iterator[dict[str, Any]]:
    keys = {text for name in source.identifiers for text in _distinct(rows, link.key_of(source, name))}
    if source.about == "person":
        people = Person.objects.all()
        yield from _people(people, "identity_blind", keys)
        phone = link.said_by(source).get("phone")
        if phone:
            yield from _people(people, "phone_blind", _distinct(rows, link.key_of(source, phone)))
    elif source.about == "company":
        for some in _parts(keys):
            for subject, code in Company.objects.filter(credit_code__in=some).values_list(
                "pk", "credit_code"
            ):
                yield {"subject_id": subject, link.KEY: code}
    else:
        for some in _parts(keys):
            for subject, code in Place.objects.filter(code__in=some).values_list("subject_id", "code"):
                yield {"subject_id": subject, link.KEY: code}


def _people(people: "QuerySet[Person]", field: str, texts: Iterable[str]) -> Iterator[dict[str, Any]]:
    for some in _parts(texts):
        rows = people.filter(**{f"{field}__in": some})
        for line in rows.values_list("pk", "identity_blind", "name", "birth_on", "phone_blind"):
            yield dict(zip(SCHEMA.names, line, strict=True))


def _distinct(rows: pa.Table, column: str) -> list[str]:
    return [text for text in pc.unique(rows[column]).to_pylist() if text]


def _parts(texts: Iterable[str]) -> Iterator[list[str]]:
    every = list(texts)
    for start in range(0, len(every), LOOK_UP):
        yield every[start : start + LOOK_UP]
