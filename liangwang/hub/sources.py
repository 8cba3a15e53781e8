"""Which sources are declared, and how a delivery names one."""

from liangwang.base.errors import NotFound
from liangwang.base.packs import Declared, declarations, packs

from .declare import Source


def sources() -> list[Declared]:
    """Every declared table source in force (streams are operations')."""
    return [one for one in declarations("sources.yaml") if isinstance(one.value, Source)]


def source_of(name: str) -> Declared:
    """The source called `pack:key`, or by its key alone where only one pack has it; raises NotFound."""
    found = [one for one in sources() if name in {one.ref, one.key}]
    if len(found) != 1:
        raise NotFound
    return found[0]


def is_emergency(pack: str) -> bool:
    """Whether a pack acts under an order only."""
    return any(one.key == pack and one.meta.mode == "emergency" for one in packs())
