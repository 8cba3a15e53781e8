"""The declarations that operations owns: kinds of incident and matter, and what a pack puts on the screen."""

from .kinds import Kind, Matter
from .panels import Measure

__all__ = ["Kind", "Matter", "Measure"]
