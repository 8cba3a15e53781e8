"""Readings on the wire: four forms, the same columns; a bad row has its number and its reason in both languages."""

import json

import pytest

from liangwang.channels.readings import Unreadable, parse

NOW = 1_790_000_000_000_000


def test_ndjson_array_senml_and_data_array_say_the_same() -> None:
    rows = [
        {"datastream": "M1.tilt", "at": NOW, "value": 2.5},
        {"datastream": "M1.noise", "at": NOW + 1_000_000, "value": 60},
    ]
    forms = {
        "application/x-ndjson": "\n".join(json.dumps(row) for row in rows),
        "application/json": json.dumps(rows),
        "application/senml+json": json.dumps(
            [{"bn": "M1.", "bt": NOW / 1e6, "n": "tilt", "v": 2.5}, {"n": "noise", "t": 1, "v": 60}]
        ),
        "text/csv": f"datastream,at,value\nM1.tilt,{NOW},2.5\nM1.noise,{NOW + 1_000_000},60\n",
    }
    for kind, body in forms.items():
        parsed = parse(body.encode(), f"{kind}; charset=utf-8", NOW)
        assert parsed.datastream == ["M1.tilt", "M1.noise"], kind
        assert (parsed.at, parsed.value, parsed.bad) == ([NOW, NOW + 1_000_000], [2.5, 60.0], []), kind
    groups = [
        {
            "Datastream": {"@iot.id": "M1.tilt"},
            "components": ["phenomenonTime", "result"],
            "dataArray": [["2026-11-22T08:00:00+08:00", 2.5], ["2026-11-22T08:00:01", 1]],
        }
    ]
    parsed = parse(json.dumps(groups).encode(), "application/json", NOW)
    assert (parsed.at, parsed.value) == ([1_795_305_600_000_000], [2.5])
    assert "zone" in parsed.bad[0].reason["en"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"datastream": "M1.tilt", "at": 1, "value": NaN}', "not JSON"),
        ('{"datastream": "M1.tilt", "at": 1}', "value"),
        ('{"datastream": "M1.tilt", "at": "2026-11-22T08:00:00", "value": 1}', "zone"),
        ('{"datastream": "M1.tilt", "at": "yesterday", "value": 1}', "yesterday"),
        ('{"datastream": 7, "at": 1, "value": 1}', "datastream"),
        ('{"datastream": "M1.tilt", "at": 1, "value": "2"}', "value"),
        ("half a li", "not JSON"),
    ],
)
def test_one_bad_line_is_told_and_its_neighbours_are_kept(line: str, words: str) -> None:
    good = '{"datastream": "M1.tilt", "at": 5, "value": 1}'
    parsed = parse(f"{good}\n{line}\n{good}\n".encode(), "application/x-ndjson", NOW)
    assert parsed.rows == [1, 3]
    assert parsed.bad[0].row == 2
    assert words in parsed.bad[0].reason["en"]
    assert parsed.bad[0].reason["zh"]


def test_senml_times_below_2_28_are_relative_to_now() -> None:
    parsed = parse(
        b'[{"bn": "M1.", "n": "tilt", "v": 1, "t": -5}, {"n": "x", "vs": "a"}]', "application/senml+json", NOW
    )
    assert parsed.at == [NOW - 5_000_000]
    assert parsed.bad[0].row == 2


def test_a_body_that_is_nothing_is_refused_as_a_whole() -> None:
    for body, kind in (
        (b"[1, 2", "application/json"),
        (b"x", "text/csv"),
        (b"x", "text/xml"),
        (b"{}", "application/senml+json"),
    ):
        with pytest.raises(Unreadable) as refused:
            parse(body, kind, NOW)
        assert refused.value.label["zh"]
