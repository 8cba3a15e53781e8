"""The migrations say what the tables are, and run on a bare database of either kind."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def django(tmp_path: Path, *words: str, url: str = "") -> subprocess.CompletedProcess[str]:
    """Runs a Django command in a process of its own: this one was started without migrations."""
    env = {**os.environ, "DATA": str(tmp_path), "DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "django", *words, "--settings", "liangwang.settings", "--skip-checks"]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


def test_no_table_differs_from_its_migration(tmp_path: Path) -> None:
    done = django(tmp_path, "makemigrations", "--check", "--dry-run")
    assert done.returncode == 0, done.stdout + done.stderr


def test_migrations_run_on_a_bare_database(bare_database: Path) -> None:
    with closing(sqlite3.connect(bare_database)) as found:
        applied = {app for (app,) in found.execute("SELECT DISTINCT app FROM django_migrations")}
    assert applied >= {"base", "hub", "cases", "services", "operations"}
