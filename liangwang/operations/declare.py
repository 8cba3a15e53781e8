"""The declarations that operations owns: what a pack puts on the screen."""

from .panels import Measure

__all__ = ["Measure"]
