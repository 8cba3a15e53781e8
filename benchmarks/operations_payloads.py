"""What the load generator sends in the benchmark of operations; it is made inside the generator, which knows no Django."""

from __future__ import annotations

import numpy as np

from benchmarks.load import Request

BATCH = 500
MINUTE_US = 60_000_000
SPIKES, LASTING = 0.003, 0.0002
"""The share of sensors that pass the limit for one reading (two signals), and for four (a third, with an incident)."""


def payloads(
    *, sensors: list[str], began_us: int, rounds: int, host: str, path: str, headers: list[list[str]]
) -> list[bytes]:
    """Requests of 500 rows: a reading a minute of every sensor by way of gateways, a few twice; sent in this order."""
    random = np.random.default_rng(1)
    n = len(sensors)
    base, gateways = np.random.default_rng(0).normal(10, 1, n).clip(6, 14), random.permutation(n)
    high = np.zeros((rounds, n))
    if rounds > 6:
        for share, length in ((SPIKES, 1), (LASTING, 4)):
            for sensor in random.choice(n, round(n * share), replace=False):
                start_at = int(random.integers(2, rounds - length))
                high[start_at : start_at + length, sensor] = 8
    found, named = [], tuple((name, text) for name, text in headers)
    for number in range(rounds):
        at = began_us + number * MINUTE_US + random.integers(0, 20_000_000, n)
        value = np.round(base + random.normal(0, 0.1, n) + high[number], 3)
        starts = np.arange(0, n, BATCH)
        random.shuffle(starts)
        for start_at in starts.tolist():
            mine = gateways[start_at : start_at + BATCH]
            body = _body(sensors, mine.tolist(), at[mine].tolist(), value[mine].tolist(), number + 1)
            found.append(Request("POST", path, body, named).raw(host))
    return found


def _body(sensors: list[str], mine: list[int], at: list[int], value: list[float], seq: int) -> bytes:
    lines = [
        f'{{"datastream":"{sensors[one]}","at":{when},"value":{x},"seq":{seq}}}'
        for one, when, x in zip(mine, at, value, strict=True)
    ]
    lines[0] = lines[-1]  # one of each batch comes twice, as brokers do it, and one is lost
    return "\n".join(lines).encode()
