"""A duty officer works a report from one screen: it comes by itself, is found, decided by letters; a break is seen."""

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.house import House

from .test_axe import AXE, DESK, context_of, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["context_of"]  # a fixture
pytestmark = pytest.mark.browser

REPORT = """
    import django; django.setup()
    from liangwang.base import clock
    from liangwang.base.transactions import write
    from liangwang.base.models import Party
    from liangwang.base.hats import hats_of
    from liangwang.operations import actions
    party = Party.objects.get(login_name="committee")
    actor = next(hat for hat in hats_of(party, clock.now()) if hat.role == "committee")
    with write():
        row = actions.report(actor=actor, at=clock.now(), kind="street_order:rubble", text={text!r}, point=({lon}, 30.4912))
    answer = dict(ref=row.case.ref, number=row.case.number, title=row.case.title["zh"])
"""


def report(house: House, text: str, lon: float) -> dict[str, str]:
    """A report of a committee worker; returns its incident."""
    found: dict[str, str] = house.do(REPORT.format(text=text, lon=lon))
    return found


def violations(page: "Page") -> list[str]:
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]
    return [
        f"{v['id']}: {v['nodes'][0]['html'][:160]}" for v in found if v["impact"] in ("serious", "critical")
    ]


def row(ref: str) -> str:
    return f'#feed .incident[data-ref="{ref}"]'


def recorded_instant(house: House, page: "Page") -> None:
    """A moment takes the place of now, and now does not break in; then it is live again."""
    past = {
        "role": "incident", "key": "i:then", "ref": "then", "number": "演-1", "name": "那时的事", "where": "某街道",
        "status": "warn", "stage": "处置", "since": "2026-11-20T00:00:00+00:00", "limit_s": 600, "late": True,
        "rank": 1, "href": "/command/incidents/then/",
    }  # fmt: skip
    geometry = {"type": "Point", "coordinates": [122.481, 30.491]}
    points = {
        "type": "FeatureCollection",
        "features": [{"type": "Feature", "geometry": geometry, "properties": past}],
    }
    detail = json.dumps({"at": "2026-11-20T00:20:00+00:00", "points": points, "incidents": [past]})
    page.evaluate(f"document.dispatchEvent(new CustomEvent('moment', {{detail: {detail}}}))")
    assert page.locator("#feed .incident").count() == 1
    shown = page.locator(row("then")).inner_text()
    assert (
        "那时的事" in shown and "00:20:00" in shown and page.locator(row("then") + " svg.icon").count() == 1
    )
    heard = "const e = new EventSource('/events?topics=case'); e.addEventListener('case.opened', () => { e.close(); done(1); });"
    page.evaluate(f"globalThis.heard = new Promise((done) => {{ {heard} }}); 0")
    fresh = report(house, "回看时来的", 122.4822)
    page.evaluate("globalThis.heard")
    assert page.locator("#feed .incident").count() == 1  # now does not break in
    page.evaluate("document.dispatchEvent(new CustomEvent('live'))")
    page.wait_for_selector(row("then"), state="detached")
    page.locator("#find input[type=search]").fill("")
    page.wait_for_selector(row(fresh["ref"]))


def points_by_difference(page: "Page") -> None:
    """Only what changed is handed to the map."""
    source = page.content()
    stamp = re.search(r'src="(/static/[^"]*js/)command\.mjs"', source)
    assert stamp is not None
    found = page.evaluate(
        """async (base) => {
          const { difference } = await import(base + "duty/map.mjs");
          const at = (key, x) => ({ geometry: { coordinates: [x, 0] }, properties: { key } });
          const known = new Map();
          const turn = (...features) => {
            const diff = difference(known, { features });
            return [diff.add.map((f) => f.properties.key), diff.remove];
          };
          return [turn(at("a", 1), at("b", 1)), turn(at("a", 1), at("b", 2)), turn(at("b", 2))];
        }""",
        stamp[1],
    )
    assert found == [[["a", "b"], []], [["b"], ["b"]], [[], ["a"]]]


def test_a_bad_day_from_one_screen(house: House, context_of: Callable[..., "Page"]) -> None:
    page = context_of(DESK)
    broken: list[str] = []
    page.on("pageerror", lambda error: broken.append(str(error)))
    sign_in(page, house, "duty_street")
    page.goto(f"{house.address}/command/")
    page.wait_for_selector("#city-map[data-ready]")

    one = report(house, "建筑垃圾堆在路口", 122.4812)  # comes without anything being pressed
    page.wait_for_selector(row(one["ref"]))
    page.keyboard.press("/")
    page.keyboard.type(one["number"])
    page.wait_for_function("document.querySelectorAll('#feed .incident').length === 1")
    page.wait_for_url("**q=*")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.wait_for_selector(f'#brief article[data-ref="{one["ref"]}"]')
    assert page.locator(row(one["ref"])).get_attribute("data-chosen") is not None
    assert not violations(page)

    page.keyboard.press("Enter")
    page.keyboard.press("n")  # not true, but no reason given: refused, and the form stays
    page.wait_for_selector("#brief .errors")
    page.locator("#brief .due textarea[name=note]").fill("现场看过，属实")
    page.locator("#brief").focus()
    page.keyboard.press("y")
    page.wait_for_selector("#brief [role=status]")
    assert "核实结果已记下" in page.locator("#brief").inner_text()
    page.keyboard.press("Escape")
    assert page.locator("#brief").is_hidden() and page.locator("#panels").is_visible()
    recorded_instant(house, page)
    points_by_difference(page)
    assert not broken


def test_a_broken_stream_is_seen_and_made_good(house: House, context_of: Callable[..., "Page"]) -> None:
    page = context_of(DESK)
    page.route("**/maplibre-gl*", lambda route: route.abort())  # the list does not need the map
    page.route("**/events?*", lambda route: route.abort())
    sign_in(page, house, "duty_street")
    page.goto(f"{house.address}/command/")
    page.wait_for_selector("#stale:visible")
    assert page.locator("#live.stale").count() == 1
    missed = report(house, "又一堆", 122.4832)
    page.unroute("**/events?*")
    page.wait_for_selector("#stale", state="hidden")
    page.wait_for_selector(row(missed["ref"]))  # what came meanwhile
