"""How the things of operations show themselves to the policy: assets, reports of people, and the screen of a place."""

from liangwang.base.access import Thing, register_kind
from liangwang.base.models import Place

from .models import Asset, Datastream, Report


def _asset(asset: Asset) -> Thing:
    return Thing(kind="asset", ref=asset.ref, place_code=asset.place.code)


def _reading(stream: Datastream) -> Thing:
    return Thing(kind="reading", ref=str(stream.pk), place_code=stream.asset.place.code)


def _board(place: Place) -> Thing:
    return Thing(kind="board", ref=place.code, place_code=place.code)


def _report(row: Report) -> Thing:
    subjects = frozenset({row.subject_id} if row.subject_id else ())
    return Thing(kind="report", ref=row.ref, place_code=row.place.code, subject_ids=subjects)


register_kind("report", of=_report, place="place__code", subjects=("subject_id",), personal=True)
register_kind("asset", of=_asset, place="place__code")
register_kind("reading", of=_reading, place="asset__place__code")
register_kind("board", of=_board, place="code")
