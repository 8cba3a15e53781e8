"""Makes the outlines and points of cities/testville: two square districts on the open sea."""

import csv
import json
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from liangwang.base.geo import geojson_of, spread_points, voronoi_cells

CITY = Path(__file__).resolve().parent.parent / "cities" / "testville"
DISTRICTS = {
    "900101": ("湖东区", "Hudong District", shapely.box(122.46, 30.48, 122.50, 30.52)),
    "900102": ("湖西区", "Huxi District", shapely.box(122.42, 30.48, 122.46, 30.52)),
}
STREETS = {
    "900101001": ("湖滨街道", "Hubin Subdistrict", "street"),
    "900101002": ("石桥街道", "Shiqiao Subdistrict", "street"),
    "900102001": ("书院路街道", "Shuyuan Road Subdistrict", "street"),
    "900102101": ("溪口镇", "Xikou Town", "town"),
    "900102501": ("湖西工业园区", "Huxi Industrial Park", "statistical_unit"),
}
DUTY = {"900102501": "900102101"}
COMMITTEES = {
    "900101001001": ("望湖居委会", "Wanghu Residents' Committee", "residents_committee"),
    "900101001002": ("荷塘居委会", "Hetang Residents' Committee", "residents_committee"),
    "900101002001": ("石桥第一居委会", "Shiqiao No. 1 Residents' Committee", "residents_committee"),
    "900101002002": ("石桥第二居委会", "Shiqiao No. 2 Residents' Committee", "residents_committee"),
    "900102001001": ("书院居委会", "Shuyuan Residents' Committee", "residents_committee"),
    "900102001002": ("竹园居委会", "Zhuyuan Residents' Committee", "residents_committee"),
    "900102101201": ("溪口村村委会", "Xikou Village Villagers' Committee", "villagers_committee"),
    "900102101202": ("东坡村村委会", "Dongpo Village Villagers' Committee", "villagers_committee"),
    "900102501498": (
        "湖西工业园区虚拟社区",
        "Huxi Industrial Park (statistical community)",
        "statistical_unit",
    ),
}


def write(name: str, header: list[str], rows: list[list[Any]]) -> None:
    with (CITY / name).open("w", encoding="utf-8", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(header)
        out.writerows(rows)


def write_areas(name: str, areas: dict[str, BaseGeometry]) -> None:
    lines = [
        json.dumps({"type": "Feature", "properties": {"code": code}, "geometry": geojson_of(area)})
        for code, area in areas.items()
    ]
    text = '{"type": "FeatureCollection", "features": [\n' + ",\n".join(lines) + "\n]}\n"
    (CITY / name).write_text(text, encoding="utf-8")


def main() -> None:
    cells: dict[str, BaseGeometry] = {}
    points: dict[str, tuple[float, float]] = {}
    for district, (_, _, area) in DISTRICTS.items():
        inside = [code for code in STREETS if code.startswith(district) and code not in DUTY]
        spread = spread_points(area, len(inside), seed=int(district))
        points |= dict(zip(inside, spread, strict=True))
        cells |= dict(zip(inside, voronoi_cells(spread, area), strict=True))
    points |= {unit: points[street] for unit, street in DUTY.items()}
    grids: dict[str, BaseGeometry] = {}
    for street, area in cells.items():
        members = [c for c in COMMITTEES if DUTY.get(c[:9], c[:9]) == street]
        points |= dict(zip(members, spread_points(area, len(members), seed=int(street)), strict=True))
        halves = voronoi_cells(spread_points(area, 2, seed=int(street) + 1), area)
        grids |= {f"{street}-{i:02}": half for i, half in enumerate(halves, 1)}

    def row(code: str, *cells: str) -> list[Any]:
        lon, lat = points[code]
        return [code, *cells, f"{lon:.5f}", f"{lat:.5f}"]

    points |= {code: (area.centroid.x, area.centroid.y) for code, (_, _, area) in DISTRICTS.items()}
    write(
        "districts.csv",
        ["code", "zh", "en", "lon", "lat"],
        [row(c, zh, en) for c, (zh, en, _) in DISTRICTS.items()],
    )
    kinds = ["code", "zh", "en", "kind", "lon", "lat"]
    write("streets.csv", kinds, [row(c, *names) for c, names in STREETS.items()])
    write("committees.csv", kinds, [row(c, *names) for c, names in COMMITTEES.items()])
    duty = [[unit, street, 0, "invented"] for unit, street in DUTY.items()]
    write("duty_places.csv", ["code", "duty_code", "unverified", "note"], duty)
    write_areas("districts.geojson", {c: area for c, (_, _, area) in DISTRICTS.items()})
    write_areas("streets.geojson", cells)
    write_areas("grids.geojson", grids)


if __name__ == "__main__":
    main()
