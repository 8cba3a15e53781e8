"""The live process: tails the readings logs, judges, and carries what was found into the database, each once."""

import logging
import signal as signals_of_the_system
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from django.conf import settings
from django.db import OperationalError, close_old_connections, connection

from liangwang.base import clock
from liangwang.base.hats import platform
from liangwang.base.transactions import write
from liangwang.rules.program import SignalProgram
from liangwang.rules.state import Params, fitted, fresh, name_of
from liangwang.rules.stream import CLEAR, RAISE, TRANSITION, Transitions, step

from . import alerts, datastreams, gps, quarantine, retention, signals
from .history import Historian, recorded
from .models import JudgedTo
from .pressure import tell_behind
from .readings_log import QUARANTINE, Position, QuarantineRecord, Reader, Record
from .road import router
from .snapshots import Snapshot, Span, Step, Steps, batch_of, keep, latest, records_of, steps_after
from .source_health import Health

logger = logging.getLogger("liangwang.live")

IDLE_S: Final = 0.05
MANY, MANY_S = 2_000, 0.1
CROWDED, CROWD_S = 1_000_000, 0.5
TICK_S: Final = 1.0
LATEST_S: Final = 3.0
LATEST_SHARE: Final = 8.0  # showing values may take an eighth of the time
SNAPSHOT_S: Final = 20.0
HISTORY_S: Final = 60.0
DEAF_US: Final = 60_000_000  # a longer pause between two steps is one in which nobody listened
LOOK_S: Final = 2.0
AWAY_US: Final = (
    7 * 86_400_000_000
)  # for as long live may have been away, and catches up with the warnings of then
CURSOR: Final = "live"


class Live:
    """The state of judging; one per DATA. `turn` is one step; killed anywhere, a new one goes on exactly."""

    def __init__(self, data: Path | None = None) -> None:
        root = data or settings.DATA
        self.readings, self.folder = root / "readings", root / "live"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.steps = Steps(self.folder)
        self.rules = signals.ruleset()
        self.index = datastreams.refreshed()
        self.heard, self.heard_at = alerts.version(), 0
        self.params = signals.params_of(self.rules, self.index, _now_us() - AWAY_US)
        snapshot = latest(self.folder, self.params)
        self.state, self.number, self.now = snapshot.state, snapshot.step, snapshot.state.tick_at
        self.reader = Reader(self.readings, snapshot.positions)
        self.looked = self.kept = self.tell_at = time.monotonic()
        self.shown = self.state.last_at.copy()
        self.judged = 0  # readings of the last step
        self.health = Health()
        self._warm(snapshot.rules if snapshot.step else None)
        self._catch_up(snapshot)

    def _catch_up(self, snapshot: Snapshot) -> None:
        """Judge again what was recorded after the snapshot; only what the database has not seen has an effect."""
        for past in steps_after(self.folder, snapshot.step, snapshot.steps_at):
            records = list(records_of(self.readings, past))
            self._judge(past, records)
            for span in past.spans:
                self.reader.positions[span.writer] = Position(*span.end)

    def turn(self, at: datetime) -> bool:
        """Judge what has come; tick once a second when nothing has. Returns whether there was something."""
        now = max(round(at.timestamp() * 1e6), self.now)
        before = dict(self.reader.positions)
        records = list(self.reader.read())
        if not records and now - self.now < TICK_S * 1e6:
            return False
        self._look(records)
        self._hear(now)
        after = self.reader.positions
        spans = [
            Span(w, before.get(w, _first(records, w)), after[w]) for w in after if after[w] != before.get(w)
        ]
        this = Step(self.number + 1, now, spans, now - self.now > DEAF_US)
        self.steps.append(this)
        self._judge(this, records)
        self.health.see(records, self.index, this.now)
        return bool(records)

    def _judge(self, this: Step, records: list[Record]) -> None:
        batch = batch_of(records)
        # A datastream that was registered after the index was loaded has its readings judged all the same.
        if len(batch.at) and int(batch.datastream.max()) >= len(self.params.thing):
            self._reload()
        self.state, found = step(self.state, self.params, batch, this.now, deaf=this.deaf)
        self.number, self.now, self.judged = this.number, this.now, len(batch.at)
        strangers = [record for record in records if record.kind == QUARANTINE]
        if len(found) or strangers:
            self._carry(this, found, strangers)

    def _carry(self, this: Step, found: Transitions, strangers: list[Record]) -> None:
        """One write: the effects of a step and that it has had them; waits while the database is away."""

        def effects() -> None:
            with write():
                cursor, _ = JudgedTo.objects.get_or_create(name=CURSOR)
                if cursor.step >= this.number:
                    return
                signals.apply(self.rules, self.params, self.state, found, signals.instant(this.now))
                quarantine.land(
                    msgspec.msgpack.decode(record.payload, type=QuarantineRecord) for record in strangers
                )
                cursor.step = this.number
                cursor.save(update_fields=["step"])

        _insist(effects)

    # --- rules and datastreams change while we run --------------------------------------------------

    def _look(self, records: list[Record]) -> None:
        if time.monotonic() - self.looked < LOOK_S:
            return
        self.looked = time.monotonic()
        if self._changed():
            self._reload()
            self.snapshot()

    def _changed(self) -> bool:
        rules = signals.ruleset()
        versions = [(one.program.key, one.program.version) for one in rules]
        known = [(one.program.key, one.program.version) for one in self.rules]
        return versions != known or datastreams.refreshed().newest != self.index.newest

    def _hear(self, now: int) -> None:
        """Load warnings that came or ended; by the time of steps, so that none knows less than a replay of it."""
        if now - self.heard_at < LOOK_S * 1e6 or not any(one.program.heeds for one in self.rules):
            return
        self.heard_at = now
        version = alerts.version()
        if version != self.heard:
            self.heard = version
            self.params = signals.params_of(self.rules, self.index, now)

    def _reload(self) -> None:
        datastreams.forget()
        before = frozenset(self.state.rules)
        self.rules, self.index = signals.ruleset(), datastreams.refreshed()
        self.params = signals.params_of(self.rules, self.index, self.now)
        self.state = fitted(self.state, self.params)
        more = len(self.state.last_at) - len(self.shown)
        self.shown = (
            np.concatenate([self.shown, self.state.last_at[len(self.shown) :]]) if more else self.shown
        )

        self._warm(before)

    def _warm(self, known: frozenset[str] | None) -> None:
        """Start rules that are not `known` by replaying their own window, so that what stands already is told."""
        new = [rule for rule in self.params.rules if known is not None and name_of(rule.program) not in known]
        if not new or not self.number:
            return
        logger.info("new rules, replaying their windows: %s", ", ".join(rule.program.key for rule in new))
        start = self.now - max(_memory(self.params, rule.program) for rule in new)
        state, numbers = fresh(self.params), {rule.index for rule in new}
        standing: dict[tuple[int, int], np.void] = {}
        for past, batch in recorded(self.folder.parent, start, self.now + 1):
            if past.number > self.number:
                break
            state, found = step(state, self.params, batch, past.now, deaf=past.deaf)
            for row in found:
                place = (int(row["rule"]), int(row["thing"]))
                if row["kind"] == RAISE and place[0] in numbers:
                    standing[place] = row
                elif row["kind"] == CLEAR:
                    standing.pop(place, None)
        for rule in new:
            self.state.rules[name_of(rule.program)] = state.rules[name_of(rule.program)]
        if standing:
            _insist(lambda: self._tell(np.array(list(standing.values()), dtype=TRANSITION)))

    def _tell(self, found: Transitions) -> None:
        with write():
            signals.apply(self.rules, self.params, self.state, found, signals.instant(self.now))

    # --- what is kept and shown ---------------------------------------------------------------------

    def snapshot(self) -> None:
        """Keep the state with its positions."""
        self.kept = time.monotonic()
        positions = dict(self.reader.positions)
        keep(self.folder, Snapshot(self.state, self.number, positions, self.steps.position))

    def show_latest(self) -> int:
        """Write the newest judged value of the datastreams that have a new one; returns how many."""
        fresh_ones = np.flatnonzero(self.state.last_at != self.shown)
        if not len(fresh_ones):
            return 0
        at = self.state.last_at[fresh_ones].astype("M8[us]")
        # As Django writes an instant; through its objects a hundred thousand of them take a second.
        texts = [
            text.replace("T", " ").removesuffix(".000000") for text in np.datetime_as_string(at).tolist()
        ]
        columns = (column[fresh_ones].tolist() for column in (self.state.last_value, self.state.late))
        rows = list(zip(texts, *columns, fresh_ones.tolist(), strict=True))
        sql = "UPDATE operations_datastream SET last_at = %s, last_value = %s, late = %s WHERE id = %s"

        def effects() -> None:
            with write(), connection.cursor() as cursor:
                cursor.executemany(sql, rows)
                gps.follow(fresh_ones, platform("operations"))

        _insist(effects)
        self.shown[fresh_ones] = self.state.last_at[fresh_ones]
        return len(rows)

    def housekeep(self) -> None:
        """Show the latest values every few seconds, keep a snapshot every twenty, and leave a sign of life."""
        if time.monotonic() >= self.tell_at:
            began = time.monotonic()
            self.show_latest()
            self.health.keep()
            tell_behind(self.folder, self.health.behind_s)
            (self.folder / "beat").touch()
            # Where the whole city speaks at once, telling of it must not take the time of judging it.
            self.tell_at = began + max(LATEST_S, (time.monotonic() - began) * LATEST_SHARE)
        if time.monotonic() - self.kept >= SNAPSHOT_S:
            self.snapshot()

    def pause_s(self) -> float:
        """How long to wait before the next step: each looks at all that waits inside `reorder`, so larger ones judge more."""
        if len(self.state.held) > CROWDED:
            return CROWD_S
        return MANY_S if self.judged > MANY else 0.0

    def close(self) -> None:
        """Keep everything and give the folder back."""
        self.show_latest()
        self.snapshot()
        self.steps.close()


def replay(
    rules: signals.Ruleset, start: datetime, end: datetime, data: Path | None = None
) -> Iterator[tuple[Step, Transitions]]:
    """Judge the recorded steps from `start` to `end` by other rules; yields each step with its transitions.

    With the rules in force and `start` before the first step it finds exactly what live found.
    """
    root = data or settings.DATA
    first, last = (round(moment.timestamp() * 1e6) for moment in (start, end))
    params = signals.params_of(rules, datastreams.refreshed(), first)
    state = fresh(params)
    for past, batch in recorded(root, first, last):
        state, found = step(state, params, batch, past.now, deaf=past.deaf)
        yield past, found


def main() -> None:
    """Run until SIGTERM."""
    stop = threading.Event()
    for number in (signals_of_the_system.SIGTERM, signals_of_the_system.SIGINT):
        signals_of_the_system.signal(number, lambda *_: stop.set())
    live = Live()
    logger.info("judging %d rules over %d datastreams", len(live.rules), len(live.index.streams.thing) - 1)
    (live.folder / "beat").touch()
    threading.Thread(target=_open_streets, name="streets", daemon=True).start()
    threading.Thread(target=keep_history, args=(stop,), name="history", daemon=True).start()
    while not stop.is_set():
        busy = live.turn(clock.now())
        live.housekeep()
        close_old_connections()
        stop.wait(live.pause_s() if busy else IDLE_S)
    live.close()


def _open_streets() -> None:
    """Open the street graph before the first incident needs it: that takes seconds, and no crew should wait for them."""
    from liangwang.engines.routing import nearest_units

    try:
        way = router(clock.now())
        if way is not None and len(way.graph):
            somewhere = float(way.graph.lon[0]), float(way.graph.lat[0])
            nearest_units(way, somewhere, [somewhere], 1)
    except Exception:
        logger.exception("the streets cannot be opened yet")
    finally:
        close_old_connections()


def keep_history(stop: threading.Event) -> None:
    """Carry the log into the history every minute and keep house there; what fails is logged and tried again."""
    historian = Historian()
    while not stop.wait(HISTORY_S):
        try:
            while not stop.is_set() and historian.archive(clock.now()):
                pass
            retention.housekeep(historian.folder, clock.now())
        except Exception:
            logger.exception("history waits")
        finally:
            close_old_connections()


def _now_us() -> int:
    return round(clock.now().timestamp() * 1e6)


def _memory(params: Params, program: SignalProgram) -> int:
    """Return how far back a rule looks, in µs."""
    windows = max((call.us for call in program.windows), default=0)
    slack = int(params.stale_after.max(initial=0)) + int(params.reorder.max(initial=0))
    return program.lasting + windows + slack


def _first(records: list[Record], writer: str) -> Position:
    """Return where a writer's log began when nothing of it had been read yet."""
    segments = [record.after.segment for record in records if record.writer == writer]
    return Position(min(segments, default=1), 0)


def _insist(effects: Callable[[], Any]) -> None:
    """Do a write; while the database is busy or away, wait and try again: nothing that was judged may be lost."""
    pause = 0.05
    while True:
        try:
            effects()
            return
        except OperationalError as error:
            logger.warning("the database is busy or away, again in %.1f s: %s", pause, error)
            close_old_connections()
            time.sleep(pause)
            pause = min(pause * 2, 5.0)
