"""What gates must know, in one small file and one signed list: gates, the order in force, and codes that are void."""

import json
import os
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings

from liangwang.base.labels import Label
from liangwang.base.models import Office, Place
from liangwang.engines.sign import EXPIRES, ISSUED, ISSUER, SKEW_S
from liangwang.hub import attributes
from liangwang.hub import queries as hub

from . import code_tokens
from .models_codes import CodeRevocation, Gate

STATUS_ATTRIBUTE = "city_code:health_status"
PACK = "city_code"
LIST_LIFE_S = 24 * 3600
ORDER, FLOOR, REVOKED, VERDICTS = -70010, -70011, -70012, -70013
LOOK_AGAIN_S = 0.25


@dataclass(frozen=True)
class State:
    """The file as a web process holds it; instants in seconds since 1970."""

    gates: frozenset[str]
    revoked: frozenset[bytes]
    floor_s: int
    order: str | None
    order_from_s: float
    order_until_s: float
    at_s: float

    def in_force(self, at_s: float) -> bool:
        """Whether an emergency order is in force."""
        return self.order is not None and self.order_from_s <= at_s < self.order_until_s


EMPTY = State(frozenset(), frozenset(), 0, None, 0, 0, 0)


@dataclass
class _Held:
    state: State = EMPTY
    stamp: int = -1
    looked: float = 0.0


_held = _Held()


def _path() -> Path:
    root: Path = settings.DATA / "gate"
    return root / "state.json"


def state() -> State:
    """The state in force, looked at again four times a second; asks no database."""
    now = time.monotonic()
    if now - _held.looked > LOOK_AGAIN_S:
        _held.looked = now
        try:
            stamp = _path().stat().st_mtime_ns
        except FileNotFoundError:
            _held.state, _held.stamp = EMPTY, -1
            return EMPTY
        if stamp != _held.stamp:
            raw = json.loads(_path().read_bytes())
            raw.pop("v")
            raw["gates"] = frozenset(raw["gates"])
            raw["revoked"] = frozenset(bytes.fromhex(name) for name in raw["revoked"])
            _held.state, _held.stamp = State(**raw), stamp
    return _held.state


def forget() -> None:
    """Looks at the file again at once."""
    _held.stamp, _held.looked = -1, 0.0


def write_state(at: datetime) -> None:
    """Writes the file anew from the database, after a commit that changed it and every minute."""
    order = hub.order_in_force(PACK, at)
    living = CodeRevocation.objects.filter(expires_at__gt=at)
    floors = [row.issued_before for row in living if row.issued_before]
    raw = {
        "v": 1,
        "gates": sorted(Gate.objects.filter(ended_at=None).values_list("key", flat=True)),
        "revoked": sorted(living.exclude(nonce="").values_list("nonce", flat=True)),
        "floor_s": max((int(floor.timestamp()) for floor in floors), default=0),
        "order": order.number if order else None,
        "order_from_s": order.starts_at.timestamp() if order else 0,
        "order_until_s": order.ends_at.timestamp() if order else 0,
        "at_s": at.timestamp(),
    }
    path = _path()
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with fresh.open("w") as out:
        json.dump(raw, out)
        out.flush()
        os.fsync(out.fileno())
    fresh.rename(path)
    forget()


def signed_list(at: datetime) -> dict[str, Any]:
    """What a gate keeps to verify offline: the public key, and a signed list with the instant that gives its age."""
    now = state()
    held = attributes.current(STATUS_ATTRIBUTE) if now.in_force(at.timestamp()) else None
    claims = {
        ISSUER: issuer(),
        ISSUED: int(at.timestamp()),
        EXPIRES: int(at.timestamp()) + LIST_LIFE_S,
        ORDER: now.order if now.in_force(at.timestamp()) else None,
        FLOOR: now.floor_s,
        REVOKED: b"".join(sorted(now.revoked)),
        VERDICTS: list(held.meta.verdicts) if held else [],
    }
    return {
        "list": code_tokens.list_signer().mint(claims),
        "key": code_tokens.public_key(),
        "life_s": code_tokens.LIFE_S,
        "skew_s": SKEW_S,
    }


def issuer() -> str:
    """The city's division code, as the issuer of its codes."""
    return _issuer() or settings.CITY


def _issuer() -> str | None:
    if not _city:
        found = Place.objects.filter(level="city").values_list("code", flat=True).first()
        if found is None:
            return None
        _city.append(found)
    return _city[0]


_city: list[str] = []


# --- gates and revocations -----------------------------------------------------------------------------


def open_gate(*, key: str, name: Label, place: Place | None = None, office: Office | None = None) -> Gate:
    """A gate that may check codes; naming it again changes its name, place and office."""
    gate, _ = Gate.objects.update_or_create(
        key=key, defaults={"name": name, "place": place, "office": office, "ended_at": None}
    )
    return gate


def gates() -> Any:
    """Gates in use, by key."""
    return Gate.objects.filter(ended_at=None).select_related("place").order_by("key")


def revoke_all(at: datetime, why: str) -> None:
    """Makes every code void that was issued before now. Inside a transaction; `write_state` after it."""
    until = at + timedelta(seconds=code_tokens.LIFE_S + 2 * SKEW_S)
    CodeRevocation.objects.get_or_create(
        nonce="", issued_before=at, defaults={"why": why, "at": at, "expires_at": until}
    )


def revoke(worse: dict[int, int], at: datetime, why: str) -> int:
    """Voids living codes with a status milder than the new one (subject id -> code); of many people, all of before."""
    if len(worse) > NAMED_AT_MOST:
        revoke_all(at, why)
        return len(worse)
    until = at + timedelta(seconds=code_tokens.LIFE_S + 2 * SKEW_S)
    CodeRevocation.objects.bulk_create(
        CodeRevocation(nonce=name.hex(), why=why, at=at, expires_at=until)
        for subject, status in worse.items()
        for name in code_tokens.living_nonces(subject, at, below=status)
    )
    return len(worse)


NAMED_AT_MOST = 100  # people: up to 3 × 67 names each, 8 bytes a name, so the list stays near 150 KB
