"""Before and after: what joining items saves, computed, with the definition of "before" in it."""

import msgspec

from liangwang.base.labels import Label

from .compiled import Bound, Compiled
from .declare import Bundle, Delivery, Item, holds
from .merge import Answers
from .plan import longest_chain
from .supply import identities
from .vocabulary import Words

BEFORE: Label = {
    "zh": "“改革前”= 各事项按其公布的办事指南逐个办理之和：材料、证明、表格栏目、跑动次数逐项相加；"
    "环节 = 每个事项申请 1 个加公布的办理环节（含缴费）；时间 = 各事项承诺工作日首尾相接。不是历史实测。",
    "en": "“Before” is the items taken one after another as their own guides publish them: materials, proofs, fields and"
    " trips added up; steps = one application for each item plus its published steps and payments; time = the promised"
    " working days end to end. It is not a measurement of the past.",
}
AFTER: Label = {
    "zh": "“改革后”= 本次编译的结果，当作对申请人一无所知：仍需您交的材料、仍需您填的栏目；"
    "环节 = 申请 1 个加最长一串互相等待的环节；时间 = 关键路径；跑动 = 不能邮寄、只能领取的结果合成一次。",
    "en": "“After” is this compilation, knowing nothing of the applicant: materials and fields still asked; steps = one"
    " application plus the longest chain of steps that wait for one another; time = the critical path; trips = one visit"
    " for all results that can only be collected.",
}
KNOWN: Label = {
    "zh": "“数据齐全”= 同一次编译，当作申请人的证照都在库、能核验的数据都已核验、能承诺的都作了承诺："
    "这是数据到位以后的下限，不是现状。",
    "en": "“All known” is the same compilation for somebody whose certificates are all in the library, whose data are all"
    " verified and who makes every commitment offered: the least that it can come to, not what it is today.",
}


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One side of the comparison; days are working days."""

    materials: int
    proofs: int
    steps: int
    days: int
    trips: int
    fields: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Both sides, what each means, and what a person still has to do."""

    before: Side
    after: Side
    definition: Label
    after_definition: Label
    remains: tuple[Label, ...]

    def saved(self) -> dict[str, int]:
        """Per cent saved in each dimension, rounded down; 0 where there was nothing before.

        >>> one = Side(materials=4, proofs=0, steps=1, days=2, trips=1, fields=3)
        >>> two = Side(materials=1, proofs=0, steps=1, days=1, trips=0, fields=3)
        >>> Report(before=one, after=two, definition=BEFORE, after_definition=AFTER, remains=()).saved()["materials"]
        75
        """
        before, after = msgspec.structs.asdict(self.before), msgspec.structs.asdict(self.after)
        return {key: (was - after[key]) * 100 // was if was else 0 for key, was in before.items()}


def report(bound: Bound, compiled: Compiled, answers: Answers, words: Words) -> Report:
    """Before and after for one situation; items whose result the person already has count on neither side."""
    return Report(
        before=_before(compiled, answers, words),
        after=after(bound, compiled, answers),
        definition=BEFORE,
        after_definition=AFTER,
        remains=_remains(compiled, answers),
    )


def _before(compiled: Compiled, answers: Answers, words: Words) -> Side:
    published = [identity for source in compiled.items for identity in identities([source], answers)]
    return Side(
        materials=len(published),
        proofs=sum(words.document(kind).kind == "proof" for kind, *_ in published),
        steps=sum(1 + _steps(source.item, answers) for source in compiled.items),
        days=sum(source.item.promised_days.days for source in compiled.items),
        trips=sum(source.item.trips for source in compiled.items),
        fields=sum(len(ask.asked_by) for page in compiled.pages for ask in page.fields),
    )


def after(bound: Bound, compiled: Compiled, answers: Answers) -> Side:
    """What one compilation leaves to be done."""
    asked = compiled.materials_asked
    return Side(
        materials=len(asked),
        proofs=sum(need.kind == "proof" for need in asked),
        steps=1 + len(longest_chain(compiled.nodes)) if compiled.nodes else 0,
        days=compiled.promised_days,
        trips=_trips(bound, compiled, answers),
        fields=len(compiled.asks),
    )


def _trips(bound: Bound, compiled: Compiled, answers: Answers) -> int:
    """Visits that no post saves, all in one; a single item keeps the visits that it publishes."""
    if not isinstance(bound.head, Bundle):
        return sum(source.item.trips for source in compiled.items)
    return int(any(set(d.ways) == {"collect"} for d in _deliveries(compiled, answers)))


def _remains(compiled: Compiled, answers: Answers) -> tuple[Label, ...]:
    papers = tuple(d.label for d in _deliveries(compiled, answers) if d.ways != ("electronic",))
    consents = tuple(consent.label for consent in compiled.consents)
    asked = tuple(
        Label(
            zh=f"上传:{need.role_label['zh']}的{need.label['zh']}",
            en=f"Upload: {need.label['en']} ({need.role_label['en']})",
        )
        for need in compiled.materials_asked
        if need.required
    )
    return (*asked, *consents, *papers)


def _deliveries(compiled: Compiled, answers: Answers) -> list[Delivery]:
    return [d for source in compiled.items for d in source.item.delivery if holds(d.when, answers)]


def _steps(item: Item, answers: Answers) -> int:
    return sum(holds(step.when, answers) for step in item.steps) + sum(
        holds(fee.when, answers) for fee in item.fees
    )
