"""The city's street graph, ready for questions: imported streets where there are some, without those that are closed."""

from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import shapely
from django.conf import settings

from liangwang.base.geo import area_of
from liangwang.base.models import Place
from liangwang.base.places import city_settings

from .closures import closed_now
from .dispatch_models import Closure

if TYPE_CHECKING:
    from liangwang.engines.routing import Router


@lru_cache(maxsize=4)
def _open(folder: str, codes: tuple[str, ...]) -> "Router":
    from liangwang.engines.routing import Router  # late: half a second that only live need spend
    from liangwang.engines.street_graph import cached_streets

    districts = Place.objects.filter(code__in=codes)
    outlines = {p.code: area_of(p.polygon) for p in districts if p.polygon}
    dense = city_settings(settings.CITY_DIR).get("dense", [])
    return Router(cached_streets(Path(folder) / "graph", outlines, dense=dense))


@lru_cache(maxsize=2)
def _imported(path: str, changed: int) -> "Router":
    from liangwang.engines.routing import Router
    from liangwang.engines.street_graph import read_streets

    return Router(read_streets(Path(path)))


def imported() -> Path | None:
    """The file of imported streets, None where the city has none."""
    path = settings.DATA / "graph" / "imported.npz"  # the name that `liangwang import-streets` gives
    return path if path.exists() else None


def _whole() -> "Router | None":
    path = imported()
    if path is not None:
        return _imported(str(path), path.stat().st_mtime_ns)
    rows = Place.objects.filter(level="district", ended_at=None, polygon__isnull=False).order_by("code")
    codes = tuple(rows.values_list("code", flat=True))
    return _open(str(settings.DATA), codes) if codes else None


@lru_cache(maxsize=8)
def _without(whole: "Router", refs: tuple[str, ...]) -> "Router":
    from liangwang.engines.street_graph import arcs_in

    areas = [shapely.geometry.shape(row.area) for row in Closure.objects.filter(ref__in=refs)]
    return whole.without({int(arc) for area in areas for arc in arcs_in(whole.graph, area)})


def shut_by(area: dict[str, Any]) -> tuple[int, float] | None:
    """How many streets an area closes, and their kilometres; None where the city has no graph."""
    from liangwang.engines.street_graph import arcs_in, length_m

    whole = _whole()
    if whole is None:
        return None
    graph, arcs = whole.graph, arcs_in(whole.graph, shapely.geometry.shape(area))
    ends = {
        (min(a, b), max(a, b))
        for a, b in zip(graph.tail[arcs].tolist(), graph.head[arcs].tolist(), strict=True)
    }
    metres = (length_m([(graph.lon[n], graph.lat[n]) for n in pair]) for pair in ends)
    return len(ends), round(sum(metres) / 1000, 1)


def router(at: datetime | None = None) -> "Router | None":
    """The street graph, without the streets that are closed at an instant; all of it where no instant is given.

    None where no district has an outline (then nobody can be sent by time).
    """
    whole = _whole()
    refs = tuple(closed_now(at).values_list("ref", flat=True)) if at is not None else ()
    return _without(whole, refs) if whole is not None and refs else whole
