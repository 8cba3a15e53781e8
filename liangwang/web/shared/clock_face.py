"""How clocks look: the days of a legal clock as shares of its length, and an incident's running clock; pure, no Django."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Face:
    """Shares are percent of the longest of the three numbers."""

    statutory: int | None
    promised: int | None
    used: int
    used_share: float
    promised_share: float | None
    statutory_share: float | None
    level: str
    days: list[Any]
    stopped: bool


def face(clock: dict[str, Any]) -> Face:
    """The face of the answer of cases.queries.clock: {statutory, promised, used, days}."""
    statutory, promised, used = clock.get("statutory"), clock.get("promised"), int(clock.get("used") or 0)
    longest = max([n for n in (statutory, promised, used, 1) if n])
    limit = promised or statutory
    return Face(
        statutory=statutory,
        promised=promised,
        used=used,
        used_share=100 * used / longest,
        promised_share=100 * promised / longest if promised else None,
        statutory_share=100 * statutory / longest if statutory else None,
        level=level_of(used / limit if limit else None),
        days=list(clock.get("days") or ()),
        stopped=bool(clock.get("stopped")),
    )


def level_of(share: float | None) -> str:
    """Status of a used share: ok below 0.6, watch below 0.85, warn up to 1, bad beyond; info without a limit.

    >>> [level_of(x) for x in (0.2, 0.7, 0.9, 1.2, None)]
    ['ok', 'watch', 'warn', 'bad', 'info']
    """
    if share is None:
        return "info"
    if share > 1:
        return "bad"
    return "ok" if share < 0.6 else "watch" if share < 0.85 else "warn"


@dataclass(frozen=True)
class Run:
    """A running clock at the moment that the page was made; the browser goes on from `since`."""

    since: datetime
    limit_s: int | None
    elapsed_s: int
    share: float | None
    level: str
    text: str
    left: str


def running(since: datetime, limit_s: float | None, now: datetime | None) -> Run:
    """Elapsed time as h:mm:ss, its share of the limit (None without one), and what is left of it or beyond it."""
    elapsed = max(0, int(((now or since) - since).total_seconds()))
    share = elapsed / limit_s if limit_s else None
    limit = int(limit_s) if limit_s else None
    left = spelled(abs(limit - elapsed)) if limit else ""
    return Run(since, limit, elapsed, share, level_of(share), spelled(elapsed), left)


def spelled(seconds: int) -> str:
    """Seconds as h:mm:ss.

    >>> spelled(3725)
    '01:02:05'
    """
    hours, rest = divmod(seconds, 3600)
    return f"{hours:02d}:{rest // 60:02d}:{rest % 60:02d}"
