"""One thing as it was at a moment: the signals that stood, the latest value of each quantity until then, its incident."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db.models import Q

from liangwang.base.packs import declarations
from liangwang.cases import course, history
from liangwang.cases.queries import Case
from liangwang.rules.declare import SignalRule

from . import curves
from .history import engine
from .history_models import HistoryFile
from .models import Asset, Datastream, Signal
from .signals import instant
from .things import Card, Latest, Standing

LOOKED_BACK: Final = timedelta(days=1)  # an older value says nothing of that moment
TIERS: Final = (("raw", "value"), ("minute", "total / n"))


def card_then(asset: Asset, at: datetime, data: Path | None = None) -> Card:
    """The card of a thing as it was; a value is the last one in the day before it, from minutes where readings are gone."""
    labels = {
        one.ref: one.value.label for one in declarations("rules.yaml") if isinstance(one.value, SignalRule)
    }
    rows = Signal.objects.filter(Q(cleared_at=None) | Q(cleared_at__gt=at), asset=asset, at__lte=at).order_by(
        "-at"
    )
    standing = [
        Standing(labels.get(row.rule, {"zh": row.rule, "en": row.rule}), row.level, row.at) for row in rows
    ]
    return Card(asset, standing, _latest(asset, at, data), _incident(asset, at))


def _incident(asset: Asset, at: datetime) -> Case | None:
    """The incident about a thing that was on the board."""
    rows = history.cases_in("incident", "").filter(subject_id=asset.subject_id, opened_at__lte=at)
    cases = list(rows.filter(Q(closed_at=None) | Q(closed_at__gt=at)).order_by("-id")[:5])
    moments = course.courses(cases)
    return next((one for one in cases if course.at_moment(moments[one.pk], at).live), None)


def _latest(asset: Asset, at: datetime, data: Path | None) -> list[Latest]:
    rows = list(Datastream.objects.filter(asset=asset, ended_at=None).order_by("id"))
    values = _values(rows, at, data) if rows else {}
    found = []
    for row in rows:
        known, (when, value) = curves.about(row), values.get(row.pk, (None, None))
        found.append(Latest(row.pk, known.label, value, known.unit, when))
    return found


def _values(rows: list[Datastream], at: datetime, data: Path | None) -> dict[int, tuple[datetime, float]]:
    """When and what each datastream said last until a moment."""
    sources = {f"{row.pack}:{row.source}" for row in rows}
    low, high = (round(moment.timestamp() * 1e6) for moment in (at - LOOKED_BACK, at))
    for tier, value in TIERS:
        files = HistoryFile.objects.filter(
            tier=tier, source__in=sources, ended_at=None, first_at__lte=high, last_at__gt=low
        )
        paths = [
            str((data or settings.DATA) / "history" / path) for path in files.values_list("path", flat=True)
        ]
        if not paths:
            continue
        query = _LAST.format(value=value, streams=", ".join(str(row.pk) for row in rows))
        with engine() as con:
            told = con.execute(query, {"paths": paths, "low": low, "high": high}).fetchall()
        return {stream: (instant(when), said) for stream, when, said in told}
    return {}


_LAST: Final = """
SELECT datastream, max("at"), arg_max({value}, "at") FROM read_parquet($paths)
WHERE datastream IN ({streams}) AND "at" > $low AND "at" <= $high GROUP BY 1"""
