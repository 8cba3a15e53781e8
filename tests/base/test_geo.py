"""Distances, H3, GCJ-02, what contains, what is near, and approximate cells."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from liangwang.base.geo import (
    AreaIndex,
    PointIndex,
    cell,
    cells_around,
    degrees_of,
    gcj02_of,
    geojson_of,
    haversine_m,
    metres_xy,
    spread_points,
    voronoi_cells,
    wgs84_of,
)

lons = st.floats(120.8, 122.2)
lats = st.floats(30.6, 31.9)
POLE_TO_EQUATOR_M = 10_007_557.2  # a quarter of the mean circumference, 2 pi 6371008.8 / 4
SQUARE = shapely.box(121.0, 31.0, 121.1, 31.1)


def test_a_quarter_of_the_earth() -> None:
    assert haversine_m((0, 0), (0, 90)) == pytest.approx(POLE_TO_EQUATOR_M, rel=1e-6)


@given(lons, lats, lons, lats)
def test_the_flat_map_is_close_enough_inside_a_city(a: float, b: float, c: float, d: float) -> None:
    flat = metres_xy(np.array([a, c]), np.array([b, d]), (121.5, 31.2))
    straight = float(np.hypot(*(flat[1] - flat[0])))
    assert straight == pytest.approx(haversine_m((a, b), (c, d)), rel=0.01, abs=1)


@given(lons, lats)
def test_gcj02_goes_there_and_back(lon: float, lat: float) -> None:
    there = gcj02_of(lon, lat)
    assert 300 < haversine_m((lon, lat), there) < 800
    assert haversine_m(wgs84_of(*there), (lon, lat)) < 0.001


@given(lons, lats, st.floats(0, 900), st.floats(0, 2 * np.pi))
def test_the_cells_around_hold_everything_within_the_radius(
    lon: float, lat: float, metres: float, angle: float
) -> None:
    east, north = degrees_of(metres, lat)
    there = lon + east * np.cos(angle), lat + north * np.sin(angle)
    assert cell(*there, 9) in cells_around(lon, lat, metres)


def test_a_point_on_a_border_belongs_to_the_first_area() -> None:
    index = AreaIndex([("west", shapely.box(0, 0, 1, 1)), ("east", shapely.box(1, 0, 2, 1))])
    assert index.containing(1, 0.5) == ["west", "east"]
    assert index.containing(3, 0.5) == []
    assert index.first_of(np.array([0.5, 1, 1.5, 9]), np.array([0.5] * 4)) == ["west", "west", "east", None]


def test_near_is_by_metres_and_nearest_first() -> None:
    index = PointIndex([("far", 121.02, 31.0), ("here", 121.0, 31.0), ("close", 121.001, 31.0)])
    assert [key for key, _ in index.near(121.0, 31.0, 100)] == ["here", "close"]
    assert index.near(121.0, 31.0, 94) == [("here", 0.0)]


def test_spread_points_are_the_same_for_a_seed_and_keep_the_fixed_ones() -> None:
    points = spread_points(SQUARE, 12, seed=7, fixed=[(121.05, 31.05)])
    assert points == spread_points(SQUARE, 12, seed=7, fixed=[(121.05, 31.05)])
    assert points != spread_points(SQUARE, 12, seed=8, fixed=[(121.05, 31.05)])
    assert points[0] == (121.05, 31.05)
    nearest = min(haversine_m(a, b) for i, a in enumerate(points) for b in points[:i])
    assert nearest > 1000  # twelve in 10 km by 11 km; at random the closest pair would be some 300 m apart


def test_cells_cover_the_area_without_overlap_and_hold_their_own_point() -> None:
    points = spread_points(SQUARE, 9, seed=3)
    cells = voronoi_cells(points, SQUARE)
    assert sum(c.area for c in cells) == pytest.approx(SQUARE.area)
    assert shapely.union_all(cells).area == pytest.approx(SQUARE.area)
    assert all(c.covers(shapely.Point(p)) for c, p in zip(cells, points, strict=True))


def test_rounding_never_breaks_a_polygon() -> None:
    thin = shapely.Polygon([(0, 0), (1, 0.000004), (1, 0.00002), (0.5, 0.000001), (0, 0.00001)])
    assert shapely.geometry.shape(geojson_of(thin)).is_valid
