"""How the hub's things show themselves to the policy: batches, pairs, attributes, disagreements and orders."""

from dataclasses import replace

from liangwang.base.access import Thing, register_kind

from .actions import thing as order_thing
from .disagree import thing as disagreement_thing
from .inbox import thing as batch_thing
from .models import AttributeVersion, Disagreement
from .review import thing as review_thing


def _attribute(version: AttributeVersion) -> Thing:
    return Thing(kind="attribute", ref=version.version)


def _disagreement(one: Disagreement) -> Thing:
    return replace(disagreement_thing(one), kind="disagreement")


register_kind("batch", of=batch_thing, offices=("office_id",))
register_kind("review", of=review_thing)
register_kind("attribute", of=_attribute)
register_kind("disagreement", of=_disagreement, departments=("department",), personal=True)
register_kind("order", of=order_thing, place="place__code")
