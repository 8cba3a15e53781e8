"""The import contracts hold, and each catches a planted violation."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LINT = Path(sys.executable).with_name("lint-imports")

# The contract's name, where the violation is planted, and the import that breaks it.
PLANTED = [
    ("each storey stands only on those below it", "base/planted.py", "from liangwang.cases import engine"),
    (
        "each storey stands only on those below it",
        "services/planted.py",
        "from liangwang.operations import apps",
    ),
    ("each storey stands only on those below it", "hub/planted.py", "from liangwang.web import urls"),
    ("rules, engines and the Django-free half of base", "rules/planted.py", "import django.db"),
    ("rules, engines and the Django-free half of base", "base/geo.py", "from django.db import models"),
    ("never through another storey's models", "services/planted.py", "from liangwang.hub import models"),
    ("pages reach services and operations", "web/planted.py", "from liangwang.services import models"),
    ("packs are never imported by the kernel", "cases/planted.py", "import packs.manholes.logic"),
]


def lint(folder: Path) -> tuple[int, str]:
    environment = {**os.environ, "PYTHONPATH": str(folder), "NO_COLOR": "1", "COLUMNS": "200"}
    done = subprocess.run(
        [str(LINT), "--no-logo", "--no-cache"], cwd=folder, env=environment, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("contracts")
    shutil.copytree(
        ROOT / "liangwang",
        folder / "liangwang",
        ignore=shutil.ignore_patterns("templates", "static", "__pycache__"),
    )
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "packs" / "manholes").mkdir(parents=True)
    for name in ("packs/__init__.py", "packs/manholes/__init__.py", "packs/manholes/logic.py"):
        (folder / name).touch()
    return folder


def test_the_contracts_hold(copy: Path) -> None:
    code, said = lint(copy)
    assert code == 0, said


@pytest.fixture(scope="module")
def said_of_all(copy: Path) -> str:
    """What the linter says when every violation is planted at once: one run instead of one for each."""
    before: dict[Path, str | None] = {}
    for _contract, where, line in PLANTED:
        path = copy / "liangwang" / where
        before.setdefault(path, path.read_text() if path.exists() else None)
        path.write_text((path.read_text() if path.exists() else "") + f"\n{line}\n")
    code, said = lint(copy)
    for path, text in before.items():
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
    assert code != 0
    return " ".join(said.split())


@pytest.mark.parametrize(
    ("contract", "where", "line"), PLANTED, ids=[row[1] + " " + row[2] for row in PLANTED]
)
def test_a_planted_violation_is_caught(said_of_all: str, contract: str, where: str, line: str) -> None:
    assert re.search(rf"{re.escape(contract)}[^.]*? BROKEN", said_of_all), said_of_all[:1500]
    importer = "liangwang." + where.removesuffix(".py").replace("/", ".")
    assert f"{importer} -> {imported(line)} (l." in said_of_all, (
        f"{importer} -> {imported(line)}\n{said_of_all}"
    )


def imported(line: str) -> str:
    """The module that an import line names, an outside package by its root.

    >>> imported("from liangwang.cases import engine")
    'liangwang.cases.engine'
    """
    words = line.split()
    name = f"{words[1]}.{words[3]}" if words[0] == "from" else words[1]
    return name if name.startswith("liangwang.") else name.partition(".")[0]
