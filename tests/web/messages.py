"""Finds every string that pages say through gettext, by surface: templates by their tags, Python by its calls."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

WEB = Path(__file__).parents[2] / "liangwang" / "web"
SURFACES = ("shared", "resident", "staff", "field", "command", "gate", "data")
CALLS = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy"}
TAG = re.compile(r"""\{%\s*trans(?:late)?\s+(["'])(.+?)\1""")
INLINE = re.compile(r"""\b_\((["'])(.+?)\1\)""")
BLOCK = re.compile(
    r"\{%\s*blocktrans(?:late)?(?P<head>[^%]*)%\}(?P<body>.*?)\{%\s*endblocktrans(?:late)?\s*%\}", re.S
)
PLURAL = re.compile(r"\{%\s*plural\s*%\}")
VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


def of_template(text: str) -> Iterator[str]:
    """The msgids of one template."""
    for match in BLOCK.finditer(text):
        body = PLURAL.split(match["body"])[0]
        if "trimmed" in match["head"]:
            body = " ".join(line.strip() for line in body.splitlines()).strip()
        yield VARIABLE.sub(r"%(\1)s", body.replace("%", "%%"))
    rest = BLOCK.sub("", text)
    for found in (*TAG.finditer(rest), *INLINE.finditer(rest)):
        yield found[2]


def of_python(text: str) -> Iterator[str]:
    """The msgids of one module."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in CALLS and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def surface_of(path: Path) -> str:
    """Which surface a file belongs to; what no other surface owns is shared."""
    parts = path.relative_to(WEB).parts
    name = parts[1] if parts[0] == "templates" and len(parts) > 2 else parts[0]
    return name if name in SURFACES else "shared"


def msgids() -> dict[str, dict[str, list[str]]]:
    """{surface: {msgid: [files]}} of everything under liangwang/web."""
    found: dict[str, dict[str, list[str]]] = {surface: {} for surface in SURFACES}
    for path in sorted([*WEB.rglob("*.py"), *WEB.rglob("*.html")]):
        # The style page is made-up content for designers, not a page of the city.
        if path.name.startswith("style"):
            continue
        read = of_python if path.suffix == ".py" else of_template
        for msgid in read(path.read_text()):
            found[surface_of(path)].setdefault(msgid, []).append(str(path.relative_to(WEB)))
    return found
