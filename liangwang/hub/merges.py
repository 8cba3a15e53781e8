"""The append-only log of merges and splits: two subjects found to be one, or taken apart again; ids are never used again."""

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar

from liangwang.base.errors import Refusal
from liangwang.base.events import emit
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.base.models import Subject

from .models import Merge


class NotTwo(Refusal):
    status, code = 422, "not_two_subjects"
    template: ClassVar[Label] = {
        "zh": "合并的须是同一类的两个不同主体",
        "en": "Two different subjects of one kind can be merged, nothing else",
    }


class MergedAlready(Refusal):
    status, code = 409, "merged_already"
    template: ClassVar[Label] = {
        "zh": "主体 {ref} 已并入 {into}：请与后者合并，或先撤销那次合并",
        "en": "Subject {ref} is part of {into} already: merge with that one, or undo that merge first",
    }


class HoldsOthers(Refusal):
    """A chain a → b → c would make the order of undoing matter, so a subject that holds others is only kept."""

    status, code = 409, "holds_others"
    template: ClassVar[Label] = {
        "zh": "主体 {ref} 已并有其他主体，只能保留：请反向合并，或先撤销那些合并",
        "en": "Subject {ref} holds others, so it can only be kept: merge the other way round, or undo those first",
    }


class SplitAlready(Refusal):
    status, code = 409, "split_already"
    template: ClassVar[Label] = {
        "zh": "这次合并已经撤销过",
        "en": "This merge has been undone already",
    }


def merge(
    kept: Subject,
    merged: Subject,
    *,
    method: str,
    at: datetime,
    score: float | None = None,
    model: str = "",
    by: Actor | None = None,
) -> Merge:
    """Records that two subjects are one: from now on readers see the rows of both under `kept`.

    No row is rewritten, so that `split` restores everything. Inside a transaction. Raises NotTwo, MergedAlready,
    HoldsOthers.
    """
    kept, merged = _locked(kept, merged)
    if kept.pk == merged.pk or kept.kind != merged.kind:
        raise NotTwo
    for one in (kept, merged):
        if one.merged_into is not None:
            raise MergedAlready(ref=one.ref, into=one.merged_into.ref)
    if Subject.objects.filter(merged_into=merged).exists():
        raise HoldsOthers(ref=merged.ref)
    Subject.objects.filter(pk=merged.pk).update(merged_into=kept, ended_at=merged.ended_at or at)
    row = _log(kept, merged, "merge", at=at, method=method, score=score, model=model, by=by)
    emit("subject.merged", kept.ref, at, {"merged": merged.ref}, key=f"subject.merged/{row.ref}")
    return row


def split(undone: Merge, *, at: datetime, by: Actor | None = None) -> Merge:
    """Takes a merge back: the merged subject stands for itself again. Inside a transaction; raises SplitAlready."""
    kept, merged = _locked(undone.kept, undone.merged)
    if undone.kind != "merge" or Merge.objects.filter(undoes=undone).exists():
        raise SplitAlready
    ended = None if merged.ended_at == undone.at else merged.ended_at  # who had ended before stays ended
    Subject.objects.filter(pk=merged.pk).update(merged_into=None, ended_at=ended)
    row = _log(kept, merged, "split", at=at, method=undone.method, undoes=undone, by=by)
    emit("subject.split", kept.ref, at, {"merged": merged.ref}, key=f"subject.split/{row.ref}")
    return row


def _locked(first: Subject, second: Subject) -> tuple[Subject, Subject]:
    """Both subjects as they are now; locked in the order of their ids, so that two merges never wait for each other."""
    found = {
        one.pk: one
        for one in Subject.objects.select_for_update().filter(pk__in=(first.pk, second.pk)).order_by("pk")
    }
    return found[first.pk], found[second.pk]


def _log(
    kept: Subject,
    merged: Subject,
    kind: str,
    *,
    at: datetime,
    method: str,
    score: float | None = None,
    model: str = "",
    undoes: Merge | None = None,
    by: Actor | None = None,
) -> Merge:
    return Merge.objects.create(
        kept=kept,
        merged=merged,
        kind=kind,
        undoes=undoes,
        method=method,
        score=score,
        model=model,
        by_id=by.party_id if by else None,
        at=at,
    )


def aliases() -> dict[int, int]:
    """Merged subject → the one that is kept, for all that are merged now. There are no chains."""
    return dict(Subject.objects.exclude(merged_into=None).values_list("id", "merged_into_id"))


def kept_of(subject_id: int) -> int:
    """The subject as which this one is read now: itself, or the one it was merged into."""
    into = Subject.objects.filter(pk=subject_id).values_list("merged_into_id", flat=True).first()
    return into or subject_id


def family(subject_ids: Iterable[int]) -> set[int]:
    """The subjects together with all that are one with them now: whom a change touches."""
    found = set(subject_ids)
    pairs = aliases()
    kept = {pairs.get(one, one) for one in found}
    return found | kept | {merged for merged, into in pairs.items() if into in kept}
