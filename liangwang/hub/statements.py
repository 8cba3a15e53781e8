"""Who says what of whom: the standing rows as statements, one for each filled column that `says` something."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce

import ibis
import pyarrow as pa

from liangwang.base.packs import Declared, declarations
from liangwang.base.words import Attribute

from .declare import Source
from .link import key_of
from .models import Ruling
from .sources import is_emergency, sources
from .standing import EVERYBODY, Reader, Scope

ROUTINE = ""
SEPARATOR = "\x1f"  # between the values that go along with a statement
AGREEMENT, OFFICE, NEWEST = 0, 1, 2
RULES = {"agreement": AGREEMENT, "office": OFFICE, "newest": NEWEST}
RULING = "ruling"
RULING_WEIGHT = 4  # a person of the source office looked: more than any register that is declared
RULINGS = pa.schema(
    [
        ("subject_id", pa.int64()),
        ("attribute", pa.int16()),
        ("value", pa.string()),
        ("at", pa.timestamp("us")),
        ("batch", pa.int64()),
        ("row", pa.int32()),
    ]
)
REJECTED = pa.schema([("subject_id", pa.int64()), ("attribute", pa.int16()), ("value", pa.string())])


@dataclass(frozen=True)
class Book:
    """Names as small numbers, so that windows sort integers: attributes, sources and voices, by their place."""

    attributes: tuple[str, ...]
    sources: tuple[str, ...]
    voices: tuple[str, ...]
    words: Mapping[str, Attribute]

    def leaders(self) -> dict[str, list[str]]:
        """Attribute → those whose values go along with it, in a fixed order."""
        found: dict[str, list[str]] = {}
        for name in self.attributes:
            word = self.words.get(name)
            if word is not None and word.together:
                found.setdefault(word.together, []).append(name)
        return found


def domain_of(pack: str) -> str:
    """Whose settled values a pack's rows go into: an emergency pack has its own, so that they end with it."""
    return pack if is_emergency(pack) else ROUTINE


def heard(domain: str) -> list[Declared]:
    """The sources that are weighed in a domain: routine ones always, an emergency pack's in its own only."""
    return [one for one in sources() if domain_of(one.pack) in {ROUTINE, domain}]


def words() -> dict[str, Attribute]:
    """Every declared attribute by its key."""
    return {one.key: one.value for one in declarations("attributes.csv")}


def voice_of(one: Declared, among: Mapping[str, Declared]) -> str:
    """Whose voice a source is: its office's, or that of the source it copies; errors copied are not two witnesses."""
    seen = {one.ref}
    while one.value.copies:
        name = one.value.copies if ":" in one.value.copies else f"{one.pack}:{one.value.copies}"
        if name in seen or name not in among:
            break
        one = among[name]
        seen.add(name)
    return str(one.value.office)


def book_of(declared: Iterable[Declared]) -> Book:
    """The numbers of everything that some sources can say; a ruling is the last source and a voice of its own."""
    listed = sorted(declared, key=lambda one: one.ref)
    among = {one.ref: one for one in listed}
    known = words()
    said = {column.says for one in listed for column in one.value.columns.values() if column.says}
    said |= {str(known[name].together) for name in said if name in known and known[name].together}
    return Book(
        attributes=tuple(sorted(said)),
        sources=(*among, RULING),
        voices=(*sorted({voice_of(one, among) for one in listed}), RULING),
        words=known,
    )


def statements(
    reader: Reader, declared: Iterable[Declared], book: Book, scope: Scope = EVERYBODY
) -> ibis.Table | None:
    """What some sources say of the subjects in scope: `subject_id, attribute, value, source, voice, weight, rule,
    prefer, at, batch, row, along`, with names as numbers of the book; None where nothing can be said.

    `prefer` is 1 where the rule lets the source office decide and this is its word. `along` holds the values that go
    with this one, in the book's order.
    """
    listed = list(declared)
    among = {one.ref: one for one in listed}
    found = []
    for one in listed:
        if reader.held(one) and any(column.says for column in one.value.columns.values()):
            found += _said_by(one, voice_of(one, among), reader.rows(one, scope), book)
    if not found:
        return None
    said = reduce(ibis.union, found)
    return said.filter(said.value.notnull())


def _said_by(one: Declared, voice: str, rows: ibis.Table, book: Book) -> list[ibis.Table]:
    source: Source = one.value
    columns = {column.says: name for name, column in source.columns.items() if column.says}
    leaders = book.leaders()
    at = rows[source.observed].cast("timestamp(6)")
    found = []
    for attribute, name in columns.items():
        word = book.words.get(attribute)
        rule = RULES[word.rule] if word else AGREEMENT
        decides = word is not None and word.rule == "office" and word.office == source.office
        found.append(
            rows.select(
                "subject_id",
                attribute=_small(book.attributes.index(attribute)),
                value=_text(rows, source, name),
                source=_small(book.sources.index(one.ref)),
                voice=_small(book.voices.index(voice)),
                weight=ibis.literal(source.weight, "int32"),
                rule=ibis.literal(rule, "int8"),
                prefer=ibis.literal(int(decides), "int8"),
                at=at,
                batch=rows.batch,
                row=rows.row,
                along=_along(rows, source, columns, leaders.get(attribute, [])),
            )
        )
    return found


def _small(number: int) -> ibis.Value:
    return ibis.literal(number, "int16")


def _text(rows: ibis.Table, source: Source, name: str) -> ibis.Value:
    """A column as the text that is compared; a sealed one is compared by its hash."""
    return rows[key_of(source, name)].cast("string").nullif("")


def _along(rows: ibis.Table, source: Source, columns: dict[str, str], followers: list[str]) -> ibis.Value:
    """The values of the row that go with its statement, joined in the book's order; null where none can."""
    if not any(name in columns for name in followers):
        return ibis.null("string")
    parts = [
        _text(rows, source, columns[name]).fill_null("") if name in columns else ibis.literal("")
        for name in followers
    ]
    return reduce(lambda left, right: left + SEPARATOR + right, parts)


# --- rulings -------------------------------------------------------------------------------------------


def rulings(domain: str, book: Book, scope: Scope) -> tuple[ibis.Table, ibis.Table] | None:
    """The rulings in force as statements, and the values that they turned down; None where there are none.

    A ruling stands on the row whose value it chose: while that row is withdrawn it says nothing.
    """
    rows = Ruling.objects.filter(undone_at=None, disagreement__pack=domain).select_related("disagreement")
    said, rejected = [], []
    for one in rows.exclude(disagreement__attribute="").order_by("id"):
        attribute = one.disagreement.attribute
        if attribute not in book.attributes:
            continue
        cell = {
            "subject_id": one.disagreement.subject_id,
            "attribute": book.attributes.index(attribute),
        }
        at = one.at.replace(tzinfo=None)
        said.append({**cell, "value": one.value, "at": at, "batch": one.batch_id, "row": one.row})
        rejected += [{**cell, "value": value} for value in one.rejected]
    if not said:
        return None
    table = scope.cut(ibis.memtable(pa.Table.from_pylist(said, schema=RULINGS)))
    return table, ibis.memtable(pa.Table.from_pylist(rejected, schema=REJECTED))


def with_rulings(said: ibis.Table, decided: ibis.Table, book: Book) -> ibis.Table:
    """The statements and, beside them, each ruling whose row still stands."""
    rules = {book.attributes.index(n): RULES[w.rule] for n, w in book.words.items() if n in book.attributes}
    rule = ibis.cases(*((decided.attribute == n, code) for n, code in rules.items()), else_=AGREEMENT)
    spoken = decided.mutate(
        source=_small(book.sources.index(RULING)),
        voice=_small(book.voices.index(RULING)),
        weight=ibis.literal(RULING_WEIGHT, "int32"),
        rule=rule.cast("int8"),
        prefer=ibis.ifelse(rule == NEWEST, 0, 1).cast("int8"),
        along=ibis.null("string"),
    )
    stands = spoken.semi_join(said, ["subject_id", "attribute", "batch", "row"])
    return ibis.union(said, stands.select(*said.columns))
