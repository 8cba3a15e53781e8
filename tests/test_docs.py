"""What is not documented does not exist: commands, variables, routes, checks, tables and pack files have their place in docs/."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.apps import apps

from liangwang import check, cli, hot
from liangwang.base.declare import schemas
from liangwang.web import health

ROOT = Path(__file__).resolve().parent.parent
HOW_TO = ROOT / "docs" / "how-to"
check.load_schemas()  # every storey has told its files before the tests are collected
OWN_APPS = ("base", "hub", "cases", "services", "operations", "web")


def text(*names: str) -> str:
    return "\n".join((ROOT / name).read_text() for name in names)


@pytest.mark.parametrize("command", [c.name for c in cli.COMMANDS])
def test_every_command_is_documented(command: str) -> None:
    assert f"`liangwang {command}" in text("docs/how-to/commands.md")


def test_every_variable_is_documented() -> None:
    read = set(re.findall(r'environ\.get\("([A-Z_]+)"', text("liangwang/settings.py")))
    documented = set(re.findall(r"`([A-Z_]+)`", text("docs/how-to/run-in-production.md")))
    assert read, "settings.py reads the environment"
    assert read <= documented, f"in docs/how-to/run-in-production.md: {sorted(read - documented)}"


def test_only_settings_reads_the_environment() -> None:
    allowed = {"settings.py", "supervise.py", "cli.py"}  # the last two pass it on to child processes
    readers = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "liangwang").rglob("*.py")
        if path.name not in allowed and re.search(r"os\.environ|getenv", path.read_text())
    ]
    assert readers == []


@pytest.mark.parametrize("path", [route.path for route in hot.HOT])
def test_every_hot_route_is_documented(path: str) -> None:
    assert path in text("docs/how-to/commands.md")


@pytest.mark.parametrize("check", [check.__name__ for check in health.CHECKS])
def test_every_health_check_says_what_to_do(check: str) -> None:
    assert f"`{check}`" in text("docs/how-to/run-in-production.md")


@pytest.mark.parametrize(
    "model", [m.__name__ for app in OWN_APPS for m in apps.get_app_config(app).get_models()]
)
def test_every_table_is_among_the_words(model: str) -> None:
    assert re.search(rf"\b{model}\b", text("docs/words.md")), (
        f"docs/words.md has no row for the table {model}"
    )


@pytest.mark.parametrize("name", sorted(schemas()))
def test_every_pack_file_is_documented(name: str) -> None:
    assert f"## {name}" in text("docs/how-to/pack-files.md")


def test_every_pack_is_among_the_words() -> None:
    words = text("docs/words.md")
    missing = [
        p.parent.name for p in (ROOT / "packs").glob("*/pack.toml") if f"`{p.parent.name}`" not in words
    ]
    assert missing == []


def test_the_generated_pages_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "docs.py"), "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", sorted(p for p in (ROOT / "docs").rglob("*.md")), ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        assert (page.parent / link).exists(), f"{page.relative_to(ROOT)} → {link}"


def test_the_decision_records_say_what_enforces_them() -> None:
    for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md"):
        said = path.read_text().lower()
        assert "enforced by" in said or "由什么保证" in said, path.name
