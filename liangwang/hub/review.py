"""The grey zone, decided by a person: pairs side by side with names masked, a decision that can be taken back."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, ClassVar

import pyarrow.parquet as pq
from django.db.models import Q, QuerySet

from liangwang.base import audit
from liangwang.base.access import Thing, require
from liangwang.base.errors import NotFound, Refusal
from liangwang.base.events import emit
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Company, Guardian, Person, Place, Subject
from liangwang.base.subjects import masked
from liangwang.base.transactions import write
from liangwang.engines.linkage import Model

from . import merges, store
from .models import Batch, LateLink, LinkReview, Partition
from .orders import acting, may_act, require_in_force
from .sources import is_emergency, source_of, sources

METHOD = "review"
SIDES: tuple[Label, Label] = ({"zh": "甲", "en": "A"}, {"zh": "乙", "en": "B"})
MISSING: Label = {"zh": "一方未填", "en": "not given on one side"}
SAME: Label = {"zh": "一致", "en": "the same"}
CLOSE: Label = {"zh": "相近", "en": "close"}
DIFFERENT: Label = {"zh": "不同", "en": "different"}
COMPARISONS: dict[str, Label] = {
    "name": {"zh": "姓名", "en": "Name"},
    "birth": {"zh": "出生日期", "en": "Date of birth"},
    "sex": {"zh": "性别", "en": "Sex"},
    "phone": {"zh": "手机号", "en": "Mobile number"},
    "address": {"zh": "地址", "en": "Address"},
    "identity": {"zh": "证件号码", "en": "Identity number"},
}


class OwnRecord(Refusal):
    status, code = 403, "own_record"
    template: ClassVar[Label] = {
        "zh": "这一对涉及您本人或您监护的人，请由同事判断",
        "en": "This pair is about you or someone in your care; a colleague decides it",
    }


class DecidedAlready(Refusal):
    status, code = 409, "decided_already"
    template: ClassVar[Label] = {
        "zh": "这一对已经有人判断过，或已凭证件号码关联",
        "en": "This pair has been decided already, or was linked by its number in the meantime",
    }


class NotDecided(Refusal):
    status, code = 409, "not_decided"
    template: ClassVar[Label] = {
        "zh": "这一对还没有判断，没有可撤销的",
        "en": "This pair has not been decided, so there is nothing to undo",
    }


# --- how pairs come in ---------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """One pair in the grey zone: a row of the batch (`row`) or a subject (`left`), and the likely subject."""

    right: int
    score: float
    model: str
    agreement: dict[str, tuple[int, int]] = field(default_factory=dict)
    others: tuple["Doubt", ...] = ()
    row: int | None = None
    left: int | None = None


def open_for_rows(batch: Batch, doubts: Iterable[Doubt], at: datetime) -> None:
    """Opens one review for each row in doubt, in the transaction in which the batch counts."""
    made = [_review(one, batch.pack, at, source=batch.source, batch=batch, row=one.row) for one in doubts]
    LinkReview.objects.bulk_create(made, batch_size=500, ignore_conflicts=True)


def open_for_pairs(doubts: Iterable[Doubt], at: datetime, pack: str = "") -> int:
    """Opens reviews for pairs of subjects and returns how many are new: a pair that was decided stays decided."""
    wanted = {}
    for one in doubts:
        first, second = sorted((one.left or 0, one.right))
        wanted[first, second] = one
    firsts = [first for first, _ in wanted]
    known: set[tuple[int, int]] = set()
    for start in range(0, len(firsts), 500):
        rows = LinkReview.objects.filter(left__in=firsts[start : start + 500])
        known |= {(left or 0, right) for left, right in rows.values_list("left_id", "right_id")}
    made = [
        _review(one, pack, at, left_id=pair[0], right_id=pair[1])
        for pair, one in sorted(wanted.items())
        if pair not in known
    ]
    LinkReview.objects.bulk_create(made, batch_size=500, ignore_conflicts=True)
    return len(made)


def _review(doubt: Doubt, pack: str, at: datetime, **which: Any) -> LinkReview:
    others = [
        {"subject_id": one.right, "score": one.score, "agreement": one.agreement, "of": doubt.left}
        for one in doubt.others
    ]
    given = {"right_id": doubt.right, **which}
    return LinkReview(
        pack=pack,
        score=doubt.score,
        model=doubt.model,
        agreement={name: list(level) for name, level in doubt.agreement.items()},
        others=others,
        opened_at=at,
        **given,
    )


# --- deciding ------------------------------------------------------------------------------------------


def thing(review: LinkReview) -> Thing:
    """How a pair shows itself to the policy; those it is about find every look on their page."""
    return Thing(kind="review", ref=review.ref, subject_ids=frozenset(_subjects(review)))


def _subjects(review: LinkReview) -> set[int]:
    return {one for one in (review.left_id, review.right_id) if one is not None}


def decide(review: LinkReview, verdict: str, *, actor: Actor, at: datetime) -> LinkReview:
    """Says that a pair is the `same` or stands `apart`; the same row is linked, the same subjects are merged.

    Inside a transaction. Raises OwnRecord, DecidedAlready, OutsideOrder, or what `merges.merge` raises.
    """
    _may_handle(review, actor, at)
    state = LinkReview.State(verdict)
    if state == LinkReview.State.OPEN:
        raise ValueError("a verdict is 'same' or 'apart'")
    won = LinkReview.objects.filter(pk=review.pk, state=LinkReview.State.OPEN).update(
        state=state, decided_at=at, decided_by_id=actor.party_id
    )
    if not won:
        raise DecidedAlready
    review.refresh_from_db()
    if state == LinkReview.State.SAME:
        _join(review, actor, at)
    else:
        _offer_next(review, at)
    _written(review, actor, at, outcome=verdict)
    return review


def undo(review: LinkReview, *, actor: Actor, at: datetime) -> LinkReview:
    """Takes a decision back: the late link ends or the merge is split, and the pair is open again.

    Nothing is deleted: link, merge, split and both acts stay in their logs. Inside a transaction.
    """
    _may_handle(review, actor, at)
    before = review.state
    late, merge = review.late_link, review.merge
    won = LinkReview.objects.filter(pk=review.pk, state=before).exclude(state=LinkReview.State.OPEN)
    if not won.update(
        state=LinkReview.State.OPEN, decided_at=None, decided_by=None, late_link=None, merge=None
    ):
        raise NotDecided
    if late is not None:
        LateLink.objects.filter(pk=late.pk, ended_at=None).update(ended_at=at)
    if merge is not None:
        merges.split(merge, at=at, by=actor)
    review.refresh_from_db()
    _written(review, actor, at, outcome=f"undone:{before}")
    return review


def _offer_next(review: LinkReview, at: datetime) -> None:
    """Opens a pair with the next candidate, where it is likely enough now that one is turned down.

    Of candidates at most one is right, so what the others had of the certainty grows: s / (1 - turned down).
    """
    left = max(1 - review.score, 1e-6)
    others = [{**one, "score": round(min(one["score"] / left, 1.0), 6)} for one in review.others]
    if not others or others[0]["score"] < Model.review:
        return
    first, *rest = (
        Doubt(
            right=one["subject_id"],
            score=one["score"],
            model=review.model,
            agreement=one["agreement"],
            row=review.row,
            left=one["of"],
        )
        for one in others
    )
    doubt = replace(first, others=tuple(rest))
    if review.batch is None:
        open_for_pairs([doubt], at, review.pack)
    else:
        open_for_rows(review.batch, [doubt], at)


def _may_handle(review: LinkReview, actor: Actor, at: datetime) -> None:
    require(actor, "handle", thing(review))
    require_in_force(review.pack, at)
    _not_own(review, actor)


def _not_own(review: LinkReview, actor: Actor) -> None:
    if actor.subject_id is None:
        return
    cared = Guardian.objects.filter(guardian=actor.subject_id, ended_at=None)
    own = merges.family({actor.subject_id, *cared.values_list("ward_id", flat=True)})
    if own & {*_subjects(review), *(other["subject_id"] for other in review.others)}:
        raise OwnRecord


def _join(review: LinkReview, actor: Actor, at: datetime) -> None:
    """The link of a row, or the merge of two subjects; of two the one that holds others, else the older, is kept."""
    if review.left is None:
        _join_row(review, at)
        return
    first, second = sorted((review.left, review.right), key=lambda one: one.pk)
    if Subject.objects.filter(merged_into=second).exists():
        first, second = second, first
    merge = merges.merge(
        first, second, method=METHOD, score=review.score, model=review.model, at=at, by=actor
    )
    LinkReview.objects.filter(pk=review.pk).update(merge=merge)


def _join_row(review: LinkReview, at: datetime) -> None:
    assert review.batch is not None and review.row is not None
    if LateLink.objects.filter(batch=review.batch, row=review.row, ended_at=None).exists():
        raise DecidedAlready
    late = LateLink.objects.create(
        batch=review.batch,
        row=review.row,
        subject=review.right,
        method=METHOD,
        score=review.score,
        model=review.model,
        at=at,
    )
    LinkReview.objects.filter(pk=review.pk).update(late_link=late)


def _written(review: LinkReview, actor: Actor, at: datetime, *, outcome: str) -> None:
    """The act in the log, and the event on which the subjects are settled and judged anew."""
    review.refresh_from_db()
    entry = audit.record(actor, "handle", thing(review), at=at, outcome=outcome)
    emit("review.decided", review.ref, at, {"outcome": outcome}, key=f"review.decided/{entry.pk}")


def erase(pack: str) -> int:
    """Removes the pairs and late links of a pack's rows, by law, and returns how many; acts stay in the audit log."""
    reviews, _ = LinkReview.objects.filter(pack=pack).delete()
    links, _ = LateLink.objects.filter(batch__pack=pack).delete()
    return reviews + links


# --- looking -------------------------------------------------------------------------------------------


def listed(after: str = "", limit: int = 50, *, state: str = "open", at: datetime) -> list[LinkReview]:
    """Reviews in one state, the likeliest first, after the one called `after`; nothing of packs that may not act."""
    rows = visible(at).filter(state=state).order_by("-score", "id")
    last = LinkReview.objects.filter(ref=after).first() if after else None
    if last is not None:
        rows = rows.filter(Q(score__lt=last.score) | Q(score=last.score, id__gt=last.pk))
    return list(rows.select_related("batch", "left", "right")[: max(1, min(limit, 200))])


def visible(at: datetime) -> QuerySet[LinkReview]:
    """Every pair but those of emergency packs that may not act."""
    live = acting(at)
    closed = {one.pack for one in sources() if is_emergency(one.pack) and one.pack not in live}
    return LinkReview.objects.exclude(pack__in=closed)


def pair(actor: Actor, review: LinkReview, at: datetime, *, reveal: bool = False) -> dict[str, Any]:
    """Both sides of a pair as a reviewer sees them, and how they compare, in words; the look is audited.

    Names are masked and only the year of birth shows until `reveal` is asked for; identity numbers, phones and
    addresses never show, only whether they agree. Neither the score nor which side is the register's is told
    before the decision, because both push the reviewer.
    """
    require(actor, "handle" if reveal else "read", thing(review))
    if not may_act(review.pack, at):
        raise NotFound
    _not_own(review, actor)
    with write():
        audit.record(actor, "read", thing(review), at=at, outcome="revealed" if reveal else "masked")
    sides = [_subject_side(review.left) if review.left else _row_side(review), _subject_side(review.right)]
    if hashlib.sha256(review.ref.encode()).digest()[0] & 1:
        sides.reverse()
    decided = review.state != LinkReview.State.OPEN
    return {
        "ref": review.ref,
        "about": review.right.kind,
        "state": review.state,
        "revealed": reveal,
        "sides": [
            {"label": label, **(side if reveal else _masked(side))}
            for label, side in zip(SIDES, sides, strict=True)
        ],
        "comparisons": comparisons(review.agreement),
        "others": len(review.others),
        "decided_at": review.decided_at,
        "score": review.score if decided else None,
        "model": review.model if decided else None,
    }


def comparisons(agreement: dict[str, list[int]]) -> list[dict[str, Any]]:
    """Each comparison in words; a level counts from 0 (different) to levels - 1 (the same), -1 is not known."""
    found = []
    for name, (level, levels) in sorted(agreement.items(), key=_as_read):
        words = SAME if level >= levels - 1 else CLOSE if level > 0 else DIFFERENT if level == 0 else MISSING
        label = COMPARISONS.get(name, {"zh": name, "en": name})
        found.append({"field": name, "label": label, "level": level, "levels": levels, "words": words})
    return found


def _as_read(comparison: tuple[str, Any]) -> tuple[int, str]:
    """The order in which people read comparisons: name first, then birth, sex, phone, address."""
    known = list(COMPARISONS)
    name = comparison[0]
    return (known.index(name) if name in known else len(known)), name


def _subject_side(subject: Subject) -> dict[str, Any]:
    """What base knows of a subject in the clear: name, birth, sex; a company's code and a place's are public."""
    person = Person.objects.filter(pk=subject.pk).first()
    if person is not None:
        return _side(person.name, birth=person.birth_on, sex=person.sex)
    company = Company.objects.filter(pk=subject.pk).first()
    if company is not None:
        return _side(company.name, code=company.credit_code, personal=False)
    place = Place.objects.filter(subject=subject).first()
    return _side(place.name["zh"] if place else "", code=place.code if place else "", personal=False)


def _row_side(review: LinkReview) -> dict[str, Any]:
    """What the row says in the clear, read from its partition."""
    declared = source_of(f"{review.pack}:{review.source}").value
    said = {
        column.says: name for name, column in declared.columns.items() if column.says and not column.sealed
    }
    wanted = {field: said[field] for field in ("name", "birth_date", "sex") if field in said}
    parts = Partition.objects.filter(batch=review.batch, kind=Partition.Kind.ROWS, ended_at=None)
    for part in parts:
        found = pq.read_table(
            store.folder() / part.path,
            columns=list(wanted.values()),
            filters=[("row", "=", review.row)],
        ).to_pylist()
        if found:
            row = found[0]
            birth, sex = row.get(wanted.get("birth_date", "")), row.get(wanted.get("sex", ""))
            personal = review.right.kind == Subject.Kind.PERSON
            return _side(row.get(wanted.get("name", "")) or "", birth=birth, sex=sex, personal=personal)
    return _side("")


def _side(
    name: str, *, birth: date | None = None, sex: str | None = None, code: str = "", personal: bool = True
) -> dict[str, Any]:
    return {"name": name, "birth": birth, "sex": sex, "code": code, "personal": personal}


def _masked(side: dict[str, Any]) -> dict[str, Any]:
    if not side["personal"]:
        return side
    birth = side["birth"]
    return {
        **side,
        "name": masked(side["name"]) if side["name"] else "",
        "birth": birth.year if birth else None,
    }
