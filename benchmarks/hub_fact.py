"""One new fact in a running house: from the office's request to the person's status, as a gate reads it."""

from __future__ import annotations

import json
import time
from typing import Any

from liangwang.base import clock
from liangwang.base.hats import issue_source_key
from liangwang.base.models import Office, Person
from liangwang.base.places import load_places
from liangwang.base.subjects import register_person
from liangwang.base.transactions import write
from liangwang.base.working_days import local_day
from liangwang.hub import derive
from liangwang.hub.generate_files import recipe_of, register
from liangwang.services import code_tokens, gate_list

KEY, GATE = "bench-key", "bench-gate"
PEOPLE = 2_000
FACTS = 10
PATIENCE_S = 60.0
HEADS = "visit_no,identity,name,visited_on,result"


def prepare() -> list[dict[str, str]]:
    """Puts a small city under an order with everybody judged; the rows to send, and the handle that tells each apart."""
    from django.conf import settings

    from tests.hub import factories

    at = clock.now()
    with write():
        load_places(settings.CITY_DIR, at=at)
        gate_list.open_gate(key=GATE, name={"zh": "测试门岗", "en": "bench gate"})
        factories.order(at=at, days=30, number="测试〔2026〕2号")
        issue_source_key(KEY, name="bench", office=Office.objects.order_by("id")[0], sources=["*"])
        people = [
            _enrolled(line)
            for piece in register(recipe_of(PEOPLE, 1, local_day(at)).people)
            for line in piece.to_pylist()
        ]
    derive.run(gate_list.STATUS_ATTRIBUTE, None, at)
    gate_list.write_state(at)
    day = local_day(at).isoformat()
    return [
        {
            "handle": code_tokens.handle(person.pk, at),
            "csv": f"{HEADS}\nB{n:06d},{identity},{person.name},{day},positive\n",
        }
        for n, (person, identity) in enumerate(people[:FACTS])
    ]


def _enrolled(line: dict[str, Any]) -> tuple[Person, str]:
    at = clock.now()
    told = {key: line[key] for key in ("name", "sex", "birth_on", "identity", "phone", "address")}
    return register_person(**told, at=at), line["identity"]


def seconds(house: Any, facts: list[dict[str, str]]) -> list[float]:
    """Seconds from sending each row to the first check that says red."""
    return [_until_red(house, fact) for fact in facts]


def _until_red(house: Any, fact: dict[str, str]) -> float:
    if (before := status(house, fact["handle"])) != "green":
        raise RuntimeError(f"the person is {before} before the fact")
    began = time.perf_counter()
    answer = house.ask(
        "POST", "/api/v1/batches/city_code:fever_clinics", fact["csv"].encode(),
        Authorization=f"Bearer {KEY}", Content_Type="text/csv",
    )  # fmt: skip
    if answer.status != 202:
        raise RuntimeError(f"the row was not taken: {answer.status} {answer.body.decode()}")
    while status(house, fact["handle"]) != "red":
        if time.perf_counter() - began > PATIENCE_S:
            raise TimeoutError("the status did not change within a minute")
        time.sleep(0.02)
    return time.perf_counter() - began


def status(house: Any, handle: str) -> str | None:
    """What a gate reads."""
    body = json.dumps({"code": handle, "gate": GATE}).encode()
    answer = house.ask(
        "POST", "/gate/check", body, Authorization=f"Bearer {KEY}", Content_Type="application/json"
    )
    found: str | None = answer.json()["status"]
    return found
