"""What `liangwang check` looks for in the sources of a pack."""

from collections.abc import Iterator

from liangwang.base.declare import Problem
from liangwang.base.inspection import Look, inspect
from liangwang.base.packs import Declared

from .declare import Source


@inspect("sources.yaml")
def registers_in_an_emergency(one: Declared, look: Look) -> Iterator[Problem]:
    """A source of an emergency pack makes no subjects, because they would outlive the order."""
    mode = next(pack.meta.mode for pack in look.packs() if pack.key == one.pack)
    if mode == "emergency" and isinstance(one.value, Source) and one.value.registers:
        yield look.problem(
            one,
            ("registers",),
            "outlives_order",
            {
                "zh": f"应急应用的来源“{one.key}”不能新立主体：应急令终止后他们还在",
                "en": f"'{one.key}' of an emergency pack may not register subjects: they would outlive the order",
            },
            {
                "zh": "删去 registers，或由常态应用登记",
                "en": "remove 'registers', or let a routine pack register them",
            },
        )
