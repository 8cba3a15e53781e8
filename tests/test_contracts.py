"""The import contracts hold, and each catches a planted violation."""

import os
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


@pytest.mark.parametrize(
    ("contract", "where", "line"), PLANTED, ids=[row[1] + " " + row[2] for row in PLANTED]
)
def test_a_planted_violation_is_caught(copy: Path, contract: str, where: str, line: str) -> None:
    path = copy / "liangwang" / where
    before = path.read_text() if path.exists() else None
    path.write_text((before or "") + f"\n{line}\n")
    try:
        code, said = lint(copy)
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before)
    assert code != 0
    broken = [line for line in said.splitlines() if "BROKEN" in line]
    assert any(contract in line for line in broken), said
