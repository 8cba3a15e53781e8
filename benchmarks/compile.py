"""Compiling a bundle for one situation, beside taking its items one by one; and finding an item."""

import time

from liangwang import settings
from liangwang.bench import Figures, figure
from liangwang.services import catalogue, search
from liangwang.services.compile import compile_bound
from liangwang.services.compiled import Bound, Proved
from liangwang.services.pack_tests import situations
from liangwang.services.report import report

KEY = "birth:birth"


def figures() -> Figures:
    """Milliseconds a compilation of a real bundle, what a birth saves, and finding an item."""
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
