"""Compiles .po catalogues to .mo beside them; a string marked fuzzy stays Chinese."""

import sys
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po


def compile_catalogue(source: Path) -> None:
    """Writes the .mo in one step, so that a page never reads half a file."""
    with source.open("rb") as f:
        catalogue = read_po(f)
    target = source.with_suffix(".mo")
    part = target.with_suffix(".part")
    with part.open("wb") as f:
        write_mo(f, catalogue)
    part.replace(target)


for name in sys.argv[1:]:
    compile_catalogue(Path(name))
