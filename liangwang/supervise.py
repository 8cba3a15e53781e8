"""`liangwang run`: starts every process, restarts one that dies, and lets all finish when told to stop."""

from __future__ import annotations

import ctypes
import fcntl
import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from liangwang import settings

FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 30.0
STEADY_AFTER_S = 5.0
DRAIN_S = 10.0
TURN_S = 0.1
PR_SET_PDEATHSIG = 1

WELCOME = """
两网 liangwang  {address}

先看 · look first  ({address}/login/ 一键换身份 · change hats in one click)
  1  井盖 manholes    {address}/command/   大屏 · the command screen
                      {address}/field/     队员手机 · a crew's phone
  2  出生一件事 birth {address}/           市民主页 · a resident's page
                      {address}/staff/     部门工作台 · the offices' desk
  3  随申码 city code {address}/gate/      门岗 · the gate
                      {address}/data/      数据 · sources and records
Ctrl-C 停止 · to stop   数据 · data: {data}
"""


@dataclass(slots=True)
class Child:
    """One process and how it has fared; `due` is when it may start (monotonic), `wait_s` grows with each death."""

    name: str
    command: list[str]
    process: subprocess.Popen[str] | None = None
    started: float = 0.0
    due: float = 0.0
    wait_s: float = FIRST_WAIT_S
    environment: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        """Starts the process in a session of its own, so that a Ctrl-C at the terminal reaches the supervisor alone."""
        self.process = subprocess.Popen(
            self.command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "LIANGWANG_SUPERVISED": "1", **self.environment},
        )
        self.started = time.monotonic()
        assert self.process.stdout is not None
        threading.Thread(target=relay, args=(self.name, self.process.stdout), daemon=True).start()

    def signal(self, number: int) -> None:
        """Signals the whole group: a process killed by -9 leaves no child behind that holds its port or file."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, number)
            except ProcessLookupError:
                pass

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None


def say(name: str, text: str) -> None:
    print(f"{name:<9}| {text}", flush=True)


def relay(name: str, lines: IO[str]) -> None:
    """Copies a process's output to the one log, each line under the process's name."""
    for line in lines:
        say(name, line.rstrip("\n"))


def die_with_parent() -> None:
    """Asks the kernel to end this process when its supervisor ends, even by kill -9 (Linux)."""
    if sys.platform == "linux" and os.environ.get("LIANGWANG_SUPERVISED"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def python(*words: str) -> list[str]:
    return [sys.executable, "-m", "liangwang", *words]


def children() -> list[Child]:
    """The processes of this deployment, web first: the others start when a page can be seen."""
    rows = [Child(f"web-{n + 1}" if settings.WEB > 1 else "web", python("web")) for n in range(settings.WEB)]
    rows += [Child("live", python("live")), Child("worker", python("worker"))]
    if settings.DEMO:
        rows.append(Child("demo", python("demo-day")))
    rows += broker()
    return rows


def broker() -> list[Child]:
    """The MQTT bridge: to MQTT_URL, or to a NATS server of our own where the [nats] extra is installed."""
    if not find_spec("paho"):
        return []
    bridge = Child("mqtt", python("mqtt"))
    if settings.MQTT_URL:
        return [bridge]
    if not NATS_SERVER.exists():
        return []
    bridge.environment["MQTT_URL"] = f"mqtt://127.0.0.1:{settings.MQTT_PORT}"
    return [Child("nats", python("broker")), bridge]


NATS_SERVER = Path(sys.executable).with_name("nats-server")


def be_broker() -> int:
    """The command `liangwang broker`: becomes the NATS server, which so ends with its supervisor as the others do."""
    if NATS_SERVER.exists():
        os.execv(NATS_SERVER, [str(NATS_SERVER), "-c", str(nats_configuration(settings.DATA / "nats"))])
    print("没有安装 broker:NATS=1 make run · no broker is installed: NATS=1 make run", file=sys.stderr)
    return 2


def nats_configuration(folder: Path) -> Path:
    """Writes the broker's configuration: loopback only, any port for NATS itself, every acknowledged message synced."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "nats.conf"
    path.write_text(
        f"server_name: liangwang\nhost: 127.0.0.1\nport: -1\n"
        f'jetstream {{ store_dir: "{folder}", sync_interval: always }}\n'
        f"mqtt {{ host: 127.0.0.1, port: {settings.MQTT_PORT} }}\n"
    )
    return path


class Supervisor:
    """Keeps the processes alive until it is told to stop."""

    def __init__(self, rows: Iterable[Child]) -> None:
        self.children = list(rows)
        self.stopping = False

    def stop(self, *_signal: object) -> None:
        self.stopping = True

    def run(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.stop)
        greeted = False
        while not self.stopping:
            for child in self.children:
                if child.name.startswith("web") or greeted:
                    self.tend(child)
            if not greeted and answers():
                greeted = True
                print(WELCOME.format(address=address(), data=settings.DATA), flush=True)
            time.sleep(TURN_S)
        return self.drain()

    def tend(self, child: Child) -> None:
        """Starts a process that is due; notices one that has died and sets when it may come back."""
        now = time.monotonic()
        if child.alive:
            return
        if child.process is not None:
            child.signal(signal.SIGKILL)
            if now - child.started > STEADY_AFTER_S:
                child.wait_s = FIRST_WAIT_S
            code = child.process.returncode
            wait = child.wait_s
            say(child.name, f"退出({code}),{wait:g} 秒后重启 · ended ({code}), again in {wait:g} s")
            child.process, child.due = None, now + wait
            child.wait_s = min(LONGEST_WAIT_S, wait * 2)
        elif now >= child.due:
            child.start()

    def drain(self) -> int:
        """Ends every process: SIGTERM, ten seconds to finish what is open, then SIGKILL."""
        say("run", "正在停止 · stopping")
        for child in self.children:
            child.signal(signal.SIGTERM)
        until = time.monotonic() + DRAIN_S
        while any(child.alive for child in self.children) and time.monotonic() < until:
            time.sleep(0.05)
        late = [child.name for child in self.children if child.alive]
        for child in self.children:
            child.signal(signal.SIGKILL)
        if late:
            say("run", f"强行结束 · ended by force: {', '.join(late)}")
        say("run", "已停止 · stopped")
        return 0


def address() -> str:
    scheme = "https" if settings.TLS_CERT else "http"
    return f"{scheme}://{settings.HOST}:{settings.PORT}"


def answers() -> bool:
    """Whether the first page can be asked for; one that cannot be shown is an answer too."""
    host = "127.0.0.1" if settings.HOST == "0.0.0.0" else settings.HOST
    if settings.TLS_CERT:
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, settings.PORT, timeout=20, context=ssl._create_unverified_context()
        )
    else:
        connection = http.client.HTTPConnection(host, settings.PORT, timeout=20)
    try:
        connection.request("HEAD", "/")
        connection.getresponse().read()
        return True
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def port_is_free() -> bool:
    """Whether nobody listens on the port; asked without SO_REUSEPORT, which would let two houses share it."""
    with socket.socket(socket.AF_INET6 if ":" in settings.HOST else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.HOST, settings.PORT))
        except OSError:
            return False
    return True


def run() -> int:
    """The command `liangwang run`."""
    with (settings.DATA / "supervisor.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(
                f"已有一个在使用这个目录 · another one is already running on {settings.DATA}", file=sys.stderr
            )
            return 1
        if not port_is_free():
            print(
                f"端口 {settings.PORT} 已被占用，换一个: make run PORT={settings.PORT + 1} · "
                f"port {settings.PORT} is taken, try: make run PORT={settings.PORT + 1}",
                file=sys.stderr,
            )
            return 1
        return Supervisor(children()).run()
