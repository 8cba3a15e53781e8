"""Row by row, both ways: the statements behind a shown value, and the values and answers that used a row."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar

import ibis
import numpy as np

from liangwang.base import audit
from liangwang.base.errors import Refusal
from liangwang.base.events import emit
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import AuditEntry
from liangwang.base.packs import Declared

from . import attributes, disagree, settled, standing, store
from .inbox import thing as batch_thing
from .models import AttributeVersion, Batch, Disagreement, Partition, Recall
from .sources import source_of, sources
from .standing import Reader, Scope
from .statements import ROUTINE, RULING, book_of, domain_of, heard, rulings, statements, words

CHUNK = 500
USED = "used"  # the key of an audit body under which an answer names the rows that it stood on


class NoSuchRow(Refusal):
    status, code = 422, "no_such_row"
    template: ClassVar[Label] = {
        "zh": "这一批没有第 {rows} 行（或已隔离）",
        "en": "This batch holds no row {rows} (or it is in quarantine)",
    }


class RecalledAlready(Refusal):
    status, code = 409, "recalled_already"
    template: ClassVar[Label] = {"zh": "这些行已经撤回", "en": "These rows are withdrawn already"}


class NotRecalled(Refusal):
    status, code = 409, "not_recalled"
    template: ClassVar[Label] = {"zh": "这次撤回已经撤销", "en": "This recall has been undone already"}


# --- backwards -----------------------------------------------------------------------------------------


def behind(subject_id: int, attribute: str, pack: str = "") -> dict[str, Any]:
    """Every statement behind a value: `{attribute, pack, rule, office, value, state, version, since, statements}`.

    A statement is `{source, label, office, batch, batch_ref, row, value, at, delivered_at, loaded_at, contract, role}`;
    its role is `wins`, `loses`, `silent` (its office spoke through another row) or `ruling`. Newest first. The caller
    has asked `may` and audits. A sealed value is its hash.
    """
    domain = domain_of(pack)
    cell = next((c for c in settled.cells_of(subject_id, domain) if c["attribute"] == attribute), None)
    word = words().get(attribute)
    return {
        "attribute": attribute,
        "pack": domain,
        "rule": word.rule if word else "agreement",
        "together": word.together if word else None,
        "office": word.office if word else None,
        "value": cell["value"] if cell else None,
        "state": cell["state"] if cell else None,
        "version": cell["version"] if cell else None,
        "since": cell["since"] if cell else None,
        "statements": _statements(subject_id, attribute, domain, cell),
        "disagreements": Disagreement.objects.filter(
            subject_id=subject_id, attribute=attribute, pack=domain
        ).order_by("-opened_at"),
    }


def _statements(
    subject_id: int, attribute: str, domain: str, cell: dict[str, Any] | None
) -> list[dict[str, Any]]:
    con = store.connect()
    declared = heard(domain)
    book = book_of(declared)
    scope = Scope(ids=np.array([subject_id]))
    said = statements(Reader(con), declared, book, scope)
    if said is None or attribute not in book.attributes:
        return []
    mine = said.filter(said.attribute == book.attributes.index(attribute))
    rows = con.to_pyarrow(mine.order_by(ibis.desc("at"), ibis.desc("batch"), "row")).to_pylist()
    decided = rulings(domain, book, scope)
    if decided is not None:
        own = decided[0].filter(decided[0].attribute == book.attributes.index(attribute))
        chosen = {"source": book.sources.index(RULING)}
        rows = [*({**row, **chosen} for row in con.to_pyarrow(own).to_pylist()), *rows]
    by_ref = {one.ref: one for one in declared}
    batches = Batch.objects.in_bulk({row["batch"] for row in rows})
    named = [{**row, "source": book.sources[row["source"]]} for row in rows]
    return [_told(row, by_ref.get(row["source"]), batches[row["batch"]], cell) for row in named]


def _told(
    row: dict[str, Any], one: Declared | None, batch: Batch, cell: dict[str, Any] | None
) -> dict[str, Any]:
    if one is None:
        label: Label = {"zh": "数源部门认定", "en": "Ruling of the source office"}
        office = ""
    else:
        label, office = one.value.label, one.value.office
    return {
        "source": row["source"],
        "label": label,
        "office": office,
        "batch": batch.pk,
        "batch_ref": batch.ref,
        "row": row["row"],
        "value": row["value"],
        "at": row["at"],
        "delivered_at": batch.received_at,
        "loaded_at": batch.loaded_at,
        "contract": batch.contract,
        "role": _role(row, cell),
    }


def _role(row: dict[str, Any], cell: dict[str, Any] | None) -> str:
    if row["source"] == RULING:
        return "ruling"
    name = (row["source"], row["batch"], row["row"])
    for role, key in (("wins", "support"), ("loses", "against")):
        if cell and any((s["source"], s["batch"], s["row"]) == name for s in cell[key]):
            return role
    return "silent"


# --- forwards ------------------------------------------------------------------------------------------


def used_by(batch: Batch, row: int) -> dict[str, Any]:
    """Where a row went: `{subjects, values, derived, answers}`, now and before.

    `values` are settled cells `{subject_id, attribute, pack, state, role, version, since, until}`; `derived` the versions of
    attributes whose rule reads the row's source `{subject_id, name, version, at, value}`; `answers` the audited looks
    and uses `{at, who, verb, thing, ref, used}` that stood on either.
    """
    one = source_of(f"{batch.pack}:{batch.source}")
    con = store.connect()
    ids = standing.subjects_of(con, one, batch.pk, [row]).tolist()
    values = [value for subject in ids for value in _values(subject, one, batch.pk, row)]
    derived = [version for subject in ids for version in _derived(subject, one.pack, batch)]
    return {
        "subjects": ids,
        "values": values,
        "derived": derived,
        "answers": _answers(ids, batch.pk, {row}, {version["version"] for version in derived}),
    }


def _values(subject_id: int, one: Declared, batch_id: int, row: int) -> list[dict[str, Any]]:
    found = []
    domains = (
        {domain_of(source.pack) for source in sources()} if domain_of(one.pack) == ROUTINE else {one.pack}
    )
    shard = subject_id >> settled.SHARD_BITS
    parts = Partition.objects.filter(kind=Partition.Kind.SETTLED, pack__in=domains, shard=shard)
    for part in parts.order_by("-id"):
        if not (store.folder() / part.path).exists():  # its data was erased
            continue
        for cell in settled.cells_in(part, subject_id):
            for role, key in (("wins", "support"), ("loses", "against")):
                if any((s["batch"], s["row"]) == (batch_id, row) for s in cell[key] or ()):
                    found.append(
                        {
                            "subject_id": subject_id,
                            "attribute": cell["attribute"],
                            "pack": part.pack,
                            "state": cell["state"],
                            "role": role,
                            "version": part.pk,
                            "since": part.at,
                            "until": part.ended_at,
                        }
                    )
    return found


def _derived(subject_id: int, pack: str, batch: Batch) -> list[dict[str, Any]]:
    """The versions of a pack's attributes made while the row was there: its rule read the row's source."""
    versions = AttributeVersion.objects.filter(
        name__startswith=f"{pack}:", at__gte=batch.loaded_at or batch.received_at
    )
    found = []
    for version in versions.order_by("-id"):
        held = attributes.current(version.name)
        now = held.value(subject_id) if held and held.meta.version == version.version else None
        found.append(
            {
                "subject_id": subject_id,
                "name": version.name,
                "version": version.version,
                "at": version.at,
                "value": now.verdict if now else None,
            }
        )
    return found


def _answers(
    ids: list[int], batch_id: int, rows: set[int] | None, versions: set[str]
) -> list[dict[str, Any]]:
    """The audited answers about the subjects that name one of the rows, or a version of an attribute that read them."""
    found: dict[int, dict[str, Any]] = {}
    for start in range(0, len(ids), CHUNK):
        some = AuditEntry.objects.filter(subjects__subject_id__in=ids[start : start + CHUNK])
        for entry in some.exclude(body=None).distinct():
            act = audit.body_of(entry) or {}
            used = [one for one in act.get("body", {}).get(USED, []) if _uses(one, batch_id, rows, versions)]
            if used:
                told = {key: act.get(key) for key in ("who", "office", "verb", "thing", "ref", "purpose")}
                found[entry.pk] = {"at": entry.at, "entry": entry.pk, **told, "used": used}
    return [found[pk] for pk in sorted(found, reverse=True)]


def _uses(used: dict[str, Any], batch_id: int, rows: set[int] | None, versions: set[str]) -> bool:
    named = any(b == batch_id and (rows is None or r in rows) for b, r in used.get("rows", []))
    return named or used.get("version") in versions


def cited(cells: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What an answer writes into its audit entry (under USED) so that a bad row finds it: no value, only rows."""
    return [
        {
            "attribute": cell["attribute"],
            "state": cell["state"],
            "settled": cell["version"],
            "rows": [[one["batch"], one["row"]] for one in cell["support"]],
        }
        for cell in cells
    ]


# --- recall --------------------------------------------------------------------------------------------


def recall(batch: Batch, rows: list[int] | None, *, reason: str, actor: Actor, at: datetime) -> Recall:
    """Withdraws rows of a batch (None: all of them) from everything that reads it; nothing is removed.

    Inside a transaction; the event `rows.recalled` has whoever was touched settled and judged anew. Raises NoSuchRow,
    RecalledAlready, WhyNeeded.
    """
    if not reason.strip():
        raise disagree.WhyNeeded
    wanted = None if rows is None else sorted(set(rows))
    if wanted is not None and (missing := sorted(set(wanted) - _rows_of(batch, wanted))):
        raise NoSuchRow(rows=", ".join(str(row) for row in missing[:20]))
    live = list(Recall.objects.filter(batch=batch, undone_at=None))
    covered = {row for one in live for row in one.rows or ()}
    if any(one.rows is None for one in live) or (wanted is not None and set(wanted) <= covered):
        raise RecalledAlready
    made = Recall.objects.create(batch=batch, rows=wanted, reason=reason.strip(), by_id=actor.party_id, at=at)
    _noted(made, "recalled", actor, at)
    return made


def undo_recall(made: Recall, *, actor: Actor, at: datetime) -> None:
    """Lets withdrawn rows count again. Inside a transaction; raises NotRecalled."""
    if not Recall.objects.filter(pk=made.pk, undone_at=None).update(
        undone_at=at, undone_by_id=actor.party_id
    ):
        raise NotRecalled
    _noted(made, "restored", actor, at)


def _noted(made: Recall, outcome: str, actor: Actor, at: datetime) -> None:
    body = {"recall": made.ref, "rows": "all" if made.rows is None else len(made.rows)}
    audit.record(actor, "update", batch_thing(made.batch), at=at, outcome=outcome, body=body)
    emit(f"rows.{outcome}", made.ref, at, {"batch": made.batch.ref}, key=f"rows.{outcome}/{made.ref}")


def touched_by(made: Recall) -> np.ndarray:
    """Whose values a recall changes: int64[n]."""
    one = source_of(f"{made.batch.pack}:{made.batch.source}")
    return standing.subjects_of(store.connect(), one, made.batch_id, made.rows)


def answers_of(made: Recall) -> list[dict[str, Any]]:
    """The answers that used a withdrawn row, newest first: for whoever gave them to look at again."""
    since = made.batch.loaded_at or made.batch.received_at
    versions = AttributeVersion.objects.filter(
        name__startswith=f"{made.batch.pack}:", at__gte=since, at__lte=made.at
    )
    rows = None if made.rows is None else set(made.rows)
    ids = touched_by(made).tolist()
    return _answers(ids, made.batch_id, rows, set(versions.values_list("version", flat=True)))


def _rows_of(batch: Batch, among: list[int] | None) -> set[int]:
    one = source_of(f"{batch.pack}:{batch.source}")
    con = store.connect()
    parts = [part for part in Reader(con).held(one) if part.batch_id == batch.pk]
    if not parts:
        return set()
    table = con.read_parquet(store.paths(parts)).select("row")
    if among is not None:
        table = table.filter(table.row.isin(among))
    return set(con.to_pyarrow(table)["row"].to_pylist())
