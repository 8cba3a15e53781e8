"""How the things of operations show themselves to the policy: assets, their readings, and the screen of a place."""

from liangwang.base.access import Thing, register_kind
from liangwang.base.models import Place

from .models import Asset


def _asset(asset: Asset) -> Thing:
    return Thing(kind="asset", ref=asset.ref, place_code=asset.place.code)


def _board(place: Place) -> Thing:
    return Thing(kind="board", ref=place.code, place_code=place.code)


register_kind("asset", of=_asset, place="place__code")
register_kind("board", of=_board, place="code")
