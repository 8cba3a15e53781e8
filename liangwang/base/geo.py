"""Points, distances and areas on WGS-84: haversine, H3 cells, what contains and what is near, GCJ-02; no Django."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import h3.api.basic_int as h3
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon, mapping, shape
from shapely.geometry.base import BaseGeometry

Point = tuple[float, float]  # longitude, latitude in degrees, WGS-84 unless said
Floats = NDArray[np.float64]

EARTH_RADIUS_M = 6_371_008.8  # mean radius (2a + b) / 3 of the WGS-84 ellipsoid
METRES_PER_DEGREE = math.radians(1) * EARTH_RADIUS_M


# --- distance ------------------------------------------------------------------------------------------


def haversine_m(a: Point, b: Point) -> float:
    """Great-circle metres between two points (haversine formula, Sinnott 1984).

    >>> round(haversine_m((121.4305, 31.2165), (121.4905, 31.2365)))
    6123
    """
    lon_a, lat_a, lon_b, lat_b = map(math.radians, (*a, *b))
    h = math.sin((lat_b - lat_a) / 2) ** 2
    h += math.cos(lat_a) * math.cos(lat_b) * math.sin((lon_b - lon_a) / 2) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, h)))


def metres_xy(lon: Floats, lat: Floats, origin: Point) -> Floats:
    """float[n, 2] metres east and north of `origin` (equirectangular; below 0.3 % off inside 100 km)."""
    east = (np.asarray(lon) - origin[0]) * METRES_PER_DEGREE * math.cos(math.radians(origin[1]))
    return np.column_stack([east, (np.asarray(lat) - origin[1]) * METRES_PER_DEGREE])


def degrees_of(metres: float, lat: float) -> tuple[float, float]:
    """How many degrees of longitude and of latitude a length in metres is at this latitude."""
    return metres / (METRES_PER_DEGREE * math.cos(math.radians(lat))), metres / METRES_PER_DEGREE


# --- H3 ------------------------------------------------------------------------------------------------


def cell(lon: float, lat: float, resolution: int) -> int:
    """The H3 cell of a point, as the integer that the tables keep."""
    return int(h3.latlng_to_cell(lat, lon, resolution))


def cells_around(lon: float, lat: float, metres: float, resolution: int = 9) -> list[int]:
    """H3 cells that together hold everything within `metres`: a coarse filter for `h3_9 IN (…)`."""
    # Two neighbouring centres are sqrt(3) edges apart and cells vary in size by a factor up to 2.
    step_m = h3.average_hexagon_edge_length(resolution, unit="m") * math.sqrt(3) / math.sqrt(2)
    return [int(c) for c in h3.grid_disk(cell(lon, lat, resolution), math.ceil(metres / step_m) + 1)]


# --- GCJ-02 --------------------------------------------------------------------------------------------
# Chinese maps shift coordinates by a smooth function of about 500 m. It is not published officially; the formula
# below is the one widely reproduced since 2010 from the EvilTransform sources, on the Krasovsky 1940 ellipsoid.
# There is no closed inverse: `wgs84_of` iterates, and the round trip is below 1e-9 degrees (0.1 mm).

KRASOVSKY_A = 6_378_245.0
KRASOVSKY_E2 = 0.00669342162296594323


def _shift(lon: float, lat: float) -> Point:
    x, y = lon - 105.0, lat - 35.0
    root = math.sqrt(abs(x))

    def wave(size: float, turns: float) -> float:
        return size * math.sin(turns * math.pi) * 2 / 3

    ripple = wave(20, 6 * x) + wave(20, 2 * x)
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north += ripple + wave(20, y) + wave(40, y / 3) + wave(160, y / 12) + wave(320, y / 30)
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east += ripple + wave(20, x) + wave(40, x / 3) + wave(150, x / 12) + wave(300, x / 30)
    phi = math.radians(lat)
    w = 1 - KRASOVSKY_E2 * math.sin(phi) ** 2
    meridian = KRASOVSKY_A * (1 - KRASOVSKY_E2) / (w * math.sqrt(w))
    parallel = KRASOVSKY_A / math.sqrt(w) * math.cos(phi)
    return math.degrees(east / parallel), math.degrees(north / meridian)


def gcj02_of(lon: float, lat: float) -> Point:
    """A WGS-84 point as Chinese base maps show it (GCJ-02); for points in mainland China only."""
    east, north = _shift(lon, lat)
    return lon + east, lat + north


def wgs84_of(lon: float, lat: float) -> Point:
    """The WGS-84 point of a GCJ-02 one, by fixed-point iteration.

    >>> lon, lat = wgs84_of(*gcj02_of(121.4305, 31.2165))
    >>> round(lon, 9), round(lat, 9)
    (121.4305, 31.2165)
    """
    guess = (lon, lat)
    for _ in range(12):
        there = gcj02_of(*guess)
        guess = (guess[0] + lon - there[0], guess[1] + lat - there[1])
        if abs(there[0] - lon) < 1e-11 and abs(there[1] - lat) < 1e-11:
            break
    return guess


# --- areas ---------------------------------------------------------------------------------------------


def area_of(geojson: str | Mapping[str, Any]) -> BaseGeometry:
    """A shapely geometry from GeoJSON text or object (a geometry, not a feature)."""
    return shape(json.loads(geojson) if isinstance(geojson, str) else geojson)


def geojson_of(area: BaseGeometry, digits: int = 5) -> dict[str, Any]:
    """A valid GeoJSON geometry with coordinates rounded to `digits` (5 = about a metre)."""
    # Rounding vertex by vertex can make a ring cross itself; snapping to a grid cannot.
    snapped = shapely.set_precision(area, 10.0**-digits)

    def rounded(part: Any) -> Any:
        if isinstance(part, (list, tuple)):
            return [rounded(p) for p in part]
        return round(part, digits)

    found = mapping(snapped)
    return {"type": found["type"], "coordinates": rounded(found["coordinates"])}


def polygons_only(area: BaseGeometry) -> Polygon | MultiPolygon:
    """The polygonal part of a geometry, made valid; lines and points left over by a cut are dropped."""
    fixed = shapely.make_valid(area)
    parts = [p for p in shapely.get_parts(fixed) if p.geom_type in ("Polygon", "MultiPolygon")]
    joined = shapely.union_all(parts)
    assert isinstance(joined, (Polygon, MultiPolygon))
    return joined


class AreaIndex:
    """Which areas contain a point: an STRtree over (key, geometry) rows; keys are returned in row order."""

    def __init__(self, rows: Iterable[tuple[Any, BaseGeometry]]) -> None:
        pairs = list(rows)
        self.keys = [key for key, _ in pairs]
        self.areas = [area for _, area in pairs]
        self.tree = shapely.STRtree(self.areas)

    def containing(self, lon: float, lat: float) -> list[Any]:
        """Keys of the areas that cover the point, border included."""
        return [
            self.keys[i] for i in sorted(self.tree.query(shapely.Point(lon, lat), predicate="covered_by"))
        ]

    def first_of(self, lon: Floats, lat: Floats) -> list[Any]:
        """For many points at once: the key of the first area that covers each, None outside all."""
        found: list[Any] = [None] * len(lon)
        points, areas = self.tree.query(shapely.points(lon, lat), predicate="covered_by")
        for point, area in sorted(zip(points.tolist(), areas.tolist(), strict=True), reverse=True):
            found[point] = self.keys[area]
        return found


class PointIndex:
    """What is near: keys at points, found by metres (STRtree box first, haversine after)."""

    def __init__(self, rows: Iterable[tuple[Any, float, float]]) -> None:
        self.rows = list(rows)
        self.tree = shapely.STRtree([shapely.Point(lon, lat) for _, lon, lat in self.rows])

    def near(self, lon: float, lat: float, metres: float) -> list[tuple[Any, float]]:
        """(key, metres) of every point within `metres`, nearest first."""
        east, north = degrees_of(metres, lat)
        # A hair wider than the radius: the box is flat, the earth is not.
        box = shapely.box(lon - east * 1.01, lat - north * 1.01, lon + east * 1.01, lat + north * 1.01)
        found = []
        for i in self.tree.query(box):
            key, there_lon, there_lat = self.rows[i]
            distance = haversine_m((lon, lat), (there_lon, there_lat))
            if distance <= metres:
                found.append((key, distance))
        return sorted(found, key=lambda pair: pair[1])


# --- approximate cells ---------------------------------------------------------------------------------


def spread_points(
    area: BaseGeometry, n: int, *, seed: int, fixed: Sequence[Point] = (), rounds: int = 12
) -> list[Point]:
    """`n` well-spaced points inside `area`, the `fixed` ones first and unmoved; the same seed gives the same points.

    Lloyd's algorithm: each free point moves to the centre of its Voronoi cell.
    """
    random = np.random.default_rng(seed)
    points = [*fixed, *_inside(area, n - len(fixed), random)]
    for _ in range(rounds):
        cells = voronoi_cells(points, area)
        for i in range(len(fixed), n):
            centre = cells[i].centroid
            if area.covers(centre):
                points[i] = (centre.x, centre.y)
    return points


def _inside(area: BaseGeometry, n: int, random: np.random.Generator) -> list[Point]:
    west, south, east, north = area.bounds
    found: list[Point] = []
    while len(found) < n:
        lon, lat = random.uniform(west, east, 4 * n + 16), random.uniform(south, north, 4 * n + 16)
        keep = shapely.contains_xy(area, lon, lat)
        found += list(zip(lon[keep].tolist(), lat[keep].tolist(), strict=True))
    return found[:n]


def voronoi_cells(points: Sequence[Point], area: BaseGeometry) -> list[Polygon | MultiPolygon]:
    """The Voronoi cell of each point, clipped to `area`, in the order of `points` (distances in local metres)."""
    if len(points) == 1:
        return [polygons_only(area)]
    # Stretched so that a degree east is as long as a degree north; shrunk back after the cut.
    squeeze = math.cos(math.radians(area.centroid.y))
    flat = [(lon * squeeze, lat) for lon, lat in points]
    ground = shapely.transform(area, lambda xy: xy * [squeeze, 1])
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.MultiPoint(flat), extend_to=ground))
    tree = shapely.STRtree(list(cells))
    found: list[Polygon | MultiPolygon] = []
    for x, y in flat:
        at = shapely.Point(x, y)
        mine = cells[tree.query_nearest(at, all_matches=False)[0]]
        clipped = polygons_only(shapely.intersection(mine, ground))
        found.append(shapely.transform(clipped, lambda xy: xy / [squeeze, 1]))
    return found
