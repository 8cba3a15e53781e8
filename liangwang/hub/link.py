"""Gives each row its subject: by the keyed hash of its identifier, else by name, birth date and phone together.

Tables in, tables out, the same on every engine. A register holds, for one kind of subject, `subject_id int64`, the
key `identity_hash string` (the hash of a person's number, a company's credit code, a place's code) and features.
"""

from functools import reduce
from typing import Any

import ibis
import pyarrow as pa

from .declare import Source

KEY = "identity_hash"
NAME_BIRTH_PHONE = "name_birth_phone"
CERTAIN = 1.0
FOUND = ("subject_id", "method", "score")
ASKED = {"name", "birth_date", "phone"}  # of rows without an identifier
LATE = pa.schema(
    [
        ("late_batch", pa.int64()),
        ("late_row", pa.int32()),
        ("late_id", pa.int64()),
        ("late_method", pa.string()),
        ("late_score", pa.float64()),
    ]
)
ALIASES = pa.schema([("merged_id", pa.int64()), ("kept_id", pa.int64())])


def linked(table: ibis.Table, register: ibis.Table, source: Source) -> ibis.Table:
    """The table with `subject_id int64, method string, score float64`, null where nobody was found.

    A row with an identifier is linked by it or not at all: a number that nobody has is another person. The ids are
    those of the register, whatever was merged since: readers follow aliases, so that a split restores every row.
    """
    columns = [key_of(source, name) for name in source.identifiers]
    found = table
    for n, column in enumerate(columns):
        known = register.filter(register[KEY].notnull()).select(
            **{f"by_{n}": register.subject_id, f"key_{n}": register[KEY]}
        )
        found = found.left_join(known, found[column] == known[f"key_{n}"]).drop(f"key_{n}")
    hits = [found[f"by_{n}"] for n in range(len(columns))]
    methods: list[tuple[Any, str]] = [
        (found[f"by_{n}"].notnull(), source.columns[name].type) for n, name in enumerate(source.identifiers)
    ]
    fits = None if source.about != "person" else _by_name(found, register, source, columns)
    if fits is not None:
        found = fits
        hits.append(found.by_name)
        methods.append((found.by_name.notnull(), NAME_BIRTH_PHONE))
    subject = ibis.coalesce(*hits) if hits else ibis.null("int64")
    method = ibis.cases(*methods, else_=ibis.null("string")) if methods else ibis.null("string")
    done = found.mutate(subject_id=subject.cast("int64"), method=method.cast("string"))
    score = ibis.ifelse(done.subject_id.notnull(), ibis.literal(CERTAIN), ibis.null("float64"))
    return done.mutate(score=score).drop(*[name for name in done.columns if name.startswith("by_")])


def columns_of(source: Source) -> list[str]:
    """The columns that `linked` looks at, each once."""
    said = said_by(source)
    columns = [key_of(source, name) for name in source.identifiers]
    if source.about == "person" and said.keys() >= ASKED:
        columns += [said["name"], said["birth_date"], key_of(source, said["phone"])]
    return list(dict.fromkeys(columns))


def key_of(source: Source, name: str) -> str:
    """The column that meets the register's key: the hash of a sealed column, else the column itself."""
    return f"{name}_hash" if source.columns[name].sealed else name


def said_by(source: Source) -> dict[str, str]:
    """Attribute → the column that says it."""
    return {column.says: name for name, column in source.columns.items() if column.says}


def _by_name(
    table: ibis.Table, register: ibis.Table, source: Source, identifiers: list[str]
) -> ibis.Table | None:
    """The table with `by_name`: the one person who has name, birth date and phone, for rows without any identifier."""
    said = said_by(source)
    if not said.keys() >= ASKED:
        return None
    name, birth, phone = said["name"], said["birth_date"], key_of(source, said["phone"])
    blank = reduce(lambda a, b: a & b, [table[column].isnull() for column in identifiers], ibis.literal(True))
    asking = ibis.ifelse(blank, table[phone], ibis.null("string"))
    rows = table.mutate(asked_phone=asking)
    phones = rows.filter(rows.asked_phone.notnull()).select("asked_phone").distinct()
    near = register.semi_join(phones, register.phone == phones.asked_phone)
    alone = near.group_by("name", "birth", "phone").agg(by_name=near.subject_id.max(), people=near.count())
    alone = alone.filter(alone.people == 1).select(
        "by_name", on_name=alone.name, on_birth=alone.birth, on_phone=alone.phone
    )
    fits = [rows.asked_phone == alone.on_phone, rows[name] == alone.on_name, rows[birth] == alone.on_birth]
    return rows.left_join(alone, fits).drop("asked_phone", "on_name", "on_birth", "on_phone")


def resolved(rows: ibis.Table, late: ibis.Table | None, aliases: ibis.Table | None) -> ibis.Table:
    """Stored rows as they are read: a late link replaces the row's own subject, a merged subject is the kept one.

    `late` has the schema LATE, `aliases` ALIASES; None: there are none. A late link without a subject takes the
    row's own link away.
    """
    own = list(rows.columns)
    if late is not None:
        found = rows.left_join(late, [rows.batch == late.late_batch, rows.row == late.late_row])
        instead = {"subject_id": "late_id", "method": "late_method", "score": "late_score"}
        there = found.late_batch.notnull()
        given = {
            name: ibis.ifelse(there, found[other], found[name])
            for name, other in instead.items()
            if name in own
        }
        rows = found.mutate(**given).select(own)
    if aliases is not None:
        found = rows.left_join(aliases, rows.subject_id == aliases.merged_id)
        rows = found.mutate(subject_id=ibis.coalesce(found.kept_id, found.subject_id)).select(own)
    return rows
