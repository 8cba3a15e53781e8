"""A draft follows its item: answers that still fit stay, what is newly asked is marked, what went is laid aside."""

from datetime import datetime

from liangwang.base import audit
from liangwang.base.access import thing_of
from liangwang.base.hats import platform
from liangwang.base.labels import Label

from .. import catalogue
from ..compiled import Bound
from ..drafting import bound_of, hash_in_force, version_of
from ..groups import declared_name
from ..merge import questions
from ..models import Draft, ItemVersion
from ..vocabulary import field_id


def follow_item(*, draft: Draft, at: datetime) -> Draft:
    """Brings an open draft to the version of its item that is in force; a withdrawn item leaves it as it is."""
    return bring_up_to_date(draft, version_of(draft.key, at), at) if hash_in_force(draft.key, at) else draft


def bring_up_to_date(draft: Draft, version: ItemVersion, at: datetime) -> Draft:
    """Moves an open draft to `version`, once; the draft of a published item never changes what was published.

    Inside a write. Options that are no longer there are asked anew; values that no longer fit stay as they were typed
    and are shown with what to change.
    """
    fresh = (
        Draft.objects.select_for_update(of=("self",))
        .select_related("version", "applicant", "place")
        .get(pk=draft.pk)
    )
    if fresh.version_id == version.pk or fresh.state != Draft.State.OPEN:
        return fresh
    before, after = bound_of(fresh.version), bound_of(version)
    was, now = _declared(before), _declared(after)
    for field in [
        name for name in fresh.answers if declared_name(name) in was and declared_name(name) not in now
    ]:
        value = fresh.answers.pop(field)
        _lay_aside(fresh, field, was[declared_name(field)], value, at)
    _scenario(fresh, before, after, at)
    fresh.fresh = sorted({*(name for name in fresh.fresh if name in now), *(set(now) - set(was))})
    fresh.version, fresh.carried_at = version, at
    fresh.save(update_fields=["version", "answers", "scenario", "aside", "fresh", "carried_at"])
    body = {"version": version.hash, "aside": len(fresh.aside), "fresh": fresh.fresh}
    audit.record(platform(fresh.key.partition(":")[0]), "update", thing_of("draft", fresh), at=at, body=body)
    return fresh


def _scenario(draft: Draft, before: Bound, after: Bound, at: datetime) -> None:
    """Answers about the situation stay where question and option are still there."""
    options = {q.question: {o.option for o in q.options} for q in questions(after)}
    labels: dict[str, Label] = {q.question: q.label for q in questions(before)}
    words = {(q.question, o.option): o.label["zh"] for q in questions(before) for o in q.options}
    for question, option in list(draft.scenario.items()):
        if question in labels and option not in options.get(question, ()):
            del draft.scenario[question]
            said = words.get((question, option), option)
            _lay_aside(draft, f"question.{question}", labels[question], said, at)


def _declared(bound: Bound) -> dict[str, Label]:
    """Every field that a version can ask, with its label; a field of a group under the group's own key."""
    words = catalogue.words()
    fields = [f for source in bound.items for f in source.item.fields]
    fields += [f for source in bound.items for group in source.item.groups for f in group.fields]
    return {field_id(f.role, f.concept): f.label or words.concept(f.concept).label for f in fields}


def _lay_aside(draft: Draft, field: str, label: Label, value: object, at: datetime) -> None:
    """`value` as it lies in the draft: a sealed one is sealed to the draft and the field, and stays so."""
    if value not in (None, ""):
        draft.aside.append(
            {"field": field, "label": dict(label), "value": value, "at": at.isoformat(), "why": "version"}
        )
