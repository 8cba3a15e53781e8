"""Real streets: what a PBF extract becomes, tag by tag, on files that the tests write themselves."""

from pathlib import Path

import numpy as np
import osmium
import pytest
from osmium.osm.mutable import Node, Way

from liangwang.engines.osm import NotStreets, road_of, streets_of
from liangwang.engines.routing import Router
from liangwang.engines.street_graph import KINDS, read_streets
from liangwang.operations.commands import import_streets

# 1 ─── 2 ─── 3   a square of 0.002° (about 200 m), 5 and 6 hang on 4 by a footway
# │           │
# 4 ──────────┘
POINTS = {1: (122.480, 30.502), 2: (122.481, 30.502), 3: (122.482, 30.502), 4: (122.480, 30.500), 5: (122.479, 30.5),
          6: (122.482, 30.500)}  # fmt: skip


def extract(path: Path, *ways: tuple[list[int], dict[str, str]]) -> Path:
    with osmium.SimpleWriter(str(path)) as writer:
        for ref, where in POINTS.items():
            writer.add_node(Node(id=ref, location=where))
        for ref, (nodes, tags) in enumerate(ways, 1):
            writer.add_way(Way(id=ref, nodes=nodes, tags=tags))
    return path


def ring(path: Path) -> Path:
    return extract(
        path / "ring.osm.pbf",
        ([1, 2, 3], {"highway": "residential", "oneway": "yes"}),
        ([3, 6, 4], {"highway": "secondary"}),
        ([4, 1], {"highway": "residential", "bridge": "yes"}),
        ([4, 1], {"highway": "service"}),  # beside the quicker one
        ([4, 5], {"highway": "footway"}),
    )


def test_one_ways_classes_and_lengths_become_arcs(tmp_path: Path) -> None:
    graph = streets_of(ring(tmp_path))
    arcs = {
        (round(float(graph.lon[t]), 3), round(float(graph.lat[t]), 3), round(float(graph.lon[h]), 3)): (
            kind,
            seconds,
        )
        for t, h, kind, seconds in zip(graph.tail, graph.head, graph.kind, graph.seconds, strict=True)
    }
    assert (122.48, 30.502, 122.481) in arcs and (122.481, 30.502, 122.48) not in arcs, (
        "a one-way has no return"
    )
    kind, seconds = arcs[122.48, 30.5, 122.48]
    assert KINDS[kind] == "bridge"
    assert seconds == pytest.approx(0.002 * 111_195 / (22 / 3.6), rel=0.01), (
        "the quicker of two side by side, not the sum"
    )
    assert graph.lon.min() > 122.4795, "a footway is no street"
    pairs = list(zip(graph.tail.tolist(), graph.head.tolist(), strict=True))
    assert len(pairs) == len(set(pairs))


def test_a_route_keeps_to_the_one_way(tmp_path: Path) -> None:
    router = Router(streets_of(ring(tmp_path)))
    there, back = router.way(POINTS[1], POINTS[3]), router.way(POINTS[3], POINTS[1])
    assert there is not None and back is not None
    assert POINTS[2] in [(round(x, 6), round(y, 6)) for x, y in there.points]
    assert POINTS[2] not in [(round(x, 6), round(y, 6)) for x, y in back.points]


@pytest.mark.parametrize(
    ("tags", "wanted"),
    [
        ({"highway": "motorway"}, (2, 80.0, True, False)),
        ({"highway": "motorway", "oneway": "no"}, (2, 80.0, True, True)),
        ({"highway": "tertiary", "junction": "roundabout"}, (1, 30.0, True, False)),
        ({"highway": "residential", "oneway": "-1"}, (0, 22.0, False, True)),
        ({"highway": "primary", "maxspeed": "20 mph"}, (1, pytest.approx(25.75, abs=0.01), True, True)),
        ({"highway": "primary", "maxspeed": "none"}, (1, 40.0, True, True)),
        ({"highway": "service", "access": "private"}, None),
        ({"highway": "service", "access": "private", "motor_vehicle": "yes"}, (0, 12.0, True, True)),
        ({"highway": "residential", "motor_vehicle": "no"}, None),
        ({"highway": "pedestrian"}, None),
        ({"waterway": "canal"}, None),
    ],
)
def test_tags_say_who_may_drive_which_way_how_fast(tags: dict[str, str], wanted: object) -> None:
    assert road_of(tags) == wanted


def test_a_long_street_keeps_nodes_to_snap_to(tmp_path: Path) -> None:
    graph = streets_of(extract(tmp_path / "line.osm.pbf", ([1, 2, 3], {"highway": "residential"})))
    assert len(graph) == 3 and np.isfinite(graph.seconds).all()


def test_a_file_without_streets_is_told_in_words_and_keeps_what_was(
    tmp_path: Path, settings: object, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.DATA = tmp_path  # type: ignore[attr-defined]
    assert import_streets(str(ring(tmp_path))) == 0
    before = read_streets(tmp_path / "graph" / "imported.npz")
    broken = tmp_path / "broken.osm.pbf"
    broken.write_bytes(b"\x00\x00\x00\x0dnothing of it")
    empty = extract(tmp_path / "empty.osm.pbf", ([4, 5], {"highway": "footway"}))
    for wrong in (broken, empty, tmp_path / "missing.osm.pbf"):
        assert import_streets(str(wrong)) == 2
        assert "OpenStreetMap" in capsys.readouterr().err
    with pytest.raises(NotStreets):
        streets_of(empty)
    assert len(read_streets(tmp_path / "graph" / "imported.npz")) == len(before)
