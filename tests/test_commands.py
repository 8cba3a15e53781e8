"""The commands: each leads somewhere, set-up skips what is done, the supervisor revives and ends its processes."""

import importlib
import importlib.util
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from types import ModuleType

import pytest
from django.db import OperationalError

from liangwang import cli, hot, static, supervise, worker

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("command", cli.COMMANDS, ids=lambda c: c.name)
def test_every_command_has_its_function(command: cli.Command) -> None:
    module, _, function = command.does.partition(":")
    assert callable(getattr(importlib.import_module(module), function))
    assert " · " in command.help, "zh · en"


@pytest.mark.parametrize("route", hot.HOT, ids=lambda r: r.path)
def test_every_hot_route_has_its_handler(route: hot.HotRoute) -> None:
    assert callable(hot.load(route.handler))


def test_an_unknown_command_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["rum"])
    assert left.value.code == 2
    assert "verify-log" in capsys.readouterr().err


# --- set-up ----------------------------------------------------------------------------------------------


@pytest.fixture
def setup_script(tmp_path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("setup_script", ROOT / "scripts" / "setup.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_step_is_skipped_until_its_inputs_change(setup_script: ModuleType, tmp_path: Path) -> None:
    source, done = tmp_path / "lock", []
    source.write_text("a==1")

    def again() -> bool:
        mark = setup_script.fingerprint([source])
        return bool(setup_script.step("一步", "a step", tmp_path / "stamp", mark, lambda: done.append(1)))

    assert again() and not again()
    source.write_text("a==2")
    assert again() and len(done) == 2


def test_a_failed_step_is_done_again_and_says_why(setup_script: ModuleType, tmp_path: Path) -> None:
    def fail() -> None:
        setup_script.call(sys.executable, "-c", "print('no network'); raise SystemExit(3)")

    with pytest.raises(setup_script.CannotGoOn, match="no network"):
        setup_script.step("一步", "a step", tmp_path / "stamp", "mark", fail)
    assert not (tmp_path / "stamp").exists()


def test_no_lock_or_setting_names_a_download_host() -> None:
    named = [
        *ROOT.glob("requirements/*"),
        ROOT / "package.json",
        ROOT / "package-lock.json",
        ROOT / "pyproject.toml",
    ]
    for path in named:
        text = path.read_text()
        assert (
            "://" not in text.replace("https://github.com/sponsors", "") or path.name == "package-lock.json"
        ), path
        assert "registry." not in text and "index-url" not in text and '"resolved"' not in text, path


# --- static files ----------------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("own/css/a.css", "npm/maplibre-gl/dist/m.js", "npm/axe-core/axe.js", "secret.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "package.json").write_text(
        '{"dependencies": {"maplibre-gl": "1"}, "devDependencies": {"axe-core": "1"}}'
    )
    return tmp_path


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("css/a.css", True),
        ("npm/maplibre-gl/dist/m.js", True),
        ("npm/axe-core/axe.js", False),
        ("npm/../secret.py", False),
        ("../secret.py", False),
        ("css/../../secret.py", False),
        ("css", False),
        ("", False),
        ("//etc/passwd", False),
    ],
)
def test_static_serves_our_files_and_named_packages_only(tree: Path, name: str, found: bool) -> None:
    path = static.find(name, tree / "own", tree / "npm", tree / "package.json")
    assert (path is not None) is found


def test_the_static_version_changes_with_any_file(tree: Path) -> None:
    before = static.version(tree / "own", tree / "package.json")
    (tree / "own" / "css" / "a.css").write_text("changed")
    assert static.version(tree / "own", tree / "package.json") != before


# --- supervisor and worker -------------------------------------------------------------------------------


def child(program: str) -> supervise.Child:
    return supervise.Child("test", [sys.executable, "-c", program])


def tend_until(
    house: supervise.Supervisor, one: supervise.Child, true: object, patience_s: float = 10
) -> None:
    until = time.monotonic() + patience_s
    while not true():  # type: ignore[operator]
        assert time.monotonic() < until
        house.tend(one)
        time.sleep(0.02)


def test_a_process_that_dies_comes_back_with_growing_waits(capfd: pytest.CaptureFixture[str]) -> None:
    one = child("raise SystemExit(3)")
    house = supervise.Supervisor([one])
    tend_until(house, one, lambda: one.wait_s >= 4 * supervise.FIRST_WAIT_S)
    assert "退出(3)" in capfd.readouterr().out


def test_what_a_killed_process_left_behind_is_ended_too(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    program = (
        f"import subprocess, time; p = subprocess.Popen(['sleep', '60']); "
        f"open({str(note)!r}, 'w').write(str(p.pid)); time.sleep(60)"
    )
    one = child(program)
    house = supervise.Supervisor([one])
    tend_until(house, one, lambda: note.exists() and note.read_text())
    assert one.process is not None
    one.process.send_signal(signal.SIGKILL)
    tend_until(house, one, lambda: one.process is None)
    status = Path(f"/proc/{note.read_text()}/status")
    assert not status.exists() or "Z" in status.read_text().split("State:")[1][:4]


def test_drain_lets_a_process_finish(capfd: pytest.CaptureFixture[str]) -> None:
    one = child(
        "import signal, sys, time; signal.signal(15, lambda *_: (print('finished', flush=True), sys.exit(0)));"
        " print('ready', flush=True); time.sleep(60)"
    )
    house = supervise.Supervisor([one])
    seen = ""

    def ready() -> bool:
        nonlocal seen
        seen += capfd.readouterr().out
        return "ready" in seen

    tend_until(house, one, ready)
    assert house.drain() == 0
    assert one.process is not None and one.process.wait(1) == 0


def test_a_chore_that_fails_waits_longer_each_time_and_recovers(caplog: pytest.LogCaptureFixture) -> None:
    answers: list[object] = [OperationalError("locked"), ValueError("bug"), 2, 0]

    def do(_at: datetime) -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return int(str(answer))

    chore = worker.Chore("test", 1.0, do)
    with caplog.at_level(logging.WARNING):
        assert chore.turn(10.0) is False and chore.due == 12.0
        assert chore.turn(11.0) is False and len(answers) == 3
        assert chore.turn(12.0) is False and chore.due == 16.0
    assert chore.turn(16.0) is True and chore.due == 16.0
    assert chore.turn(16.0) is False and chore.due == 17.0
    assert "busy or away" in caplog.text


def test_the_worker_stops_when_told() -> None:
    stop, turns = threading.Event(), []

    def once(_at: datetime) -> int:
        turns.append(1)
        stop.set()
        return 0

    worker.turn_until(stop, [worker.Chore("test", 1.0, once)])
    assert turns == [1]


# --- processes of their own ------------------------------------------------------------------------------


def python(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs Python in a process of its own, on an empty DATA."""
    env = {
        **os.environ,
        "DATA": str(tmp_path),
        "DATABASE_URL": "",
        "DJANGO_SETTINGS_MODULE": "liangwang.settings",
    }
    return subprocess.run(
        [sys.executable, *words], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )


def test_a_web_process_does_not_load_splink(tmp_path: Path) -> None:
    script = "import django, sys; django.setup(); import liangwang.web.urls; print('splink' in sys.modules)"
    done = python(tmp_path, "-c", script)
    assert done.stdout == "False\n", done.stderr


def test_a_source_tried_before_the_first_run_is_told_what_to_do(tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("登记号,姓名,居委代码,登记日期\nA,王小明,310105012001,2026-11-20\n")
    done = python(tmp_path, "-m", "liangwang", "try-source", "city_code:community", str(sheet))
    assert (done.returncode, done.stderr) == (1, "")
    assert "make run" in done.stdout
