"""GET /healthz: whether the house is well, in figures; 503 when something is red."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import OperationalError, close_old_connections, connection

from liangwang.base import clock
from liangwang.base.models import AuditEntry, Effect
from liangwang.hot import HotAnswer, HotRequest, answer
from liangwang.services import text_messages

KEPT_S = 1.0
OUTBOX_LAG_S = 60.0
CHECKPOINT_AGE_S = 300.0
BEAT_LAG_S = 60.0
DISK_FREE_MB = 200

Check = Callable[[datetime], tuple[float | str, bool]]


def database(_at: datetime) -> tuple[str, bool]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return connection.vendor, True


def outbox_lag_s(at: datetime) -> tuple[float, bool]:
    """How long the oldest effect that is due has waited."""
    due = Effect.objects.filter(state=Effect.State.PENDING, due_at__lte=at).order_by("due_at")
    oldest = due.values_list("due_at", flat=True).first()
    lag = (at - oldest).total_seconds() if oldest else 0.0
    return round(lag, 1), lag <= OUTBOX_LAG_S


def outbox_failed(_at: datetime) -> tuple[float, bool]:
    """Effects that ended in `failed`: someone must look, but the house still works."""
    return Effect.objects.filter(state=Effect.State.FAILED).count(), True


def checkpoint_age_s(at: datetime) -> tuple[float, bool]:
    """How long the oldest audit entry has been without a checkpoint over it."""
    waiting = AuditEntry.objects.filter(idx=None).order_by("id").values_list("at", flat=True).first()
    age = (at - waiting).total_seconds() if waiting else 0.0
    return round(age, 1), age <= CHECKPOINT_AGE_S


def _beat_lag_s(process: str) -> tuple[float | str, bool]:
    """How long ago a process last finished a turn: each touches DATA/<process>/beat."""
    beat = settings.DATA / process / "beat"
    if not beat.exists():
        return "not started", False
    lag = time.time() - beat.stat().st_mtime
    return round(lag, 1), lag <= BEAT_LAG_S


def live_lag_s(_at: datetime) -> tuple[float | str, bool]:
    return _beat_lag_s("live")


def worker_lag_s(_at: datetime) -> tuple[float | str, bool]:
    return _beat_lag_s("worker")


def sms_failed(at: datetime) -> tuple[float | str, bool]:
    """Text messages that no gateway took within a day; red where the gateway is set up wrongly."""
    fault = text_messages.check()
    return (fault, False) if fault else (text_messages.failed_since(at - timedelta(days=1)), True)


def disk_free_mb(_at: datetime) -> tuple[float, bool]:
    free = shutil.disk_usage(settings.DATA).free // 2**20
    return free, free >= DISK_FREE_MB


CHECKS: tuple[Check, ...] = (
    database,
    outbox_lag_s,
    outbox_failed,
    live_lag_s,
    worker_lag_s,
    checkpoint_age_s,
    sms_failed,
    disk_free_mb,
)


def health(at: datetime) -> dict[str, Any]:
    """`{ok, checks: {name: {value, ok}}}`; a check that cannot be made is red."""
    checks: dict[str, Any] = {}
    for check in CHECKS:
        try:
            value, ok = check(at)
        except (OperationalError, OSError) as error:
            value, ok = str(error).splitlines()[0], False
        checks[check.__name__] = {"value": value, "ok": ok}
    return {"ok": all(row["ok"] for row in checks.values()), "checks": checks}


_last: tuple[float, dict[str, Any]] = (-KEPT_S, {})


def _kept() -> dict[str, Any]:
    """The health, asked at most once a second, however many ask."""
    global _last
    if time.monotonic() - _last[0] >= KEPT_S:
        close_old_connections()
        _last = (time.monotonic(), health(clock.now()))
    return _last[1]


async def handle(_request: HotRequest) -> HotAnswer:
    """The hot route; the checks run on a thread, because the database may be what is ill."""
    found = await asyncio.to_thread(_kept)
    return answer(found, 200 if found["ok"] else 503)
