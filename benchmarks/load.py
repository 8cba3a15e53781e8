"""A load generator: raw HTTP/1.1 over kept connections, in a process of its own that states its own CPU.

`python -m benchmarks.load` reads one JSON spec from stdin and prints one JSON result. Our own, because it must also think between
requests as people do and rotate bodies as devices do, or send each of many once; what it costs stands beside every figure.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import Any, cast

import uvloop

HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True)
class Request:
    """One request; `body` is text or bytes."""

    method: str
    path: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def raw(self, host: str) -> bytes:
        lines = [
            f"{self.method} {self.path} HTTP/1.1",
            f"Host: {host}",
            *(f"{k}: {v}" for k, v in self.headers),
        ]
        if self.body:
            lines.append(f"Content-Length: {len(self.body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode() + self.body


@dataclass
class Result:
    """What came back: latencies in ms from the first byte sent to the last byte read; CPU of the generator itself."""

    requests: int = 0
    seconds: float = 0.0
    per_s: float = 0.0
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    p99_ms: float = 0.0
    statuses: dict[str, int] = field(default_factory=dict)
    generator_cpu_share: float = 0.0
    ended_at: float = 0.0  # time.time() at the last answer

    @property
    def good(self) -> int:
        return sum(n for status, n in self.statuses.items() if status.startswith("2"))


class Connection(asyncio.Protocol):
    """One user: sends, waits for the whole answer, thinks, sends again."""

    def __init__(self, load: Load, number: int) -> None:
        self.load, self.number = load, number
        self.buffer = b""
        self.sent_at = 0.0
        self.turn = number
        self.transport: asyncio.Transport | None = None
        self.finished = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is not a subclass
        if self.load.think_s:
            asyncio.get_running_loop().call_later(random.random() * self.load.think_s, self.send)
        else:
            self.send()

    def send(self) -> None:
        assert self.transport is not None
        if self.load.over or self.transport.is_closing():
            self.transport.close()
            return
        payload = self.load.next_of(self)
        if payload is None:
            self.finished = True
            self.transport.close()
            return
        self.sent_at = time.perf_counter()
        self.transport.write(payload)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(HEAD_END)
        if end < 0:
            return
        head = self.buffer[:end].lower()
        at = head.find(b"content-length:")
        length = (
            int(head[at + 15 : head.find(b"\r", at) if head.find(b"\r", at) > 0 else None]) if at >= 0 else -1
        )
        if length < 0:
            if b"transfer-encoding: chunked" in head and not self.buffer.endswith(b"0\r\n\r\n"):
                return
        elif len(self.buffer) < end + 4 + length:
            return
        self.load.note(self.buffer[9:12].decode(), time.perf_counter() - self.sent_at)
        self.buffer = b""
        if self.load.think_s:
            asyncio.get_running_loop().call_later(self.load.think_s, self.send)
        else:
            self.send()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.load.over and not self.finished:
            self.load.note("lost", 0.0)


class Load:
    """Many connections for some seconds; the first `warm_s` are not counted."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.host, self.port = spec.get("host", "127.0.0.1"), int(spec["port"])
        self.connections, self.seconds = int(spec["connections"]), float(spec["seconds"])
        self.warm_s, self.think_s = float(spec.get("warm_s", 0.5)), float(spec.get("think_s", 0.0))
        self.once = bool(spec.get("once"))
        self.payloads = (
            made(spec["make"]) if "make" in spec else [base64.b64decode(p) for p in spec["payloads"]]
        )
        self.taken = self.answered = 0
        self.statuses: Counter[str] = Counter()
        self.latencies: list[float] = []
        self.counting = self.over = False

    def next_of(self, connection: Connection) -> bytes | None:
        """What a connection sends next: its turn of those that go round, or the next that nobody has sent."""
        if not self.once:
            payload = self.payloads[connection.turn % len(self.payloads)]
            connection.turn += self.connections
            return payload
        if self.taken >= len(self.payloads):
            return None
        self.taken += 1
        return self.payloads[self.taken - 1]

    def note(self, status: str, seconds: float) -> None:
        if self.counting:
            self.statuses[status] += 1
            if status != "lost":
                self.latencies.append(seconds)
        self.answered += 1
        if self.once and self.answered >= len(self.payloads):
            self.all_answered.set()

    async def run(self) -> Result:
        loop = asyncio.get_running_loop()
        self.all_answered = asyncio.Event()
        cpu, began = _cpu_s(), time.perf_counter()
        self.counting = self.once
        for number in range(self.connections):
            await loop.create_connection(lambda n=number: Connection(self, n), self.host, self.port)  # type: ignore[misc]
        if self.once:
            await asyncio.wait_for(self.all_answered.wait(), self.seconds)
        else:
            await asyncio.sleep(self.warm_s)
            cpu, began = _cpu_s(), time.perf_counter()
            self.counting = True
            await asyncio.sleep(self.seconds)
        self.counting = False
        elapsed, cpu = time.perf_counter() - began, _cpu_s() - cpu
        self.over = True
        return self.result(elapsed, cpu)

    def result(self, elapsed: float, cpu: float) -> Result:
        ms = sorted(s * 1000 for s in self.latencies)

        def percentile(share: float) -> float:
            return round(ms[min(len(ms) - 1, int(len(ms) * share))], 2) if ms else 0.0

        return Result(
            requests=len(ms),
            seconds=round(elapsed, 2),
            per_s=round(len(ms) / elapsed, 1),
            p50_ms=percentile(0.50),
            p95_ms=percentile(0.95),
            p99_ms=percentile(0.99),
            statuses=dict(self.statuses),
            generator_cpu_share=round(cpu / elapsed, 2),
            ended_at=time.time(),
        )


def made(call: dict[str, Any]) -> list[bytes]:
    """The payloads that a function of ours makes: `{"function": "module:name", "given": {…}}`."""
    module, _, name = call["function"].partition(":")
    payloads: list[bytes] = getattr(import_module(module), name)(**call["given"])
    return payloads


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Running:
    """A generator that runs beside; `result()` waits for it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def result(self) -> Result:
        out, err = self.process.communicate()
        if self.process.returncode:
            raise RuntimeError(f"the load generator failed:\n{err}")
        return Result(**json.loads(out))


def start(
    port: int,
    requests: Sequence[Request],
    *,
    connections: int,
    seconds: float,
    think_s: float = 0.0,
    warm_s: float = 0.5,
) -> Running:
    """Starts a generator process that sends these requests in turn."""
    payloads = [base64.b64encode(request.raw(f"127.0.0.1:{port}")).decode() for request in requests]
    spec = {
        "port": port,
        "connections": connections,
        "seconds": seconds,
        "think_s": think_s,
        "warm_s": warm_s,
        "payloads": payloads,
    }
    return _started(spec)


def start_once(
    port: int,
    function: str,
    given: dict[str, Any],
    *,
    connections: int,
    seconds: float,
    think_s: float = 0.0,
) -> Running:
    """Starts a generator process that makes its payloads itself and sends each once, in order, within `seconds`."""
    make = {"function": function, "given": {**given, "host": f"127.0.0.1:{port}"}}
    spec = {"port": port, "connections": connections, "seconds": seconds, "think_s": think_s, "once": True}
    return _started({**spec, "make": make})


def _started(spec: dict[str, Any]) -> Running:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.load"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(spec))
    process.stdin.close()
    process.stdin = None
    return Running(process)


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(Load(json.load(sys.stdin)).run()))))
