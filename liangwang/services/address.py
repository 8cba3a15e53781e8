"""Addresses as Shanghai says them: division by division, then road, lane, number and room; or one line as written.

An address that was picked is kept as JSON with the code of its division, so that it can be picked on; one that was
written (another province, or taken from a register) is plain text. What is handed in is always one line.
"""

import json
from typing import Any

from liangwang.base.labels import Label
from liangwang.base.models import Place

ELSEWHERE = "elsewhere"
PARTS = ("road", "lane", "number", "room")
ENDINGS = {"lane": "弄", "number": "号", "room": "室"}
LEVELS = ("district", "street", "neighbourhood")
PART_MAX = 40
STATISTICAL = Place.Kind.STATISTICAL_UNIT


def parts_of(typed: str) -> dict[str, str]:
    """The parts of a kept address; for a line of text, that it was written elsewhere and the line as its road.

    >>> parts_of("绍兴市越城区鲁迅路1号")
    {'in': 'elsewhere', 'road': '绍兴市越城区鲁迅路1号'}
    """
    text = typed.strip()
    if not text:
        return {}
    if text.startswith("{"):
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if isinstance(found, dict):
            return {str(key): str(value)[:200] for key, value in found.items()}
    return {"in": ELSEWHERE, "road": text}


def picked(parts: dict[str, str]) -> str:
    """An address as it is kept: '' for none, one line for one elsewhere, else its parts with the names of its division.

    Divisions that are unknown or do not lie in one another are dropped, the deepest that is right stays.
    """
    line = {name: parts.get(name, "").strip()[:PART_MAX] for name in PARTS}
    if parts.get("in") and "district" not in parts:
        parts = {**parts, **_divisions(parts["in"]), "line": parts.get("road", "")}
    if parts.get("district") == ELSEWHERE:
        return parts.get("line", "").strip() or json.dumps({"in": ELSEWHERE})
    place = _deepest(parts)
    if place is None:
        return json.dumps(line, ensure_ascii=False) if any(line.values()) else ""
    names = {"in": place.code, "level": place.level, "area": _area(place)}
    return json.dumps({**names, **{k: v for k, v in line.items() if v}}, ensure_ascii=False)


def one_line(typed: str) -> str:
    """The address as one line: 上海市长宁区江苏路街道长宁路515弄3号402室.

    >>> one_line('{"in": "310105012", "area": "上海市长宁区江苏路街道", "road": "长宁路", "lane": "515", "room": "402"}')
    '上海市长宁区江苏路街道长宁路515弄402室'
    """
    parts = parts_of(typed)
    return parts.get("area", "") + "".join(_part(name, parts.get(name, "")) for name in PARTS)


def place_code(typed: str) -> str:
    """The code of the division that was picked, '' for a line of text."""
    code = parts_of(typed).get("in", "")
    return "" if code == ELSEWHERE else code


def lacking(typed: str) -> Label | None:
    """What a picked address still needs, None where it is whole."""
    parts = parts_of(typed)
    if parts.get("in") == ELSEWHERE:
        return None if parts.get("road") else {"zh": "请写完整地址", "en": "write the whole address"}
    if parts.get("level") not in ("street", "neighbourhood"):
        return {"zh": "请选到街道或镇", "en": "choose down to the subdistrict or town"}
    if not parts.get("road"):
        return {"zh": "请写路名", "en": "enter the road"}
    if not (parts.get("number") or parts.get("lane")):
        return {"zh": "请写弄号或门牌号", "en": "enter the lane or the number"}
    return None


def choices(typed: str) -> list[dict[str, Any]]:
    """The pickers that this address shows: each {level, chosen, options: [(code, Label)]}, one more than is chosen."""
    code = place_code(typed)
    city = Place.objects.filter(level="city", ended_at=None).first()
    found: list[dict[str, Any]] = []
    above = city
    for level, length in zip(LEVELS, (6, 9, 12), strict=True):
        if above is None:
            break
        rows = {p.code: p for p in _within(above, level)}
        if not rows:
            break
        chosen = code[:length] if code[:length] in rows and len(code) >= length else ""
        found.append({"level": level, "chosen": chosen, "options": [(p.code, p.name) for p in rows.values()]})
        above = rows.get(chosen)
    return found


def _within(above: Place, level: str) -> list[Place]:
    rows = Place.objects.filter(parent=above, level=level, ended_at=None).exclude(kind=STATISTICAL)
    return list(rows.order_by("code"))


def _deepest(parts: dict[str, str]) -> Place | None:
    above = ""
    for level in LEVELS:
        code = parts.get(level, "")
        if not code or not code.startswith(above):
            break
        above = code
    while above:
        place = Place.objects.filter(code=above, level__in=LEVELS, ended_at=None).first()
        if place is not None:
            return place
        above = above[:-3] if len(above) > 6 else ""
    return None


def _divisions(code: str) -> dict[str, str]:
    """A kept code as the pickers would have sent it."""
    lengths = zip(LEVELS, (6, 9, 12), strict=True)
    return {level: code if code == ELSEWHERE else code[:length] for level, length in lengths}


def _area(place: Place) -> str:
    """Names from the city down to the street or town; the neighbourhood is not part of a postal address."""
    names = []
    here: Place | None = place
    while here is not None:
        if here.level in ("city", "district", "street"):
            names.append(here.name["zh"])
        here = here.parent
    return "".join(reversed(names))


def _part(name: str, text: str) -> str:
    ending = ENDINGS.get(name, "")
    return f"{text}{ending}" if text.isdigit() and ending else text
