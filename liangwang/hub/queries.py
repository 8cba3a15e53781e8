"""What others may ask of the hub: sources and their freshness, batches and their reports, values with provenance."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from liangwang.base import audit, clock
from liangwang.base.access import Thing, require
from liangwang.base.hats import Actor
from liangwang.base.packs import Declared

from . import attributes, contract, corrections, lineage, merges, quality, review, settled, store, vault
from .history import SourceRow, daily, deliveries, loading, open_conflicts, open_reviews, overview
from .models import AttributeVersion, Batch, Disagreement, LinkReview, Order, Partition, Recall, Ruling
from .orders import may_act, order_in_force
from .review_log import decided_by, merge_by_ref, merge_log, neighbours, opened_since
from .sources import source_of, sources
from .statements import domain_of

__all__ = [
    "AttributeVersion",
    "Batch",
    "Order",
    "SourceRow",
    "answers_of_recall",
    "attribute_versions",
    "batch_by_ref",
    "batches",
    "comparisons",
    "daily",
    "decided_by",
    "declared_sources",
    "deliveries",
    "disagreement_by_ref",
    "disagreements",
    "known",
    "lineage_behind",
    "lineage_used_by",
    "loading",
    "may_act",
    "mended",
    "merge_by_ref",
    "merge_log",
    "neighbours",
    "open_conflicts",
    "open_reviews",
    "opened_since",
    "order_by_ref",
    "order_in_force",
    "orders",
    "overview",
    "quality_by_attribute",
    "quality_by_source",
    "quarantine",
    "reason",
    "reasons",
    "recall_by_ref",
    "recalls",
    "record_use",
    "report",
    "review_by_ref",
    "review_pair",
    "reviews",
    "rulings",
    "said_of",
    "source_named",
    "status_of",
    "supplier_sheet",
    "why",
]


def mended(batch: Batch) -> dict[str, Any] | None:
    """Of a batch that corrects another: {corrects, refused, mended}, rows known again by their key; else None."""
    return corrections.mended(batch) if batch.corrects_id and batch.state == Batch.State.LOADED else None


def batches(source: str | None = None) -> Any:
    """Batches, newest first, as a queryset."""
    rows = Batch.objects.select_related("office").order_by("-received_at", "-id")
    if source:
        pack, _, key = source.partition(":")
        rows = rows.filter(pack=pack, source=key)
    return rows


def report(batch: Batch, limit: int = 200, after: int = 0) -> dict[str, Any]:
    """What the office that delivered is told: counts, and for each refused row after `after` every reason in words."""
    return {
        "batch": batch.ref,
        "source": f"{batch.pack}:{batch.source}",
        "state": batch.state,
        "rows": batch.rows,
        "accepted": batch.good,
        "linked": batch.linked,
        "unlinked": batch.unlinked,
        "unusual": batch.unusual,
        "stage": batch.stage,
        "rows_done": batch.rows_done,
        "drift": batch.drift,
        "corrects": mended(batch),
        "rejected": list(quarantine(batch, limit, after)),
        "rejected_total": batch.bad,
        **({"refusal": batch.refusal} if batch.refusal else {}),
    }


def quarantine(batch: Batch, limit: int = 200, after: int = 0) -> Iterator[dict[str, Any]]:
    """The refused rows of a batch after row `after`: `{row, reasons: [{column, code, zh, en}]}`; never their text."""
    declared = _declared_of(batch.pack, batch.source)
    for partition in batch.partitions.filter(kind=Partition.Kind.QUARANTINE, ended_at=None):
        table = pq.read_table(store.folder() / partition.path, columns=["row", "reasons"])
        table = table.filter(pc.greater(table["row"], after)).slice(0, limit)
        for line in table.to_pylist():
            why = [_reason(declared, *word.split(":")) for word in line["reasons"]]
            yield {"row": line["row"], "reasons": why}


def reasons(batch: Batch) -> list[dict[str, Any]]:
    """The reasons of a batch with how many rows each holds for, most first."""
    declared = _declared_of(batch.pack, batch.source)
    found = []
    for key, count in sorted(batch.reasons.items(), key=lambda item: -item[1]):
        column, _, code = key.partition(":")
        found.append({**_reason(declared, column, code), "count": count})
    return found


def reason(declared: Declared, column: str, code: str) -> dict[str, str]:
    """One reason code of a source in words: {zh, en}."""
    found = _reason(declared, column, code)
    return {"zh": found["reason"], "en": found["reason_en"]}


def _declared_of(pack: str, source: str) -> Declared | None:
    """The source as it is declared now; None for one that no pack declares any more."""
    return next((one for one in sources() if (one.pack, one.key) == (pack, source)), None)


def _reason(declared: Declared | None, column: str, code: str) -> dict[str, Any]:
    words = contract.reason(declared.value, column, code) if declared else contract.REASONS[code]
    return {"column": column, "code": code, "reason": words["zh"], "reason_en": words["en"]}


def disagreements() -> Any:
    """Open conflicts between sources, oldest first."""
    return Disagreement.objects.filter(ended_at=None).select_related("subject").order_by("opened_at", "id")


def known(subject_id: int, pack: str = "") -> list[dict[str, Any]]:
    """Every settled value of a subject with its state and sources. The caller has asked `may` and audits.

    What an emergency pack was told is not in it, unless that pack is named: it serves its own purpose only.
    """
    subject_id = merges.kept_of(subject_id)
    if not may_act(pack, clock.now()):
        return []
    cells = settled.cells_of(subject_id, domain_of(pack))
    return [_shown(row) for row in cells]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A settled cell with its value readable, and beside its statements the sources and the row that is cited."""
    cited = {"batch": row["support"][0]["batch"], "row": row["support"][0]["row"]}
    sources = sorted({one["source"] for one in row["support"]})
    return {**row, **cited, "value": _readable({**row, **cited}), "sources": sources}


def _readable(row: dict[str, Any]) -> str | None:
    """The value of a settled row, unsealed from the delivery that brought it where it is an identifier."""
    part = Partition.objects.filter(batch_id=row["batch"], kind=Partition.Kind.ROWS, ended_at=None).first()
    if part is None or part.batch is None:
        return None
    declared = _declared_of(part.pack, part.source)
    if declared is None:
        return None
    name = next((n for n, c in declared.value.columns.items() if c.says == row["attribute"]), None)
    if name is None or not declared.value.columns[name].sealed:
        return str(row["value"])
    sealed = vault.vault_of(part.batch)
    return vault.open_value(sealed, row["row"], name) if sealed else None


def said_of(disagreement: Disagreement, at: datetime) -> list[dict[str, Any]]:
    """What each source says in a conflict, newest first, without the value of a sealed column."""
    if not may_act(disagreement.pack, at):
        return []
    found = lineage.behind(disagreement.subject_id, disagreement.attribute, disagreement.pack)
    said: list[dict[str, Any]] = found["statements"]
    return said


def lineage_behind(subject_id: int, attribute: str, pack: str = "") -> dict[str, Any]:
    """Every statement behind a value, winning and losing, with source, batch, row, office and contract.

    The caller has asked `may` and audits. Without an order nothing of an emergency pack is told.
    """
    if not may_act(pack, clock.now()):
        pack = ""
    return lineage.behind(merges.kept_of(subject_id), attribute, pack)


def record_use(
    actor: Actor, subject_id: int, used: set[str], *, case: str, at: datetime, pack: str = ""
) -> None:
    """Writes down which rows an answer stood on, where the person can read it and a bad row can find it.

    `used` names attributes; no value is written. Inside the transaction of the act that used them.
    """
    cells = settled.cells_of(merges.kept_of(subject_id), domain_of(pack)) if used else []
    if cited := lineage.cited(cell for cell in cells if cell["attribute"] in used):
        thing = Thing(kind="attribute", ref=case, subject_ids=frozenset({subject_id}))
        audit.record(actor, "read", thing, at=at, purpose="case", body={lineage.USED: cited, "case": case})


def lineage_used_by(batch: Batch, row: int) -> dict[str, Any]:
    """Where a row went: `{subjects, values, derived, answers}`, now and before."""
    return lineage.used_by(batch, row)


def recalls(batch: Batch | None = None) -> Any:
    """Withdrawn rows, newest first, as a queryset; of one batch or all."""
    rows = Recall.objects.select_related("batch", "by").order_by("-at", "-id")
    return rows.filter(batch=batch) if batch else rows


def recall_by_ref(ref: str) -> Recall | None:
    """The recall that a page names."""
    return Recall.objects.select_related("batch").filter(ref=ref).first()


def answers_of_recall(recall: Recall) -> list[dict[str, Any]]:
    """The answers that used the rows of a recall, for whoever gave them to look at again."""
    return lineage.answers_of(recall)


def disagreement_by_ref(ref: str) -> Disagreement | None:
    """The disagreement that a page names."""
    return Disagreement.objects.select_related("subject").filter(ref=ref).first()


def rulings(disagreement: Disagreement) -> Any:
    """The rulings on a disagreement, newest first, as a queryset."""
    return Ruling.objects.filter(disagreement=disagreement).select_related("by", "office").order_by("-at")


def quality_by_source(at: datetime) -> list[quality.SourceQuality]:
    """How good each source is: contract, agreement, freshness, outcome of disagreements, and one score."""
    return quality.by_source(at)


def quality_by_attribute(at: datetime) -> list[quality.AttributeQuality]:
    """How well each attribute is known: cells by state, agreement, disagreements and how they ended."""
    return quality.by_attribute(at)


def status_of(name: str, subject_id: int, at: datetime) -> attributes.Value | None:
    """A subject's value of an attribute from the memory map; None in routine, or where it is not covered."""
    held = attributes.current(name)
    if held is None or not held.meta.covers(at):
        return None
    return held.value(subject_id)


def why(actor: Actor, name: str, subject_id: int, at: datetime) -> dict[str, Any]:
    """The whole chain behind a value, for the person or an officer with an order; the look of another is audited.

    A derived attribute (`pack:rule`) gives its case, the conditions with their values and the rows; a settled one its
    rule, its state and every statement. The audit names the version or the rows, so that a bad row finds the look.
    """
    from .derive import why as traced

    derived = ":" in name
    purpose = "order" if derived else "case"
    thing = Thing(kind="attribute", ref=name, subject_ids=frozenset({subject_id}))
    require(actor, "read", thing, purpose)
    kept = merges.kept_of(subject_id)
    if actor.for_subject_id != subject_id:
        used = _version_of(name) if derived else _cited(kept, name)
        audit.record(
            actor, "read", thing, at=at, purpose=purpose, body={lineage.USED: used} if used else None
        )
    return traced(name, kept, at) if derived else lineage_behind(kept, name)


def _version_of(name: str) -> list[dict[str, Any]]:
    held = attributes.current(name)
    return [{"attribute": name, "version": held.meta.version}] if held else []


def _cited(subject_id: int, name: str) -> list[dict[str, Any]]:
    cells = settled.cells_of(subject_id, domain_of(""))
    return lineage.cited(cell for cell in cells if cell["attribute"] == name)


def declared_sources() -> list[Declared]:
    """Every table source in force."""
    return sources()


def source_named(name: str) -> Declared:
    """One source by `pack:key`; raises NotFound."""
    return source_of(name)


def batch_by_ref(ref: str) -> Batch | None:
    """The batch that a page names."""
    return Batch.objects.select_related("office").filter(ref=ref).first()


def reviews(after: str = "", limit: int = 50, state: str = "open") -> list[LinkReview]:
    """Pairs in the grey zone, the likeliest first, after the one whose ref is `after`; at most 200."""
    return review.listed(after, limit, state=state, at=clock.now())


def review_by_ref(ref: str) -> LinkReview | None:
    """The pair that a page names."""
    return LinkReview.objects.select_related("batch", "left", "right").filter(ref=ref).first()


review_pair = review.pair
supplier_sheet = corrections.sheet
comparisons = review.comparisons


def attribute_versions() -> Any:
    """Published versions of all attributes, newest first."""
    return AttributeVersion.objects.select_related("order").order_by("-id")


def order_by_ref(ref: str) -> Order | None:
    """The order that a page names."""
    return Order.objects.select_related("place").filter(ref=ref).first()


def orders() -> Any:
    """Orders, newest first."""
    return Order.objects.order_by("-proposed_at", "-id")
