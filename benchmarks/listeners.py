"""Pages that listen: many event streams at once, in a process of its own that states its own CPU.

`python -m benchmarks.listeners` reads `{"port", "cookies", "count", "topic", "events", "seconds"}` from stdin, prints a line
when all are connected, and at the end one JSON object with the delays between an event's own moment and its arrival.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from datetime import datetime
from typing import Any, cast

import uvloop

from benchmarks.load import _cpu_s


class Page(asyncio.Protocol):
    """One open page: asks for the stream once and notes when each event arrives."""

    def __init__(self, pages: Pages, cookie: str) -> None:
        self.pages, self.cookie, self.rest, self.open = pages, cookie, b"", False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        head = f"GET /events?topics={self.pages.topic} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {self.cookie}\r\n\r\n"
        cast(asyncio.Transport, transport).write(head.encode())

    def data_received(self, data: bytes) -> None:
        now = time.time()
        if not self.open and b"retry:" in self.rest + data:
            self.open = True
            self.pages.opened()
        lines = (self.rest + data).split(b"\n")
        self.rest = lines.pop()
        for line in lines:
            if line.startswith(b"data: ") and b'"at"' in line:
                self.pages.heard(now, line[6:])

    def connection_lost(self, _error: Exception | None) -> None:
        self.pages.lost += 1


class Pages:
    """All the pages of one run."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec, self.topic = spec, spec["topic"]
        self.count, self.wanted = int(spec["count"]), int(spec["count"]) * int(spec["events"])
        self.connected = self.lost = 0
        self.delays: list[float] = []
        self.moments: dict[bytes, float] = {}

    def opened(self) -> None:
        self.connected += 1
        if self.connected == self.count:
            print("open", flush=True)

    def heard(self, now: float, body: bytes) -> None:
        moment = self.moments.get(body)
        if moment is None:
            moment = self.moments[body] = datetime.fromisoformat(json.loads(body)["at"]).timestamp()
        self.delays.append(now - moment)

    async def run(self) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        cookies = self.spec["cookies"]
        for number in range(self.count):
            cookie = cookies[number % len(cookies)]
            await loop.create_connection(lambda c=cookie: Page(self, c), "127.0.0.1", self.spec["port"])  # type: ignore[misc]
        until, cpu, began = time.time() + float(self.spec["seconds"]), _cpu_s(), time.time()
        while len(self.delays) < self.wanted and time.time() < until:
            await asyncio.sleep(0.05)
        share = (_cpu_s() - cpu) / (time.time() - began)
        return {"delays": self.delays, "lost": self.lost, "connected": self.connected, "share": share}


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    print(json.dumps(uvloop.run(Pages(json.load(sys.stdin)).run())))
