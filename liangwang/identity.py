"""Who asks a hot route: the same hats as Django's, kept for at most five seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.cookies import CookieError, SimpleCookie
from importlib import import_module
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.models import Session
from django.db import close_old_connections
from django.http import HttpRequest

from liangwang.base import clock
from liangwang.base.access import may_ever
from liangwang.base.hats import ANONYMOUS, Actor, HatGone, actor_of
from liangwang.base.models import Post

KEPT_S = 5.0
KEPT_AT_MOST = 20_000


class Credentials(NamedTuple):
    """What identifies a request: its Authorization header and its session key."""

    authorization: str
    session_key: str


def credentials(authorization: str, cookie: str) -> Credentials:
    """The credentials in two headers; other cookies are left aside."""
    if authorization or settings.SESSION_COOKIE_NAME not in cookie:
        return Credentials(authorization, "")
    try:
        jar: SimpleCookie = SimpleCookie(cookie)
    except CookieError:
        return Credentials("", "")
    found = jar.get(settings.SESSION_COOKIE_NAME)
    return Credentials("", found.value if found else "")


def look_up(who: Credentials) -> Actor:
    """The actor as Django's middleware would find it; runs on the side thread, because it asks the database."""
    if not who.authorization and not who.session_key:
        return ANONYMOUS
    close_old_connections()
    request = HttpRequest()
    request.META["HTTP_AUTHORIZATION"] = who.authorization
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(who.session_key or None)
    request.user = get_user(request)
    try:
        return actor_of(request)
    except HatGone:
        return ANONYMOUS


def marks(pages: Sequence[tuple[Credentials, Actor]]) -> dict[Credentials, str]:
    """A mark of each that changes with the session or the post, in few statements for all; on the side thread.

    Left out are those who are no longer there, and hats of which only `look_up` can tell.
    """
    close_old_connections()
    plain = [(who, actor) for who, actor in pages if who.session_key and actor.hat in ("post", "self")]
    refs = [actor.key.partition(":")[2] for _, actor in plain if actor.hat == "post"]
    sessions: dict[str, str] = {}
    posts: set[str] = set()
    for part in batched([who.session_key for who, _ in plain]):
        rows = Session.objects.filter(session_key__in=part, expire_date__gt=clock.now())
        sessions |= dict(rows.values_list("session_key", "session_data"))
    for part in batched(refs):
        there = Post.objects.filter(ref__in=part, ended_at=None, office__ended_at=None, party__is_active=True)
        posts |= set(there.values_list("ref", flat=True))
    return {
        who: sessions[who.session_key]
        for who, actor in plain
        if who.session_key in sessions and (actor.hat == "self" or actor.key.partition(":")[2] in posts)
    }


def batched(rows: Sequence[str], size: int = 500) -> Iterator[Sequence[str]]:
    """The rows in parts that one statement takes."""
    return (rows[start : start + size] for start in range(0, len(rows), size))


class Known:
    """The actors seen in the last five seconds, so that a gate's thousandth check asks no database."""

    def __init__(self, side: ThreadPoolExecutor) -> None:
        self.side = side
        self._actors: dict[Credentials, tuple[float, Actor]] = {}
        self._asked: dict[Credentials, asyncio.Future[Actor]] = {}
        self._allowed: dict[tuple[str, ...], bool] = {}

    async def actor(self, who: Credentials) -> Actor:
        """The actor; at most five seconds older than the database."""
        kept = self._actors.get(who)
        now = time.monotonic()
        if kept and now - kept[0] < KEPT_S:
            return kept[1]
        asked = self._asked.get(who)
        if asked is None:
            # Many requests of one person come together when what was kept has grown old: one look is enough.
            asked = asyncio.get_running_loop().run_in_executor(self.side, look_up, who)
            self._asked[who] = asked
            asked.add_done_callback(lambda _: self._asked.pop(who, None))
        actor = await asyncio.shield(asked)
        if len(self._actors) >= KEPT_AT_MOST:
            self._actors.clear()
        self._actors[who] = (now, actor)
        return actor

    def may(self, actor: Actor, verb: str, kind: str) -> bool:
        """Whether the policy has any cell in which the actor may do this; the handler asks about the object itself."""
        key = (actor.key, actor.role, actor.assurance, verb, kind)
        allowed = self._allowed.get(key)
        if allowed is None:
            if len(self._allowed) >= KEPT_AT_MOST:
                self._allowed.clear()
            allowed = self._allowed[key] = may_ever(actor, verb, kind)
        return allowed
