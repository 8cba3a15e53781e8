"""Requests of few rows that come at the same time: checked as one batch, while the one before is on its way to disk."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from liangwang.base.hats import Actor
from liangwang.channels.readings import Parsed

Answer = dict[str, Any]
Alone = Callable[[Actor, Parsed, int], Awaitable[Answer]]
Together = Callable[[Actor, list[Parsed], int], "tuple[list[Answer], Future[None]] | None"]
"""Takes what one source sent in several requests; None where a row of it is not plainly good."""


class Waiting(NamedTuple):
    """One request that waits for the others."""

    source: Actor
    parsed: Parsed
    now: int
    answer: "asyncio.Future[Answer]"


class Gathering:
    """The requests of one event loop; each batch holds what came while the one before it was made durable."""

    def __init__(self, together: Together, alone: Alone) -> None:
        self.together, self.alone = together, alone
        self.waiting: list[Waiting] = []
        self.running: asyncio.Task[None] | None = None
        self.apart: set[asyncio.Task[None]] = set()

    async def take(self, source: Actor, parsed: Parsed, now: int) -> Answer:
        """Take one request; the answer comes when it is durable. Raises OSError."""
        loop = asyncio.get_running_loop()
        one = Waiting(source, parsed, now, loop.create_future())
        self.waiting.append(one)
        if self.running is None:
            self.running = loop.create_task(self._run())
        return await one.answer

    async def _run(self) -> None:
        try:
            while self.waiting:
                group, self.waiting = self.waiting, []
                by_source: dict[str, list[Waiting]] = defaultdict(list)
                for one in group:
                    by_source[one.source.key].append(one)
                for of_one in by_source.values():
                    await self._take(of_one)
        finally:
            self.running = None

    async def _take(self, group: list[Waiting]) -> None:
        try:
            found = self.together(group[0].source, [one.parsed for one in group], group[-1].now)
            if found is None:
                # Each for itself, so that every row gets its own reason; nobody waits for their looking up.
                for one in group:
                    task = asyncio.create_task(self._alone(one))
                    self.apart.add(task)
                    task.add_done_callback(self.apart.discard)
                return
            answers, durable = found
            await asyncio.wrap_future(durable)
        except Exception as error:
            for one in group:
                if not one.answer.done():
                    one.answer.set_exception(error)
            return
        for one, answer in zip(group, answers, strict=True):
            if not one.answer.done():
                one.answer.set_result(answer)

    async def _alone(self, one: Waiting) -> None:
        try:
            answer = await self.alone(one.source, one.parsed, one.now)
        except Exception as error:
            if not one.answer.done():
                one.answer.set_exception(error)
            return
        if not one.answer.done():
            one.answer.set_result(answer)


_of_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Gathering] = WeakKeyDictionary()


def gathering(together: Together, alone: Alone) -> Gathering:
    """Return the gathering of the running event loop."""
    loop = asyncio.get_running_loop()
    found = _of_loop.get(loop)
    if found is None:
        found = _of_loop[loop] = Gathering(together, alone)
    return found
