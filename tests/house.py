"""A whole house for tests: web, live and worker as real processes on a free port, with a DATA of its own."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class House:
    """The processes of `liangwang run`, under its own supervisor."""

    data: Path
    port: int = field(default_factory=free_port)
    mqtt_port: int = field(default_factory=free_port)
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None
    hand: subprocess.Popen[str] | None = None
    log: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        own = {"DATA": str(self.data), "PORT": str(self.port), "CITY": "testville", "PYTHONPATH": str(ROOT)}
        own["MQTT_PORT"] = str(self.mqtt_port)
        outside = {k: v for k, v in os.environ.items() if k != "DJANGO_ALLOW_ASYNC_UNSAFE"}
        return {**outside, **own, **self.environment}

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs one `liangwang` command on this house's data and waits for it."""
        return self._in_the_house(f"from liangwang import cli\nraise SystemExit(cli.main({list(words)!r}))")

    def do(self, code: str) -> Any:
        """Runs Python with this house's settings in a process of its own; what it assigns to `answer` comes back as JSON."""
        program = f"import json\nanswer = None\n{dedent(code)}\nprint(json.dumps(answer, default=str))"
        done = self._in_the_house(program)
        if done.returncode:
            raise AssertionError(f"{code}\n{done.stderr}")
        return json.loads(done.stdout.splitlines()[-1])

    def _in_the_house(self, program: str) -> subprocess.CompletedProcess[str]:
        """Runs a program in a child of a process that has read the settings once, because reading them takes 3 s."""
        if self.hand is None:
            self.hand = subprocess.Popen(
                [sys.executable, "-m", "tests.house_hand"],
                env={**self.env, "DJANGO_SETTINGS_MODULE": "liangwang.settings"},
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self.hand.stdin and self.hand.stdout
        self.hand.stdin.write(json.dumps(program) + "\n")
        self.hand.stdin.flush()
        answer = self.hand.stdout.readline()
        assert answer, "the hand of the house has died"
        return subprocess.CompletedProcess(program, **json.loads(answer))

    def prepare(self) -> None:
        """The tables; no demo city."""
        words = [
            sys.executable,
            "-m",
            "django",
            "migrate",
            "-v0",
            "--run-syncdb",
            "--skip-checks",
            "--settings",
            "liangwang.settings",
        ]
        subprocess.run(words, env=self.env, cwd=ROOT, check=True)

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "liangwang", "run"],
            env=self.env,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()
        self.wait_until(lambda: "Ctrl-C" in "".join(self.log), "the house is up")

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.log.extend(process.stdout)

    def stop(self) -> int:
        """Ends the house as Ctrl-C does; returns the supervisor's status."""
        if self.hand is not None:
            self.hand.communicate()  # it ends with its input
            self.hand = None
        if self.process is None:
            return 0
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(20)
        self.process = None
        return code

    def wait_until(self, true: Any, what: str, patience_s: float = PATIENCE_S) -> None:
        until = time.monotonic() + patience_s
        while not true():
            if time.monotonic() > until:
                raise AssertionError(f"not within {patience_s:g} s: {what}\n" + "".join(self.log[-60:]))
            time.sleep(0.05)

    def pids(self, command: str) -> list[int]:
        """The live processes `liangwang <command>` of this house: children of its own supervisor only."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        found = []
        for child in children:
            try:
                words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if command.encode() in words:
                found.append(int(child))
        return found

    def kill(self, command: str) -> bool:
        """Ends a process as a power cut would (SIGKILL); returns whether there was one."""
        pids = self.pids(command)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return bool(pids)

    def answers(self) -> int:
        """The status of /healthz, 0 while nobody listens."""
        try:
            return self.ask("GET", "/healthz").status
        except (OSError, http.client.HTTPException):
            return 0

    def ask(
        self, method: str, path: str, body: bytes | None = None, timeout: float = 10.0, **headers: str
    ) -> Answer:
        """One HTTP request; header names are written with underscores."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(
                method, path, body, {name.replace("_", "-"): value for name, value in headers.items()}
            )
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()
