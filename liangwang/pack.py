"""What a pack's own Python (logic.py, demo.py) may import: the façade, and nothing else of the kernel."""

from liangwang.base.labels import Label
from liangwang.base.packs import Declared, declarations, declared
from liangwang.base.units import duration, quantity
from liangwang.base.vocabulary import concept, material

__all__ = ["Declared", "Label", "concept", "declarations", "declared", "duration", "material", "quantity"]
