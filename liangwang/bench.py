"""`liangwang bench`: runs one benchmark of benchmarks/, each figure beside its baseline, as a table or one JSON object."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from json import dumps
from pathlib import Path
from typing import Any

from django.conf import settings


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One measured value beside its baseline, which is measured in the same run; `note` says how."""

    value: float
    unit: str
    baseline: float | None
    baseline_is: str
    less_is_better: bool = False
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times better than the baseline."""
        if not self.baseline or not self.value:
            return None
        return round(self.baseline / self.value if self.less_is_better else self.value / self.baseline, 2)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": self.ratio}


Figures = Iterator[tuple[str, Figure]]


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


def run(name: str, tell: Callable[[str, Figure], None]) -> dict[str, Any]:
    """Runs one benchmark; `tell` hears each figure as it is measured."""
    sys.path.insert(0, str(settings.ROOT))
    figures: dict[str, Any] = {}
    for key, figure in import_module(f"benchmarks.{name}").figures():
        figures[key] = figure.as_json()
        tell(key, figure)
    return {"name": name, "machine": machine(), "figures": figures}


def show(key: str, figure: Figure) -> None:
    beside = f"{figure.baseline:,.4g}" if figure.baseline is not None else "–"
    times = f"{figure.ratio:g}×" if figure.ratio else "–"
    print(
        f"{key:<26} {figure.value:>12,.6g} {figure.unit:<11} {beside:>10}  {times:>8}  {figure.baseline_is}",
        flush=True,
    )
    if figure.note:
        print(f"{'':<26} {figure.note}", flush=True)


def main(name: str, json: bool = False) -> int:
    """The command: one benchmark by name, or all."""
    known = names()
    if name != "all" and name not in known:
        print(f"没有 {name} · no such benchmark; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    for one in known if name == "all" else [name]:
        if not json:
            print(
                f"\n{one} · {machine()}\n{'figure':<26} {'value':>12} {'unit':<11} {'baseline':>10}  {'ratio':>8}"
            )
        result = run(one, (lambda *_: None) if json else show)
        if json:
            print(dumps(result))
    return 0
