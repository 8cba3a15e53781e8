"""Remakes the generated pages of docs/: commands and pack files. `--check` only says which are out of date.

`make docs` runs it, and then the script that takes the README's screenshots, where there is one.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import types
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "liangwang.settings")

import django  # noqa: E402 - the path comes first

django.setup()

import msgspec  # noqa: E402

from liangwang import check as inspector  # noqa: E402
from liangwang import cli, hot, settings  # noqa: E402
from liangwang.base.declare import schemas  # noqa: E402

MADE = "<!-- 由 make docs 生成，请勿手改 · made by `make docs`, do not edit -->\n\n"


def first_line(thing: Any) -> str:
    return (thing.__doc__ or "").strip().splitlines()[0] if thing.__doc__ else ""


def commands() -> str:
    """docs/how-to/commands.md."""
    lines = [MADE, "# 命令 · Commands\n\n", "## liangwang\n\n"]
    for command in cli.COMMANDS:
        words = " ".join(
            name if name.startswith("--") else name.upper()
            for names, _ in command.arguments
            for name in names
        )
        lines.append(f"- `liangwang {command.name}{' ' + words if words else ''}` — {command.help}\n")
        lines += [f"  - `{names[0]}` {options['help']}\n" for names, options in command.arguments]
    lines.append("\n## make\n\n")
    makefile = (ROOT / "Makefile").read_text().splitlines()
    goals = [line for line in makefile if ":" in line and " ## " in line and not line.startswith("\t")]
    lines += [f"- `make {line.partition(':')[0]}` — {line.partition(' ## ')[2]}\n" for line in goals]
    lines.append(
        "\n## 热路由 · Hot routes\n\n由 web 进程直接回答，不经过 Django · answered by the web process, without Django\n\n"
    )
    lines += [f"- `{r.method} {r.path}` — {r.verb} {r.thing}\n" for r in hot.HOT]
    return "".join(lines)


def words_of(kind: Any) -> str:
    """A type as a reader of YAML needs it."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        marks = [str(m.extra["ref"]) for m in arguments[1:] if getattr(m, "extra", None) and "ref" in m.extra]
        return words_of(arguments[0]) + (f" (→ {', '.join(marks)})" if marks else "")
    if origin is Literal:
        return " · ".join(f"`{a}`" for a in arguments)
    if origin in (Union, types.UnionType):
        return " | ".join(words_of(a) for a in arguments if a is not type(None))
    if origin in (tuple, list, frozenset, set):
        return f"list of {words_of(arguments[0])}" if arguments else "list"
    if origin is not None and arguments:
        return f"map of {words_of(arguments[-1])}"
    names = {"str": "text", "int": "number", "float": "number", "bool": "true/false", "Label": "{zh, en}"}
    name = getattr(kind, "__name__", str(kind))
    return names.get(name, name)


def keys_of(kind: type[msgspec.Struct], done: set[str]) -> str:
    """A Struct as a table of keys, and the Structs inside it after it."""
    done.add(kind.__name__)
    hints = get_type_hints(kind, include_extras=True)
    rows = [f"\n**{kind.__name__}** — {first_line(kind)}\n\n| key | what | needed |\n|---|---|---|\n"]
    inner: list[type[msgspec.Struct]] = []
    for field in msgspec.structs.fields(kind):
        needed = field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT
        shown = words_of(hints[field.name]).replace("|", "\\|")
        rows.append(f"| `{field.encode_name}` | {shown} | {'yes' if needed else ''} |\n")
        inner += structs_in(hints[field.name])
    rows += [keys_of(struct, done) for struct in inner if struct.__name__ not in done]
    return "".join(rows)


def structs_in(kind: Any) -> list[type[msgspec.Struct]]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return [kind]
    return [struct for argument in get_args(kind) for struct in structs_in(argument)]


def pack_files() -> str:
    """docs/how-to/pack-files.md."""
    parts = [
        MADE,
        "# 应用的文件 · The files of a pack\n\n",
        "不认识的键是错误，报文件、行号和改法 · an unknown key is an error, with file, line and remedy\n",
    ]
    inspector.load_schemas()
    for name, schema in sorted(schemas().items()):
        parts.append(f"\n## {name}\n\nowner: `{schema.owner}`\n")
        done: set[str] = set()
        parts += [keys_of(kind, done) for kind in schema.kinds if kind.__name__ not in done]
    return "".join(parts)


PAGES = {"docs/how-to/commands.md": commands, "docs/how-to/pack-files.md": pack_files}


def main(check: bool) -> int:
    old = []
    for name, make in PAGES.items():
        path, text = ROOT / name, make()
        if not path.exists() or path.read_text() != text:
            old.append(name)
            if not check:
                path.write_text(text)
    if check:
        print("\n".join(f"{name}: out of date, run `make docs`" for name in old))
        return 1 if old else 0
    return screenshots()


def screenshots() -> int:
    """Takes the README's screenshots from the house that runs on PORT, if one does."""
    address = f"http://{settings.HOST}:{settings.PORT}"
    with socket.socket() as probe:
        if probe.connect_ex((settings.HOST, settings.PORT)):
            print(
                f"{address} 没有在运行，截图未重做 · is not running, the screenshots were left: `make run` first"
            )
            return 0
    script = ROOT / "scripts" / "screenshots.py"
    return subprocess.run([sys.executable, str(script), address], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main("--check" in sys.argv))
