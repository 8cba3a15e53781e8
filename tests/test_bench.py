"""`liangwang bench`: every benchmark has figures, `all` runs none twice, and a scale is given only to those that take one."""

import sys
from types import ModuleType

import pytest

from liangwang import bench


def module(name: str, figures: object, **more: object) -> ModuleType:
    made = ModuleType(f"benchmarks.{name}")
    vars(made).update(figures=figures, **more)
    return made


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    """A benchmark that takes a scale and runs the other one as a part of itself."""

    def part() -> bench.Figures:
        yield "a", bench.figure(1, "s", baseline=2, baseline_is="b", less_is_better=True)

    def whole(scale: float = 1.0) -> bench.Figures:
        yield from part()
        yield "b", bench.figure(scale, "rows", baseline=None, baseline_is="")

    monkeypatch.setitem(sys.modules, "benchmarks.part", module("part", part))
    monkeypatch.setitem(sys.modules, "benchmarks.whole", module("whole", whole, WITHIN=("part",)))
    monkeypatch.setattr(bench, "names", lambda: ["part", "whole"])


def test_all_runs_each_once_and_at_its_scale(two: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main("all", scale=0.25) == 0
    said = capsys.readouterr().out
    assert [line.split()[:2] for line in said.splitlines() if line.startswith(("a ", "b "))] == [
        ["a", "1"],
        ["b", "0.25"],
    ]


def test_a_benchmark_of_one_size_is_run_at_that_size(two: None) -> None:
    assert bench.run("part", lambda *_: None, 0.25)["figures"]["a"]["ratio"] == 2


def test_parts_are_benchmarks_of_their_own() -> None:
    pytest.importorskip("recordlinkage", reason="the peers of benchmarks come with requirements/bench.txt")
    left_out = set(bench.names()) - set(bench.once_each())
    assert left_out == {"derive", "inbox", "kernel", "linkage"}
