"""Compiling a bundle for one situation, beside taking its items one by one; and finding an item."""

import time

from liangwang import settings
from liangwang.base.labels import Label
from liangwang.bench import Figures, figure
from liangwang.services import catalogue, search
from liangwang.services.compile import compile_bound
from liangwang.services.compiled import Bound, Proved, Source
from liangwang.services.declare import Bundle, Days, Deciding, Item, Joined, Output, Step
from liangwang.services.pack_tests import situations
from liangwang.services.report import report

BIG = 40
KEY = "birth:birth"


def figures() -> Figures:
    """Milliseconds a compilation (the page budget is 20), and what a birth saves."""
    assert settings.PACKS_DIR.is_dir()
    bound, words = catalogue.bound(KEY), catalogue.words()
    every = list(situations(bound))[::11]
    took = _ms(lambda: [compile_bound(bound, answers, Proved(), words) for answers in every]) / len(every)
    alone = _ms(
        lambda: [
            compile_bound(Bound(s.key, s.item, (s,)), answers, Proved(), words)
            for answers in every
            for s in bound.items
        ]
    )
    yield (
        "birth_compile_ms",
        figure(
            value=round(took, 3),
            unit="ms",
            baseline=round(alone / len(every), 3),
            baseline_is="the same items compiled one by one",
            less_is_better=True,
            note=f"mean of {len(every)} situations",
        ),
    )
    yield (
        "big_compile_ms",
        figure(
            value=round(_ms(lambda: compile_bound(_big(), {}, Proved(), words)), 3),
            unit="ms",
            baseline=round(_ms(lambda: _naive(_big())), 3),
            baseline_is="edges found by comparing every pair of steps",
            less_is_better=True,
            note=f"{BIG} items of 6 steps, each using what an earlier one gives; the budget of a page is 20 ms",
        ),
    )
    usual = {q.question: q.options[0].option for q in compile_bound(bound, {}, Proved(), words).questions}
    usual = {**usual, **every[0]}
    made = report(bound, compile_bound(bound, usual, Proved(), words), usual, words)
    for name in ("days", "materials", "steps", "trips", "fields"):
        yield (
            f"birth_{name}",
            figure(
                value=float(getattr(made.after, name)),
                unit="working days" if name == "days" else name,
                baseline=float(getattr(made.before, name)),
                baseline_is="the items as published, one after another",
                less_is_better=True,
                note="nothing known beforehand",
            ),
        )
    search.search("上户口")
    queries = ["上户口", "生育津贴怎么办", "社保卡", "newborn", "dayimiao"]
    yield (
        "item_search_ms",
        figure(
            value=round(_ms(lambda: [search.search(query) for query in queries]) / len(queries), 3),
            unit="ms",
            baseline=round(_ms(lambda: [_scan(query) for query in queries]) / len(queries), 3),
            baseline_is="reading every item's text for each word",
            less_is_better=True,
        ),
    )


def _naive(bound: Bound) -> list[tuple[str, str]]:
    """The edges of a plan by comparing all pairs of steps: what a list of steps invites one to write."""
    steps = [(f"{s.key}.{t.step}", s, t) for s in bound.items for t in s.item.steps]
    given = {s.key: {f"{o.role}.{o.certificate}" for o in s.item.outputs} for s in bound.items}
    found = []
    for key, source, step in steps:
        for other_key, other, _ in steps:
            if set(step.uses) & given[other.key] or (
                source is other and other_key.rpartition(".")[2] in step.after
            ):
                found.append((other_key, key))
    return found


def _scan(query: str) -> list[str]:
    """Items whose text holds a word of the query, by reading all of them."""
    heads = [(key, catalogue.bound(key).head) for key in catalogue.item_keys()]
    texts = [
        (key, " ".join((*map(str, head.label.values()), *map(str, head.guide.values()), *head.aliases)))
        for key, head in heads
    ]
    return [key for key, text in texts if query in text]


def _ms(do: object, times: int = 3) -> float:
    """The best of a few runs, in milliseconds of CPU."""
    best = float("inf")
    for _ in range(times):
        started = time.process_time()
        do()  # type: ignore[operator]
        best = min(best, time.process_time() - started)
    return best * 1000


def _big() -> Bound:
    office = Deciding(department="health", level="district")
    promised = Days(days=60, basis={"zh": "基准", "en": "bench"}, unverified=True)
    sources = []
    for n in range(BIG):
        label: Label = {"zh": f"第{n}项", "en": f"item {n}"}
        steps = tuple(
            Step(
                step=f"s{k}",
                label=label,
                working_days=1 + n % 3,
                uses=(f"x.c{n // 2}",) if k == 0 and n else (),
                after=(f"s{k - 1}",) if k else (),
            )
            for k in range(6)
        )
        output = Output(certificate=f"c{n + 1}", role="x")
        one = Item(
            item=f"i{n}",
            label=label,
            guide=label,
            office=office,
            kind="public_service",
            promised_days=promised,
            steps=steps,
            outputs=(output,),
        )
        sources.append(Source(f"bench:i{n}", one))
    joins = tuple(Joined(item=source.key) for source in sources)
    name: Label = {"zh": "基准", "en": "bench"}
    head = Bundle(bundle="big", label=name, guide=name, office=office, joins=joins)
    return Bound("bench:big", head, tuple(sources))
