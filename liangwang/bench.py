"""`liangwang bench`: runs one benchmark of benchmarks/, each figure beside its baseline, as a table or one JSON object."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from inspect import signature
from json import dumps
from pathlib import Path
from types import ModuleType
from typing import Any

from django.conf import settings

Measured = dict[str, Any]
Figures = Iterator[tuple[str, Measured]]


def figure(
    value: float,
    unit: str,
    *,
    baseline: float | None,
    baseline_is: str,
    less_is_better: bool = False,
    **more: Any,
) -> Measured:
    """One measured value beside its baseline, which is measured in the same run; `ratio` is how many times better."""
    ratio = None
    if baseline and value:
        ratio = round(baseline / value if less_is_better else value / baseline, 2)
    return {
        "value": value,
        "unit": unit,
        "baseline": baseline,
        "baseline_is": baseline_is,
        "ratio": ratio,
        **more,
    }


def machine() -> str:
    """The machine in one line: processor, cores, memory, Python."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        named = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        cpu = named[0].partition(":")[2].strip() if named else cpu
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**30
    return (
        f"{cpu}, {os.cpu_count()} cores, {pages} GiB, {platform.system()}, Python {platform.python_version()}"
    )


def names() -> list[str]:
    """The benchmarks that have a name of their own: modules of benchmarks/ with `figures`."""
    folder = settings.ROOT / "benchmarks"
    return sorted(p.stem for p in folder.glob("*.py") if "\ndef figures(" in p.read_text(encoding="utf-8"))


def once_each() -> list[str]:
    """What `all` runs: every benchmark but those that another one runs as a part of itself, which it names in WITHIN."""
    parts = {part for name in names() for part in getattr(_module(name), "WITHIN", ())}
    return [name for name in names() if name not in parts]


def _module(name: str) -> ModuleType:
    if str(settings.ROOT) not in sys.path:
        sys.path.insert(0, str(settings.ROOT))
    return import_module(f"benchmarks.{name}")


def run(name: str, tell: Callable[[str, Measured], None], scale: float | None = None) -> dict[str, Any]:
    """Runs one benchmark, at its own size or at `scale` of the whole; `tell` hears each figure as it is measured.

    A benchmark that has one size only is run at that size.
    """
    figures: dict[str, Any] = {}
    measure = _module(name).figures
    sized = {"scale": scale} if scale is not None and "scale" in signature(measure).parameters else {}
    for key, measured in measure(**sized):
        figures[key] = measured
        tell(key, measured)
    return {"name": name, "machine": machine(), "figures": figures}


def show(key: str, one: Measured) -> None:
    """One line of the table, and a line with what else was measured."""
    beside = f"{one['baseline']:,.4g}" if one["baseline"] is not None else "–"
    times = f"{one['ratio']:g}×" if one["ratio"] else "–"
    print(
        f"{key:<24} {one['value']:>12,.6g} {one['unit']:<14} {beside:>10} {times:>9}  {one['baseline_is']}",
        flush=True,
    )
    known = {"value", "unit", "baseline", "baseline_is", "ratio"}
    more = ", ".join(f"{name} {value}" for name, value in one.items() if name not in known)
    if more:
        print(f"{'':<24} {more}", flush=True)


def main(name: str, json: bool = False, scale: float | None = None) -> int:
    """The command: one benchmark by name, or all."""
    known = names()
    if name != "all" and name not in known:
        print(f"没有 {name} · no such benchmark; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    for one in once_each() if name == "all" else [name]:
        if not json:
            print(
                f"\n{one} · {machine()}\n{'figure':<24} {'value':>12} {'unit':<14} {'baseline':>10} {'ratio':>9}"
            )
        result = run(one, (lambda *_: None) if json else show, scale)
        if json:
            print(dumps(result))
    return 0
