"""How the hub's things show themselves to the policy: batches, attributes and orders."""

from liangwang.base.access import Thing, register_kind

from .actions import thing as order_thing
from .inbox import thing as batch_thing
from .models import AttributeVersion
from .review import thing as review_thing


def _attribute(version: AttributeVersion) -> Thing:
    return Thing(kind="attribute", ref=version.version)


register_kind("batch", of=batch_thing, offices=("office_id",))
register_kind("review", of=review_thing)
register_kind("attribute", of=_attribute)
register_kind("order", of=order_thing, place="place__code")
