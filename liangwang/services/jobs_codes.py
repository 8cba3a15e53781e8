"""What codes do by themselves: a worse status voids living codes, orders renew the gates' list, passes flow back."""

from datetime import datetime

from django_tasks import task

from liangwang.base import clock
from liangwang.base.events import subscribe
from liangwang.base.models import Event
from liangwang.hub import attributes

from . import gate_list, gate_log


@subscribe("attribute.published", name="services.codes")
def void_worse(event: Event) -> None:
    """Codes of people whose status became stricter are void at once; the next code shows the new one."""
    if event.body["name"] == gate_list.STATUS_ATTRIBUTE:
        worse = attributes.worsened(event.body["name"], event.body["version"]).tolist()
        held = attributes.current(event.body["name"])
        gate_list.revoke(
            {subject: held.lookup(subject) if held else 1 for subject in worse}, event.at, "worse"
        )
    renew_state.enqueue()


@subscribe("order.opened", name="services.gates")
@subscribe("order.ended", name="services.gates")
def renew(event: Event) -> None:
    """Gates learn at once that an order opened or ended."""
    gate_list.revoke_all(event.at, event.type.replace(".", "_"))
    renew_state.enqueue()


@task()
def renew_state() -> None:
    """Writes the gates' file anew."""
    gate_list.write_state(clock.now())


@task()
def passes_flow_back() -> None:
    """Moves finished segments of passes into the hub."""
    gate_log.collect(clock.now())


def tick(at: datetime) -> None:
    """Once a minute: the list's age starts again, and passes flow back."""
    if at.timestamp() - gate_list.state().at_s > RENEW_S:
        renew_state.enqueue()
        passes_flow_back.enqueue()


RENEW_S = 60
