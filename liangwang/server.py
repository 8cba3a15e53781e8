"""The web process: hot routes, event streams and static files answered here, everything else by Django on one thread."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from html import escape
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs
from wsgiref.util import setup_testing_defaults

import msgspec
import uvloop
from django.conf import settings
from django.db import InterfaceError, OperationalError
from granian.rsgi import HTTPProtocol, ProtocolClosed, Scope
from granian.server.embed import Server

from liangwang import hot, sse, static
from liangwang.base.errors import LoginNeeded, Refusal, Refused
from liangwang.base.hats import Actor
from liangwang.base.labels import Label
from liangwang.hot import HotRequest, HotRoute
from liangwang.identity import Known, credentials
from liangwang.wsgi_bridge import BodyTooLarge, Bridge, Busy, WSGIApplication, call, read_body

log = logging.getLogger("liangwang.web")

BODY_LIMIT = 32 * 1024 * 1024
SWITCH_INTERVAL_S = 1e-4
BACKLOG, CONNECTIONS = 2_048, 16_384
"""Every open page holds a connection for its events: the server's own bound of 128 would shut everybody else out."""
Headers = list[tuple[str, str]]


class TooLarge(Refusal):
    status, code = 413, "too_large"
    template: ClassVar[Label] = {
        "zh": "内容太大，一次最多 {mb} MB；请压缩照片或分几次提交",
        "en": "Too large: at most {mb} MB at a time; compress the photos or send in parts",
    }


class Overloaded(Refusal):
    status, code = 503, "overloaded"
    template: ClassVar[Label] = {
        "zh": "现在办理的人很多，请稍后再试；已填的内容没有丢失",
        "en": "Very busy just now, please try again in a moment; nothing you typed is lost",
    }


class StorageBusy(Refusal):
    status, code = 503, "storage_busy"
    template: ClassVar[Label] = {
        "zh": "数据库暂时不能写入，请稍后再试",
        "en": "The database cannot be written just now, please try again in a moment",
    }


class Fault(Refusal):
    status, code = 500, "fault"
    template: ClassVar[Label] = {
        "zh": "系统出错了，已经记录；请稍后再试",
        "en": "A fault on our side; it has been recorded, please try again later",
    }


PAGE = (
    '<!doctype html><html lang="zh"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>{zh}</title><h1>{zh}</h1><p lang=en>{en}</p><p><a href='/'>首页 Home</a></p></html>"
)


def refuse(scope: Scope, proto: HTTPProtocol, refusal: Refusal) -> None:
    """Tells a refusal that no page could tell: JSON to machines, plain HTML to people."""
    headers: Headers = [("cache-control", "no-store")]
    if refusal.status == 503:
        headers.append(("retry-after", "2"))
    if "text/html" in (scope.headers.get("accept") or ""):
        zh, en = escape(refusal.message("zh")), escape(refusal.message("en"))
        headers.append(("content-type", "text/html; charset=utf-8"))
        proto.response_str(refusal.status, headers, PAGE.format(zh=zh, en=en))
    else:
        headers.append(("content-type", hot.JSON))
        proto.response_bytes(refusal.status, headers, msgspec.json.encode(refusal.as_json()))


class App:
    """The RSGI callable of one web process."""

    def __init__(self) -> None:
        from django.core.wsgi import (
            get_wsgi_application,
        )  # late, so that importing this module needs no set-up

        self.side = ThreadPoolExecutor(1, thread_name_prefix="side")
        self.known = Known(self.side)
        self.bus = sse.Bus(self.side, self.known)
        self.django = Bridge(get_wsgi_application(), BODY_LIMIT)
        self.routes = {(route.method, route.path): route for route in hot.HOT}
        # The first visitor should not wait for two seconds of imports and templates.
        self.django.thread.submit(warm, self.django.application)

    async def __rsgi__(self, scope: Scope, proto: HTTPProtocol) -> None:
        try:
            await self._answer(scope, proto)
        except ProtocolClosed:
            log.debug("the client left")
        except BodyTooLarge:
            refuse(scope, proto, TooLarge(mb=BODY_LIMIT // 2**20))
        except Busy:
            refuse(scope, proto, Overloaded())
        except Refusal as refusal:
            refuse(scope, proto, refusal)
        except (OperationalError, InterfaceError, OSError):
            # A locked or absent database, a full disk: not our bug, and worth another try.
            log.exception("%s %s: storage", scope.method, scope.path)
            refuse(scope, proto, StorageBusy())
        except Exception:
            log.exception("%s %s", scope.method, scope.path)
            refuse(scope, proto, Fault())

    async def _answer(self, scope: Scope, proto: HTTPProtocol) -> None:
        route = self.routes.get(("GET" if scope.method == "HEAD" else scope.method, scope.path))
        if route is not None:
            await self._hot(route, scope, proto)
        elif scope.path.startswith("/static/"):
            self._static(scope, proto)
        else:
            await self.django(scope, proto)

    async def _hot(self, route: HotRoute, scope: Scope, proto: HTTPProtocol) -> None:
        header = scope.headers.get
        who = credentials(header("authorization") or _key_of(route, scope), header("cookie") or "")
        actor = await self.known.actor(who)
        if not self.known.may(actor, route.verb, route.thing):
            raise LoginNeeded if actor.is_anonymous else Refused(hat=actor.label["zh"])
        if who.session_key and route.method != "GET" and not hot.same_origin(header):
            raise Refused(hat=actor.label["zh"])
        if route.stream:
            await sse.serve(scope, proto, self.bus, who, actor)
            return
        answer = await hot.run(hot.load(route.handler), await self._request(actor, scope, proto))
        headers = [("content-type", answer.content_type), ("cache-control", "no-store"), *answer.headers]
        if scope.method == "HEAD":
            proto.response_empty(answer.status, [*headers, ("content-length", str(len(answer.body)))])
        else:
            proto.response_bytes(answer.status, headers, answer.body)

    async def _request(self, actor: Actor, scope: Scope, proto: HTTPProtocol) -> HotRequest:
        length = scope.headers.get("content-length")
        if scope.method in {"GET", "HEAD"}:
            body = b""
        elif length and int(length) <= BODY_LIMIT:
            body = await proto()
        else:
            with await read_body(proto, length, BODY_LIMIT) as spool:
                spool.seek(0)
                body = spool.read()
        headers = dict(scope.headers.items())
        client = scope.client.rpartition(":")[0]
        return HotRequest(actor, body, headers.get("content-type", ""), headers, client, scope.query_string)

    def _static(self, scope: Scope, proto: HTTPProtocol) -> None:
        """A static file: for ever under the version in its address, else to be asked for again each time."""
        name = scope.path.removeprefix("/static/")
        versioned = settings.STATIC_URL.removeprefix("/static/")
        caching = static.ASK_AGAIN
        if versioned and name.startswith(versioned):
            name, caching = name.removeprefix(versioned), static.FOREVER
        root: Path = settings.ROOT
        path = static.find(name, settings.STATICFILES_DIRS[0], settings.NODE_MODULES, root / "package.json")
        if path is None:
            proto.response_str(
                404, [("content-type", "text/plain; charset=utf-8")], "没有这个文件 · no such file"
            )
            return
        headers = [
            ("content-type", static.media_type(path)),
            ("cache-control", caching),
            ("content-length", str(path.stat().st_size)),
            ("x-content-type-options", "nosniff"),
        ]
        if scope.method == "HEAD":
            proto.response_empty(200, headers)
        else:
            proto.response_file(200, headers, str(path))


def _key_of(route: HotRoute, scope: Scope) -> str:
    """The key in the address, as an Authorization header would say it; empty where the route takes none there."""
    found = parse_qs(scope.query_string).get(route.key_in) if route.key_in else None
    return f"Bearer {found[0]}" if found else ""


def warm(application: WSGIApplication) -> None:
    """Asks Django for the first page, so that everything that it needs is loaded."""
    env: dict[str, object] = {}
    setup_testing_defaults(env)
    try:
        call(application, {**env, "HTTP_HOST": "127.0.0.1", "HTTP_ACCEPT": "text/html"})
    except Exception:
        log.exception("the first page cannot be shown")


async def serve(app: App) -> None:
    """Serves until SIGTERM or SIGINT, then lets open requests finish."""
    server = Server(
        app,
        address=settings.HOST,
        port=settings.PORT,
        log_enabled=False,
        backlog=BACKLOG,
        backpressure=CONNECTIONS,
        ssl_cert=Path(settings.TLS_CERT) if settings.TLS_CERT else None,
        ssl_key=Path(settings.TLS_KEY) if settings.TLS_KEY else None,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, server.stop)
    await server.serve()


def main() -> None:
    """One web process; several share the port (SO_REUSEPORT), so that the supervisor can restart each alone."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    # A shell's usual 1,024 files are fewer than the pages that may be open.
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvloop.run(serve(App()))
    # Threads may still wait on a database; everything acknowledged is on disk, so nothing is lost by leaving at once.
    sys.stdout.flush()
    os._exit(0)
