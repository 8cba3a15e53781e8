"""Where the elements of a plan's diagram stand: x by the earliest day, one row for each step that runs at a time."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

TASK = (150, 60)
GATEWAY = (40, 40)
EVENT = (36, 36)
COLUMN, ROW = 320, 88
LEFT, TOP, LANE_HEAD, POOL_HEAD = 160, 80, 30, 30
PAD = 12


class Shape(NamedTuple):
    """A rectangle in the units of the diagram, y down."""

    x: int
    y: int
    width: int
    height: int


class Layout(NamedTuple):
    """Rectangles of the pool, its lanes and all elements, and the points of every flow."""

    pool: Shape
    lanes: list[Shape]
    shapes: dict[str, Shape]
    ways: dict[str, list[tuple[int, int]]]


def lay_out(
    nodes: Sequence[Mapping[str, Any]],
    lanes: Mapping[str, Sequence[str]],
    elements: Mapping[str, Any],
    flows: Iterable[Any],
) -> Layout:
    """Columns by the earliest start day (and by order within a day), rows inside each office's lane without overlap."""
    column = columns(nodes)
    row, heights = _rows(column, lanes)
    last = max(column.values(), default=0)
    shapes: dict[str, Shape] = {}
    width = POOL_HEAD + LEFT + (last + 1) * COLUMN + LEFT
    tops: list[Shape] = []
    y = TOP
    for count in heights or [1]:
        tops.append(Shape(POOL_HEAD + TOP, y, width - POOL_HEAD, count * ROW + 2 * PAD))
        y += count * ROW + 2 * PAD
    pool = Shape(TOP, TOP, width, y - TOP)
    middle = tops[0].y + tops[0].height // 2
    for id, one in elements.items():
        shapes[id] = _place(id, one, column, row, last, middle, [lane.y for lane in tops])
    boxes = list(shapes.values())
    ways = {flow.id: _way(shapes[flow.source], shapes[flow.target], boxes) for flow in flows}
    return Layout(pool, tops, shapes, ways)


def columns(nodes: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The column of each step: steps that may begin on the same day after the same wait stand under one another.

    Days are ranked, so that a step of sixty days does not push the rest off the page; a step that takes no day still
    stands after what it waits for.
    """
    start: dict[str, tuple[int, int]] = {}
    by_key = {node["key"]: node for node in nodes}

    def begins(key: str) -> tuple[int, int]:
        stack = [key]
        while stack:
            at = stack[-1]
            open_needs = [need for need in by_key[at]["needs"] if need not in start]
            if open_needs:
                stack.extend(open_needs)
                continue
            stack.pop()
            ends = [_after(start[need], by_key[need]) for need in by_key[at]["needs"]]
            start[at] = max(ends, default=(0, 0))
        return start[key]

    ranks = {moment: rank for rank, moment in enumerate(sorted({begins(key) for key in by_key}))}
    return {key: ranks[start[key]] for key in by_key}


def _after(begins: tuple[int, int], node: Mapping[str, Any]) -> tuple[int, int]:
    """The moment after a step: so many days later, or the next place of the same day."""
    days = (node.get("within") or {}).get("working_days") or 0
    return (begins[0] + days, 0) if days else (begins[0], begins[1] + 1)


def _rows(
    column: Mapping[str, int], lanes: Mapping[str, Sequence[str]]
) -> tuple[dict[str, tuple[int, int]], list[int]]:
    """The (lane, row) of each step and the rows of each lane: a row holds one step of a column."""
    place: dict[str, tuple[int, int]] = {}
    heights = []
    for lane, keys in enumerate(lanes.values()):
        filled: dict[int, int] = {}
        for key in sorted(keys, key=lambda key: column[key]):
            place[key] = lane, filled.get(column[key], 0)
            filled[column[key]] = filled.get(column[key], 0) + 1
        heights.append(max(filled.values(), default=1))
    return place, heights


def _place(
    id: str,
    one: Any,
    column: Mapping[str, int],
    row: Mapping[str, tuple[int, int]],
    last: int,
    middle: int,
    tops: Sequence[int],
) -> Shape:
    size = {"userTask": TASK, "parallelGateway": GATEWAY}.get(one.kind, EVENT)
    left = TOP + POOL_HEAD + LANE_HEAD
    if one.step:
        lane, place = row[one.step]
        y = tops[lane] + PAD + place * ROW + ROW // 2
        x = TOP + POOL_HEAD + LEFT + column[one.step] * COLUMN
        x += {"userTask": 0}.get(one.kind, -60 if id.startswith("join_") else TASK[0] + 20)
    else:
        y = middle
        right = TOP + POOL_HEAD + LEFT + (last + 1) * COLUMN
        x = {"start": left + 10, "fork_start": left + 62, "join_end": right - 30, "end": right + 60}[id]
    return Shape(x, y - size[1] // 2, *size)


def _way(one: Shape, two: Shape, boxes: Iterable[Shape]) -> list[tuple[int, int]]:
    """From the right side of one to the left side of the other, with a turn just before the target.

    Where a box stands in the way, it runs between the rows.
    """
    out = one.x + one.width, one.y + one.height // 2
    into = two.x, two.y + two.height // 2
    turn = max(out[0] + 10, into[0] - 12)
    if any(box not in (one, two) and _crossed(box, out[0], turn, out[1]) for box in boxes):
        leave, between = out[0] + 10, out[1] + ROW // 2
        return [out, (leave, out[1]), (leave, between), (turn, between), (turn, into[1]), into]
    if out[1] == into[1]:
        return [out, into]
    return [out, (turn, out[1]), (turn, into[1]), into]


def _crossed(box: Shape, start: int, end: int, y: int) -> bool:
    """Whether a horizontal line goes through a box."""
    return box.x < end and box.x + box.width > start and box.y <= y <= box.y + box.height
