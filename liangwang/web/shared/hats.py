"""The hat switcher: which hats a person may put on, in words, and which page each starts on."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from liangwang.base import clock
from liangwang.base.hats import Actor, hats_of
from liangwang.base.labels import Label
from liangwang.base.models import Company, Person

ICONS = {
    "self": "user-round",
    "company": "building-2",
    "guardian": "baby",
    "proxy": "hand-helping",
    "assisted": "hand-helping",
    "post": "id-card",
}
HOME = {
    "resident": "/",
    "company": "/",
    "clerk": "/staff/",
    "approver": "/staff/",
    "counter": "/staff/",
    "reform_officer": "/staff/",
    "duty_officer": "/command/",
    "dispatcher": "/command/",
    "supervisor": "/field/",
    "crew": "/field/",
    "committee": "/field/",
    "gatekeeper": "/gate/",
    "data_engineer": "/data/",
}


@dataclass(frozen=True)
class HatChoice:
    """One line of the switcher."""

    key: str
    label: Label
    kind: str
    icon: str


def home_of(actor: Actor) -> str:
    """The page on which a hat starts."""
    return HOME.get(actor.role, "/staff/")


def kind_word(hat: str) -> str:
    return {
        "self": _("本人"),
        "company": _("企业"),
        "guardian": _("监护"),
        "proxy": _("代理"),
        "assisted": _("帮办"),
        "post": _("岗位"),
    }.get(hat, hat)


def hat_choices(request: HttpRequest) -> list[HatChoice]:
    """Every hat of the person who is logged in; wards and givers by name."""
    user: Any = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return []
    hats = hats_of(user, clock.now())
    named = [hat.for_subject_id for hat in hats if hat.hat in {"self", "guardian", "proxy"}]
    names = dict(Person.objects.filter(subject__in=named).values_list("subject_id", "name"))
    givers = [hat.for_subject_id for hat in hats if hat.hat == "proxy"]
    if givers:
        names |= dict(Company.objects.filter(subject__in=givers).values_list("subject_id", "name"))
    return [
        HatChoice(
            hat.key,
            _label(hat, names.get(hat.for_subject_id or 0)),
            kind_word(hat.hat),
            ICONS.get(hat.hat, "user"),
        )
        for hat in hats
    ]


def _label(hat: Actor, name: str | None) -> Label:
    return {"zh": name, "en": name} if name else hat.label
