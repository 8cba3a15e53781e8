"""收件: what is still lacking, the one notice for it, and handing a confirmed draft in for the office that decides."""

from datetime import datetime
from typing import Any

from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.cases import queries as case_queries

from . import actions, catalogue, routing
from .actions.submit import submit
from .counter import NotConfirmed, draft_of, her_word
from .counter_visits import assisted
from .drafting import see
from .models import Draft, Submission
from .models_counter import Intake, Paper, Visit


def lacking_of(draft: Draft, at: datetime) -> list[Any]:
    """Required materials that are asked for and neither uploaded nor on the counter: [Need]."""
    seen = see(draft, at)
    return [need for need in seen.compiled.materials_asked if need.required and need.id not in seen.files]


def may_come_later(need: Any) -> bool:
    """Whether a material gates a later step only, so that 容缺受理 is possible."""
    return bool(need.gates)


def take_in(*, actor: Actor, visit: Visit, key: str, later: str, at: datetime) -> Submission:
    """收件: hands her confirmed draft in for the office that decides, with paper and, for what is lacking, one notice.

    `later`: "supplement" (one notice that lists everything) or "lacking" (容缺受理: promised, gates a later step).
    Raises NotConfirmed, NotReady, NotCitywide and what handing in raises.
    """
    hat, draft = assisted(actor, visit, at), draft_of(visit)
    said = her_word(visit, at)
    if not said:
        raise NotConfirmed
    away = routing.elsewhere(catalogue.bound(draft.key), visit.office.place, visit.subject.person.home)
    lacking = lacking_of(draft, at)
    papers = _labels(draft, at)
    made = submit(actor=hat, draft=draft, key=key, at=at, lacking=frozenset(need.id for need in lacking))
    Intake.objects.get_or_create(
        case=made.case,
        defaults={
            "visit": visit, "office": visit.office, "citywide": away, "confirmed": said, "at": at,
        },
    )  # fmt: skip
    for need, label in papers.items():
        Paper.objects.get_or_create(
            case=made.case, need=need, defaults={"label": label, "held_by": visit.office, "at": at}
        )
    if lacking:
        _ask_for(hat, made, lacking, later, at)
    visit.draft, visit.confirmed = None, {}
    visit.save(update_fields=["draft", "confirmed"])
    return made


def _labels(draft: Draft, at: datetime) -> dict[str, Label]:
    names = {need.id: need.label for need in see(draft, at).compiled.needs}
    return {need: dict(names[need]) for need in draft.papers if need in names}  # type: ignore[misc]


def _ask_for(hat: Actor, made: Submission, lacking: list[Any], later: str, at: datetime) -> None:
    if later == "lacking" and all(may_come_later(need) for need in lacking):
        ids = [need.id for need in lacking]
        actions.accept_lacking(actor=hat, submission=made, materials=ids, at=at)
        return
    wanted: list[Label] = [
        {
            "zh": f"{need.role_label['zh']}的{need.label['zh']}",
            "en": f"{need.label['en']} ({need.role_label['en']})",
        }
        for need in lacking
    ]
    actions.ask_supplement(actor=hat, submission=made, wanted=wanted, at=at)


def still_to_bring(draft: Draft, at: datetime) -> dict[str, Any]:
    """After what data prove: {asked: [Need], not_asked: [Need], office: Label | None, citywide: bool}."""
    seen = see(draft, at)
    office = routing.deciding_office(seen.bound.head.office, draft.place)
    return {
        "asked": seen.compiled.materials_asked,
        "not_asked": seen.compiled.materials_not_asked,
        "office": office.name if office else None,
        "citywide": routing.is_citywide(seen.bound),
    }


def case_from(text: str) -> case_queries.Case | None:
    """The case whose number was scanned or typed; None for any other text."""
    return case_queries.case_by_number(text.strip())


def intake_of(case: case_queries.Case) -> Intake | None:
    """Which counter took a case in; None for one that came over the net."""
    return Intake.objects.select_related("office", "visit__post__party").filter(case=case).first()
