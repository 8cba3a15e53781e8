"""Normalising: rows per CPU second of each kind on dirty records, and whether ten times the rows cost ten times as much."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.dirty_records import dedupe_exam
from liangwang.bench import Figures, Measured, figure
from liangwang.hub import normalise
from liangwang.hub.normalise import addresses, identity, names

ROWS, PEOPLE, SEED = 1_000_000, 400_000, 11
PLAIN_ROWS = 50_000  # of the baseline
TENFOLD_MAX = 16.0  # 10 is linear; a busy machine may add half
TIMES = 3
_SEPARATORS = re.compile(r"[\s\-.·]")

READ = ("names_read", "addresses_read", "identities_read")  # a plain loop has no counterpart to these

Step = Callable[[pa.Array], object]


def given() -> Iterator[tuple[str, pa.Array, Step]]:
    """What is measured: its name, a million values as they arrive, and the step."""
    table = dedupe_exam(SEED, PEOPLE, ROWS).table
    columns = {name: table[name].combine_chunks() for name in ("name", "phone", "address", "identity")}
    columns["short_identity"] = _short(columns["identity"])
    columns["plate"] = _some_dirty("沪A{:05d}", "沪a·{:05d}")
    columns["credit_code"] = _some_dirty("91310199{:08d}9B", "91310199 {:08d}9b")
    for name, values in columns.items():
        kind = "identity" if name == "short_identity" else name
        yield name, values, lambda one, kind=kind: normalise.column(kind, one)  # type: ignore[misc]
    yield "names_read", normalise.column("name", columns["name"]), names.parts
    yield "addresses_read", normalise.column("address", columns["address"]), addresses.parts
    yield "identities_read", columns["identity"], identity.details


def _short(numbers: pa.Array) -> pa.Array:
    """Numbers of fifteen digits, of those born in the twentieth century; the rest as they are."""
    short = pc.binary_join_element_wise(
        pc.utf8_slice_codeunits(numbers, 0, 6), pc.utf8_slice_codeunits(numbers, 8, 17), ""
    )
    return pc.if_else(pc.match_substring_regex(numbers, "^.{6}19"), short, numbers)


def _some_dirty(clean: str, dirty: str) -> pa.Array:
    """A million codes, one in five of them in another notation."""
    forms = np.random.default_rng(SEED).random(ROWS) < 0.2
    return pa.array(
        [(dirty if other else clean).format(i % 100_000) for i, other in enumerate(forms.tolist())]
    )


def cpu_s(step: Step, values: pa.Array) -> float:
    """The least CPU time of some runs: the machine is shared."""
    taken = []
    for _ in range(TIMES):
        started = time.process_time()
        step(values)
        taken.append(time.process_time() - started)
    return min(taken)


def plain_rows_per_s(values: pa.Array) -> float:
    """What one writes first: width, separators and case of each value in a loop."""
    texts = values.slice(0, PLAIN_ROWS).to_pylist()
    started = time.process_time()
    for text in texts:
        if text:
            _SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper()
    return len(texts) / (time.process_time() - started)


def rows_per_s(name: str, values: pa.Array, step: Step) -> Measured:
    """One kind beside the plain loop, if it has one; raises where ten times the rows cost far more than that."""
    step(values.slice(0, 1000))  # reads the tables
    tenth, whole = cpu_s(step, values.slice(0, ROWS // 10)), cpu_s(step, values)
    if whole > TENFOLD_MAX * tenth:
        raise RuntimeError(f"{name}: ten times the rows took {whole / tenth:.1f} times as long")
    return figure(
        value=round(ROWS / whole),
        unit="rows/CPU-s",
        baseline=None if name in READ else round(plain_rows_per_s(values)),
        baseline_is="" if name in READ else "only width, separators and case, in a Python loop",
        cpu_s_per_million=round(whole, 3),
        ten_times_the_rows_cost=round(whole / tenth, 2),
    )


def figures() -> Figures:
    """Every kind, and the parts of names, addresses and identity numbers."""
    for name, values, step in given():
        yield f"normalise_{name}", rows_per_s(name, values, step)
