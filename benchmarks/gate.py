"""The gate in one process: codes minted, verified and checked, the attribute map, and a source's batch.

The same figures over HTTP under page load are in `house`; here nothing but the work itself is timed, by the
processor time of this process.
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import ibis
import numpy as np
import pyarrow as pa
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import override_settings

from liangwang.base import clock, keys
from liangwang.base.hats import ANONYMOUS
from liangwang.bench import Figures, Measured, figure
from liangwang.hot import HotRequest
from liangwang.hub import attributes, contract, store
from liangwang.hub.sources import source_of
from liangwang.services import code_tokens, gate_list, gate_log, gates

SUBJECTS = 1_000_000
CODES = 2_000
ROWS = 100_000
LONG = "2999-01-01T00:00:00+00:00"


def figures() -> Figures:
    """Every figure beside its baseline, in a DATA of its own."""
    with tempfile.TemporaryDirectory() as folder, override_settings(DATA=Path(folder)):
        _forget()
        at = clock.now()
        _prepare(at)
        yield from _codes(at)
        yield from _map()
        yield from _contract()
        _forget()


def _forget() -> None:
    keys.forget_cached()
    code_tokens.forget_keys()
    gate_log.seen.close()
    gate_log.log.close()
    gate_list.forget()


def _prepare(at: datetime) -> None:
    """A map of a million subjects in force under an order, and one gate, without a database."""
    values = np.zeros(SUBJECTS + 1, attributes.RECORD)
    values["verdict"] = 1 + (np.arange(SUBJECTS + 1) % 17 == 0) * 2
    meta = {
        "name": gate_list.STATUS_ATTRIBUTE,
        "version": "1",
        "rule_hash": "",
        "at": at,
        "order": "bench",
        "starts_at": datetime(2000, 1, 1, tzinfo=UTC),
        "ends_at": datetime.fromisoformat(LONG),
        "verdicts": ["green", "yellow", "red"],
        "because": [{"zh": "无", "en": "none"}],
    }
    attributes.write_version(meta, values, np.empty(0))
    attributes.point(gate_list.STATUS_ATTRIBUTE, "1")
    state = {
        "v": 1,
        "gates": ["east"],
        "revoked": [],
        "floor_s": 0,
        "order": "bench",
        "order_from_s": 0,
        "order_until_s": 4e10,
        "at_s": at.timestamp(),
    }
    path = gate_log.folder() / "state.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(state))
    gate_list.forget()


def rate(do: Callable[[Any], object], over: list[Any]) -> float:
    """Calls a second of processor time."""
    began = time.process_time()
    for one in over:
        do(one)
    return len(over) / (time.process_time() - began)


def _codes(at: datetime) -> Iterator[tuple[str, Measured]]:
    private = keys.es256_key("codes")
    public, raw = private.public_key(), b"x" * 70
    raw_signature = private.sign(raw, ec.ECDSA(hashes.SHA256()))

    def mint(n: int) -> str:
        return code_tokens.signed(n, issuer="31", name="张*", status=3, until_day=20_000, at=at)[0]

    bare_sign = rate(lambda _: private.sign(raw, ec.ECDSA(hashes.SHA256())), list(range(CODES)))
    bare_verify = rate(
        lambda _: public.verify(raw_signature, raw, ec.ECDSA(hashes.SHA256())), list(range(CODES))
    )
    yield (
        "code_mints_per_s",
        figure(
            rate(mint, list(range(CODES))),
            "1/s CPU",
            baseline=bare_sign,
            baseline_is="the bare ES256 signature alone",
        ),
    )
    codes = [mint(n) for n in range(CODES)]
    verifier, at_s = code_tokens.verifier(), int(at.timestamp())
    yield (
        "code_verifies_per_s",
        figure(
            rate(lambda code: verifier.verify(code, at_s=at_s), codes),
            "1/s CPU",
            baseline=bare_verify,
            baseline_is="the bare ES256 verification alone",
        ),
    )
    yield (
        "gate_verifies_per_s",
        figure(
            rate(gates.handle, [asked(code) for code in codes]),
            "1/s CPU",
            baseline=bare_verify,
            baseline_is="the bare ES256 verification alone",
            note="the whole handler in one process: JSON, verify, revoked, replay, log, JSON",
        ),
    )
    handles = [code_tokens.handle(n + 1, at) for n in range(20_000)]
    yield (
        "gate_checks_per_s",
        figure(
            rate(gates.handle, [asked(handle) for handle in handles]),
            "1/s CPU",
            baseline=twin_rate(handles[:1000]),
            baseline_is="the same through Django's twin, without middleware of sessions",
            note="by handle: JSON, open, status from the map, replay, log, JSON",
        ),
    )


def asked(code: str) -> HotRequest:
    return HotRequest(
        ANONYMOUS, json.dumps({"code": code, "gate": "east"}).encode(), "application/json", {}, ""
    )


def twin_rate(handles: list[str]) -> float:
    """The twin's view by Django's request factory, past its door: what the framework itself costs."""
    from django.test import RequestFactory

    from liangwang.hot import HOT
    from liangwang.web.twins import answer_as_django

    factory = RequestFactory()
    route = next(route for route in HOT if route.path == "/gate/check")

    def ask(handle: str) -> object:
        body = json.dumps({"code": handle, "gate": "east"})
        request = factory.post("/twin/gate/check", body, content_type="application/json")
        request.actor = ANONYMOUS  # type: ignore[attr-defined]
        return answer_as_django(request, route=route)

    return rate(ask, handles)


def _map() -> Iterator[tuple[str, Measured]]:
    held = attributes.current(gate_list.STATUS_ATTRIBUTE)
    assert held is not None
    ids = np.random.default_rng(1).integers(0, SUBJECTS, 500_000).tolist()
    in_memory = dict.fromkeys(range(SUBJECTS), 1)
    yield (
        "map_lookups_per_s",
        figure(
            rate(held.lookup, ids),
            "1/s CPU",
            baseline=rate(in_memory.get, ids),
            baseline_is="a Python dict of a million subjects in memory",
        ),
    )


def _contract() -> Iterator[tuple[str, Measured]]:
    source = source_of("city_code:fever_clinics").value
    one = ["V1", "110105194912310021", "张三", "13800000001", "2020-04-01", "36.5", "negative"]
    columns = {
        name: pa.array([f"{cell}{n}" if name == "visit_no" else cell for n in range(ROWS)])
        for name, cell in zip(source.columns, one, strict=True)
    }
    columns |= {"row": pa.array(range(ROWS), pa.int32()), "doubled": pa.array([False] * ROWS)}
    text = ibis.memtable(pa.table(columns))
    context = contract.Context(
        datetime(2020, 4, 2, tzinfo=UTC), ZoneInfo("Asia/Shanghai"), lambda _: frozenset()
    )
    con = store.connect()
    began = time.process_time()
    con.to_pyarrow(contract.checked(text, source, context))
    took = time.process_time() - began
    yield (
        "contract_rows_per_s",
        figure(
            ROWS / took,
            "1/s CPU",
            baseline=rate(row_by_row, [one] * 20_000),
            baseline_is="the same rules in plain Python, row by row",
            note="every rule of a source of seven columns, identity check digit included",
        ),
    )


def row_by_row(cells: list[str]) -> list[str]:
    """The contract of fever_clinics as one would write it for one row."""
    number, identity, name, phone, day, temperature, result = cells
    wrong = []
    if not 0 < len(number) <= 24:
        wrong.append("visit_no")
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    if len(identity) != 18 or not identity[:17].isdigit():
        wrong.append("identity")
    elif "10X98765432"[sum(int(c) * w for c, w in zip(identity, weights, strict=False)) % 11] != identity[17]:
        wrong.append("check digit")
    for text, what in ((identity[6:14], "%Y%m%d"), (day, "%Y-%m-%d")):
        try:
            if datetime.strptime(text, what).date() > date(2020, 4, 2):  # noqa: DTZ007
                wrong.append("future")
        except ValueError:
            wrong.append("date")
    if not 2 <= len(name) <= 50:
        wrong.append("name")
    if not (len(phone) == 11 and phone.isdigit() and phone[0] == "1"):
        wrong.append("phone")
    if not 34 <= float(temperature) <= 43:
        wrong.append("temperature")
    if result not in {"positive", "negative", "pending"}:
        wrong.append("result")
    return wrong
