"""`liangwang bench hub`: collecting, linking and deriving the records of a city, at 5 % of its size or with `--scale 1`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import hub_fact
from liangwang.bench import Figures, Measured, figure
from tests.house import House

PEOPLE = 14_410_000  # holders of the code, as the article has it
ROWS = 120_000_000  # records of twenty categories
WITHIN = ("linkage", "derive")  # benchmarks that are parts of this one


def figures(scale: float = 0.05) -> Figures:
    """Every figure of the benchmark `hub`; those of linkage and of deriving come from the modules of these parts."""
    with tempfile.TemporaryDirectory(prefix="liangwang-bench-") as folder:
        yield from link_figures(Path(folder), scale)
    for part in WITHIN:
        yield from import_module(f"benchmarks.{part}").figures()
    with tempfile.TemporaryDirectory(prefix="liangwang-bench-") as folder:
        yield "fact_to_status_s", fact_to_status_s(House(Path(folder), environment={"DEMO": "0"}))


# --- the whole load ----------------------------------------------------------------------------------------


def link_figures(folder: Path, scale: float) -> Iterator[tuple[str, Measured]]:
    """Loads a smaller and a larger share of all records into the same house, to show how the time grows."""
    house = House(folder / "data", environment={"CITY": "shanghai", "DEMO": "0"})
    house.prepare()
    small = 0.05 if scale >= 0.5 else scale / 4
    call(house, f"register({PEOPLE})")
    first = loaded(house, folder / "small", small)
    whole = loaded(house, folder / "whole", scale)
    truth = call(house, f"judge({str(folder / 'whole')!r})")
    peer = call(house, f"row_by_row({str(folder / 'whole')!r})")
    rows = whole["rows"]
    per_s = rows / whole["wall_s"]
    yield (
        "full_link_s",
        figure(
            round(whole["wall_s"], 1),
            "s",
            baseline=round(rows / peer["rows_per_s"], 1),
            baseline_is=f"plain Python, row by row: check, hash, look up; {peer['rows']:,} rows extrapolated, nothing stored",
            less_is_better=True,
            rows=rows,
            people=PEOPLE,
            categories=whole["categories"],
            cpu_s=whole["cpu_s"],
            smaller=f"{first['rows']:,} rows in {first['wall_s']} s, {first['cpu_s']} CPU-s",
            growth=f"{rows / first['rows']:.1f} times the rows, {whole['cpu_s'] / first['cpu_s']:.1f} times the CPU",
            all_rows_at_this_rate_s=round(ROWS / per_s),
            generate_cpu_s=whole["generate_cpu_s"],
        ),
    )
    yield (
        "link_rows_per_s",
        figure(
            round(per_s), "rows/s", baseline=round(peer["rows_per_s"]), baseline_is="the same plain Python"
        ),
    )
    for name, key in (("link_precision", "precision"), ("link_recall", "named_recall")):
        yield (
            name,
            figure(
                round(truth[key], 5),
                "",
                baseline=round(peer[key], 5),
                baseline_is="the same plain Python, on its sample",
                linked=truth["linked"],
                with_number=truth["named"],
                bad_rows=truth["bad"],
                bad_found=truth["bad_found"],
                recall_with_rows_without_number=round(truth["recall"], 4),
            ),
        )
    yield (
        "peak_memory_gb",
        figure(
            whole["peak_gb"],
            "GB",
            baseline=round(whole["text_gb"], 2),
            baseline_is="all rows at once as Arrow text",
            less_is_better=True,
            what="worker and its reading child",
        ),
    )


def loaded(house: House, folder: Path, scale: float) -> dict[str, Any]:
    """Makes a share of all records, and loads it in a process of its own, whose memory is measured."""
    made = call(house, f"prepare({str(folder)!r}, {PEOPLE}, {round(ROWS * scale)})")
    return {**made, **call(house, f"load_all({str(folder)!r})")}


def call(house: House, words: str) -> Any:
    return house.do(f"from benchmarks import hub_link; answer = hub_link.{words}")


# --- one fact ----------------------------------------------------------------------------------------------


def fact_to_status_s(house: House) -> Measured:
    """One row by HTTP in a running house, until a gate reads the new status: median and worst of ten."""
    house.prepare()
    facts = house.do("from benchmarks import hub_fact; answer = hub_fact.prepare()")
    house.start()
    try:
        house.wait_until(lambda: house.answers() == 200, "all is well", 60)
        found = hub_fact.seconds(house, facts)
    finally:
        house.stop()
    return figure(
        round(median(found), 2),
        "s",
        baseline=round(found[0], 2),
        baseline_is="the first fact after the start",
        less_is_better=True,
        worst=round(max(found), 2),
        facts=len(found),
    )
