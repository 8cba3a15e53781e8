"""Server-sent events: what happens, told to the pages that may see it. `GET /events?topics=case,task`."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs

import msgspec
from django.db import close_old_connections
from granian.rsgi import HTTPProtocol, ProtocolClosed, Scope

from liangwang.base import clock
from liangwang.base.access import THINGS, Thing, may
from liangwang.base.hats import Actor
from liangwang.base.models import Event
from liangwang.identity import KEPT_S, Credentials, Known, marks
from liangwang.operations.things import unit_marks

log = logging.getLogger("liangwang.sse")

NOBODY = Credentials("", "")

POLL_S = 0.3
UNITS_S = 5.0  # positions are no events: they are looked at this often, while a page wants them
BEAT_S = 15.0
LOOK_S = 60.0  # how old a whole look at a page's hat may be; its session and post are seen every five seconds
QUEUE = 256
BEAT = "event: beat\ndata: {}\n\n"  # no comment line: a page hears that the stream lives, and notices where it does not
LOOK_BACK = 200
HEADERS = [
    ("content-type", "text/event-stream; charset=utf-8"),
    ("cache-control", "no-store"),
    ("x-accel-buffering", "no"),
]
# What a type of event is about, where its body does not say (`kind`).
KIND_OF_TOPIC = {
    "case": "incident",
    "signal": "incident",
    "warning": "board",
    "gate": "pass",
    "task": "incident_task",
}


class Told(msgspec.Struct, frozen=True):
    """One event as pages get it: which thing changed, not what is in it; the page asks for that through its door."""

    id: int
    type: str
    ref: str
    at: str
    place: str
    thing: Thing
    case: str = ""  # of an event about a task: the ref of its case

    def line(self) -> str:
        body = {"type": self.type, "ref": self.ref, "at": self.at, "place": self.place, "case": self.case}
        known = f"id: {self.id}\n" if self.id else ""  # a position is no event of the outbox
        return f"{known}event: {self.type}\ndata: {msgspec.json.encode(body).decode()}\n\n"


def thing_of_event(event: Event) -> Thing:
    """The thing that an event is about, as far as the event itself says."""
    topic = event.type.partition(".")[0]
    kind = event.body.get("kind") or KIND_OF_TOPIC.get(topic, topic)
    return Thing(
        kind=kind if kind in THINGS else "board",
        ref=event.ref,
        place_code=event.place_code,
        office_ids=frozenset(event.body.get("office_ids", ())),
        departments=frozenset(event.body.get("departments", ())),
        subject_ids=frozenset(event.body.get("subject_ids", ())),
    )


def read_after(last: int) -> list[Told]:
    """Events with a higher id, and a few before it.

    PostgreSQL gives ids before commit, so that a lower id can appear after a higher one: the reader forgets what it has seen.
    """
    close_old_connections()
    rows = Event.objects.filter(id__gt=last - LOOK_BACK).order_by("id")[: LOOK_BACK + 1000]
    return [
        Told(e.pk, e.type, e.ref, e.at.isoformat(), e.place_code, thing_of_event(e), e.body.get("case", ""))
        for e in rows
    ]


def newest() -> int:
    close_old_connections()
    return Event.objects.order_by("-id").values_list("id", flat=True).first() or 0


Marks = dict[str, tuple[int, float]]


def read_units() -> Marks:
    """How units stand now, by place."""
    close_old_connections()
    return unit_marks()


def moved(before: Marks, now: Marks) -> list[Told]:
    """`unit.moved` for each place whose units are not where they were."""
    changed = sorted(code for code in before.keys() | now.keys() if before.get(code) != now.get(code))
    at = clock.now().isoformat()
    return [
        Told(0, "unit.moved", code, at, code, Thing(kind="board", ref=code, place_code=code))
        for code in changed
    ]


class Reader:
    """One open page: what it wants to hear, and what waits to be sent to it."""

    def __init__(self, actor: Actor, topics: frozenset[str], who: Credentials = NOBODY) -> None:
        self.actor, self.topics, self.who = actor, topics, who
        self.queue: asyncio.Queue[Told | None] = asyncio.Queue(QUEUE)
        self.over = False

    def hears(self, told: Told) -> bool:
        """Whether the topic was asked for and the policy lets this hat read the thing."""
        if self.topics and told.type.partition(".")[0] not in self.topics and told.type not in self.topics:
            return False
        return may(self.actor, "read", told.thing).allowed

    def offer(self, told: Told) -> None:
        """Queues an event; a page that is too slow is told to load itself again, and its queue starts afresh."""
        try:
            self.queue.put_nowait(told)
        except asyncio.QueueFull:
            self._anew()

    def _anew(self) -> None:
        while not self.queue.empty():
            self.queue.get_nowait()
        self.queue.put_nowait(None)

    def end(self) -> None:
        """Tells the page that its session or its hat is over."""
        self.over = True
        self._anew()


class Bus:
    """Reads the outbox for all readers of this process at once, and only while there are any; sees who is still there."""

    def __init__(self, side: ThreadPoolExecutor, known: Known) -> None:
        self.side, self.known = side, known
        self.readers: set[Reader] = set()
        self._lookups: dict[Credentials, tuple[str | None, float]] = {}
        self._watching: asyncio.Task[None] | None = None
        self._seen: OrderedDict[int, None] = OrderedDict()
        self._task: asyncio.Task[None] | None = None
        self._stood: Marks = {}
        self._looked = 0.0

    def join(self, reader: Reader) -> None:
        self.readers.add(reader)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())

    def leave(self, reader: Reader) -> None:
        self.readers.discard(reader)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        last = await loop.run_in_executor(self.side, newest)
        self._mark(await loop.run_in_executor(self.side, read_after, last))
        while self.readers:
            await asyncio.sleep(POLL_S)
            try:
                fresh = self._mark(await loop.run_in_executor(self.side, read_after, last))
                units = await self._units(loop)
            except Exception:
                log.exception("the outbox cannot be read")
                continue
            last = max([last, *(told.id for told in fresh)])
            for told in [*fresh, *units]:
                self._tell(told)

    async def _units(self, loop: asyncio.AbstractEventLoop) -> list[Told]:
        """Places whose units have moved since the last look; looks only now and then, and only for pages that ask."""
        wanted = any("unit" in reader.topics for reader in self.readers)
        if not wanted or loop.time() - self._looked < UNITS_S:
            return []
        self._looked = loop.time()
        before, self._stood = self._stood, await loop.run_in_executor(self.side, read_units)
        return moved(before, self._stood) if before else []

    async def _watch(self) -> None:
        while self.readers:
            await asyncio.sleep(KEPT_S)
            try:
                await self._check()
            except Exception:
                log.exception("who listens cannot be checked")

    async def _check(self) -> None:
        """Ends the pages whose session or hat is over; a look at each of thousands would leave no time for events."""
        by_who: dict[Credentials, list[Reader]] = {}
        for reader in self.readers:
            by_who.setdefault(reader.who, []).append(reader)
        pages = [(who, readers[0].actor) for who, readers in by_who.items()]
        found = await asyncio.get_running_loop().run_in_executor(self.side, marks, pages)
        self._lookups = {who: kept for who, kept in self._lookups.items() if who in by_who}
        for who, readers in by_who.items():
            mark, now = found.get(who), time.monotonic()
            # Who has just come was looked up just now; later looks are spread, so that a crowd's do not come at once.
            before = self._lookups.setdefault(who, (mark, now - random.random() * LOOK_S))
            if mark is not None and before[0] == mark and now - before[1] < LOOK_S:
                continue
            actor = await self.known.actor(who)
            self._lookups[who] = mark, now
            for reader in readers:
                if actor.key != reader.actor.key:
                    reader.end()

    def _mark(self, events: Iterable[Told]) -> list[Told]:
        fresh = [told for told in events if told.id not in self._seen]
        self._seen.update(dict.fromkeys(told.id for told in fresh))
        while len(self._seen) > 4 * LOOK_BACK:
            self._seen.popitem(last=False)
        return fresh

    def _tell(self, told: Told) -> None:
        for reader in list(self.readers):
            if reader.hears(told):
                reader.offer(told)


def topics_of(query: str) -> frozenset[str]:
    asked = parse_qs(query).get("topics", [""])[0]
    return frozenset(topic for topic in asked.split(",") if topic)


async def serve(scope: Scope, proto: HTTPProtocol, bus: Bus, who: Credentials, actor: Actor) -> None:
    """Sends events until the page leaves, its session ends or its hat changes."""
    reader = Reader(actor, topics_of(scope.query_string), who)
    transport = proto.response_stream(200, HEADERS)
    bus.join(reader)
    try:
        await transport.send_str("retry: 2000\n\n")
        while True:
            try:
                told = await asyncio.wait_for(reader.queue.get(), BEAT_S)
                if reader.over:
                    await transport.send_str("event: signed-out\ndata: {}\n\n")
                    return
                await transport.send_str(told.line() if told else "event: reload\ndata: {}\n\n")
            except TimeoutError:
                await transport.send_str(BEAT)
    except ProtocolClosed:
        log.debug("a page left")
    finally:
        bus.leave(reader)
