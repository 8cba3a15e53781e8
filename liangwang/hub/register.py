"""The register: everybody whom rows can be linked to, as Parquet partitions made from base's people, companies and places."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import ibis
import pyarrow as pa
import pyarrow.parquet as pq

from liangwang.base.keys import unseal
from liangwang.base.models import Company, Person, Place
from liangwang.base.transactions import write

from . import store
from .features import FEATURES, PLAIN, features
from .link import KEY
from .models import Partition

PACK = "register"
PAGE = 20_000
PARTS_MAX = 16  # more small files than this are written together
SCHEMA = pa.schema([("subject_id", pa.int64()), (KEY, pa.string()), *FEATURES])
ABOUT = ("person", "company", "place")
FOUND_BY = ("subject_id", KEY, "name", "birth", "phone")
KEPT = timedelta(hours=1)  # a load that began with a file that was replaced may still read it
Fill = Callable[[store.TableWriter, list[Partition]], object]


def register(con: "ibis.BaseBackend", about: str = "person") -> ibis.Table:
    """The register of one kind, SCHEMA: its files, and whoever came after them, read from the database.

    Its ids are the subjects' own, whatever was merged since. A person whose number or phone changed is found under
    the old one until the register is made anew (`rebuild`, each night).
    """
    files = store.scan(con, store.in_force(Partition.Kind.REGISTER, PACK, about), SCHEMA)
    # Files of before a change of the features have nothing to be compared by in the new ones, until `rebuild`.
    absent = {field.name: ibis.null("string") for field in SCHEMA if field.name not in files.columns}
    files = files.mutate(**absent).select(SCHEMA.names)
    late = list(_pages(about, after=highest(about)))
    return ibis.union(files, ibis.memtable(pa.concat_tables(late))) if late else files


def size(about: str) -> int:
    """How many subjects of one kind there are."""
    if about == "person":
        return Person.objects.count()
    return Company.objects.count() if about == "company" else Place.objects.count()


def highest(about: str) -> int:
    """The greatest subject id in the files, 0 without any; read from their footers."""
    found = 0
    for path in store.paths(store.in_force(Partition.Kind.REGISTER, PACK, about)):
        footer = pq.read_metadata(path)
        for group in range(footer.num_row_groups):
            found = max(found, footer.row_group(group).column(0).statistics.max)
    return found


def refresh(about: str, at: datetime) -> pa.Array:
    """Takes subjects that came since the last time into a further file; returns their ids: int64[n]."""
    with store.TableWriter(_name(about, at), SCHEMA) as out:
        ids = _written(out, about, after=highest(about))
        if len(ids):
            file = out.finish()
            with write():
                store.publish(file, kind=Partition.Kind.REGISTER, pack=PACK, source=about, at=at)
    return ids


def compact(about: str, at: datetime) -> Partition | None:
    """Writes the files of one kind together as one, in one swap; None where they are few."""
    if len(store.in_force(Partition.Kind.REGISTER, PACK, about)) <= PARTS_MAX:
        return None
    return _replace(about, at, _together)


def rebuild(about: str, at: datetime) -> Partition:
    """Makes the register of one kind anew from the database: what changed of people since is in it then."""
    return _replace(about, at, lambda out, _: _written(out, about, after=0))


def changed(before: list[Partition], after: Partition) -> pa.Array:
    """The subjects who are in `after` and not the same in the files before it, as far as rows find them: int64[n]."""
    con = store.connect()
    now, then = (store.scan(con, parts, SCHEMA).select(*FOUND_BY) for parts in ([after], before))
    return con.to_pyarrow(now.difference(then).order_by("subject_id"))["subject_id"].combine_chunks()


def sweep(at: datetime) -> int:
    """Removes files that newer ones replaced a while ago; returns how many."""
    old = Partition.objects.filter(kind=Partition.Kind.REGISTER, pack=PACK, ended_at__lt=at - KEPT)
    return store.remove(part for part in old if (store.folder() / part.path).exists())


def _together(out: store.TableWriter, parts: list[Partition]) -> None:
    for part in parts:
        out.add(store.read(part))


def _replace(about: str, at: datetime, fill: Fill) -> Partition:
    before = store.in_force(Partition.Kind.REGISTER, PACK, about)
    with store.TableWriter(f"{_name(about, at)}.whole", SCHEMA) as out:
        fill(out, before)
        file = out.finish()
        with write():
            Partition.objects.filter(pk__in=[part.pk for part in before]).update(ended_at=at)
            return store.publish(file, kind=Partition.Kind.REGISTER, pack=PACK, source=about, at=at)


def _written(out: store.TableWriter, about: str, after: int) -> pa.Array:
    ids = [pa.array([], pa.int64())]
    for page in _pages(about, after):
        out.add(page)
        ids.append(page["subject_id"].combine_chunks())
    return pa.concat_arrays(ids)


def _name(about: str, at: datetime) -> str:
    return f"{PACK}/{about}/{at:%Y%m%dT%H%M%S%f}"


# --- from base -----------------------------------------------------------------------------------------


def _pages(about: str, after: int) -> Iterator[pa.Table]:
    """The subjects of one kind after an id, ascending, a page at a time."""
    read = {"person": _people, "company": _companies, "place": _places}[about]
    while (page := read(after)) is not None:
        yield page
        after = page["subject_id"][-1].as_py()


def _people(after: int) -> pa.Table | None:
    rows = Person.objects.filter(pk__gt=after).order_by("pk")
    lines = list(
        rows.values_list("pk", "identity_blind", "name", "birth_on", "sex", "phone_sealed", "address_sealed")[
            :PAGE
        ]
    )
    if not lines:
        return None
    ids, blinds, names, births, sexes, phones, addresses = zip(*lines, strict=True)
    plain = pa.table(
        [
            names,
            births,
            sexes,
            [
                unseal(blob, f"person:{pk}:phone") if blob else None
                for pk, blob in zip(ids, phones, strict=True)
            ],
            [
                unseal(blob, f"person:{pk}:address") if blob else None
                for pk, blob in zip(ids, addresses, strict=True)
            ],
        ],
        schema=PLAIN,
    )
    keyed = pa.table([ids, blinds], schema=pa.schema(list(SCHEMA)[:2]))
    return pa.table([*keyed.columns, *features(plain).columns], schema=SCHEMA)


def _companies(after: int) -> pa.Table | None:
    rows = Company.objects.filter(pk__gt=after).order_by("pk")
    return _bare(list(rows.values_list("pk", "credit_code", "name")[:PAGE]))


def _places(after: int) -> pa.Table | None:
    rows = Place.objects.filter(subject_id__gt=after).order_by("subject_id")
    lines = rows.values_list("subject_id", "code", "name")[:PAGE]
    return _bare([(subject, code, name["zh"]) for subject, code, name in lines])


def _bare(lines: list[tuple[int, str, str]]) -> pa.Table | None:
    """Subjects that have a key and a name and nothing to be compared by."""
    if not lines:
        return None
    rows = [{"subject_id": subject, KEY: key, "name": name} for subject, key, name in lines]
    return pa.Table.from_pylist(rows, schema=SCHEMA)
