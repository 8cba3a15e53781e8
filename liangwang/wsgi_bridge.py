"""Django behind RSGI: one request becomes a WSGI call on the one Django thread."""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from string import punctuation
from typing import IO, Any
from urllib.parse import quote

from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from granian.rsgi import HTTPProtocol, ProtocolClosed, Scope

log = logging.getLogger("liangwang.web")

IN_MEMORY = 1024 * 1024
CHUNK = 256 * 1024
WAITING_AT_MOST = 256
Headers = list[tuple[str, str]]
WSGIApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


# The last exception that Django turned into a 500, on Django's one thread. Asked here and not in a middleware, because sessions
# are saved in one: a locked database shows there too, and is a 503 ("try again") wherever it shows.
_failure: list[BaseException] = []


def _note_failure(**_: object) -> None:
    error = sys.exc_info()[1]
    if error is not None:
        _failure[:] = [error]


got_request_exception.connect(_note_failure)


class BodyTooLarge(Exception):
    """The request body is over the limit."""


class Busy(Exception):
    """So many requests wait for Django that one more would only time out."""


@dataclass(slots=True)
class WSGIAnswer:
    """What Django said: a whole body, or a file to be sent in pieces; `close` runs on Django's thread."""

    status: int = 500
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    file: IO[bytes] | None = None
    close: Callable[[], None] | None = None


class FileWrapper:
    """Marks a FileResponse's file, so that the bridge sends it without holding Django's thread."""

    def __init__(self, file: IO[bytes], size: int = CHUNK) -> None:
        self.file, self.size = file, size

    def __iter__(self) -> Iterable[bytes]:
        return iter(lambda: self.file.read(self.size), b"")

    def close(self) -> None:
        self.file.close()


async def read_body(proto: HTTPProtocol, length: str | None, limit: int) -> IO[bytes]:
    """The request body, in memory up to 1 MB and then in a temporary file.

    Raises BodyTooLarge at the announced length already, or at the first byte over the limit.
    """
    if length and length.isdigit() and int(length) > limit:
        raise BodyTooLarge
    body = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed after the response
    size = 0
    async for chunk in proto:
        size += len(chunk)
        if size > limit:
            body.close()
            raise BodyTooLarge
        body.write(chunk)
    body.seek(0, 2)
    return body  # type: ignore[return-value]


def environ(scope: Scope, body: IO[bytes]) -> dict[str, Any]:
    """The WSGI environment of an RSGI request; `body` stands at its end."""
    length = body.tell()
    body.seek(0)
    server, _, port = scope.server.rpartition(":")
    env: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        # Some clients send a query as it was typed; WSGI knows only the escaped form.
        "QUERY_STRING": quote(scope.query_string, safe=punctuation),
        "SERVER_NAME": server,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "CONTENT_LENGTH": str(length),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": body,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileWrapper,
    }
    for name, value in scope.headers.items():
        # X_Real_IP and X-Real-IP would become one variable: the first kind is dropped, as nginx does.
        if "_" in name or name == "content-length":
            continue
        key = "CONTENT_TYPE" if name == "content-type" else "HTTP_" + name.upper().replace("-", "_")
        if key in env and key != "CONTENT_TYPE":
            value = env[key] + ("; " if name == "cookie" else ",") + value
        env[key] = value
    if scope.authority and "HTTP_HOST" not in env:
        env["HTTP_HOST"] = scope.authority
    return env


def call(application: WSGIApplication, env: dict[str, Any]) -> WSGIAnswer:
    """Runs Django for one request; only ever on Django's thread."""
    answer = WSGIAnswer()

    def start_response(status: str, headers: Headers, _exc: object = None) -> None:
        answer.status, answer.headers = int(status[:3]), [(name.lower(), value) for name, value in headers]

    _failure.clear()
    result = application(env, start_response)
    if (
        answer.status == 500
        and _failure
        and isinstance(_failure[0], (OperationalError, InterfaceError, OSError))
    ):
        result.close()  # type: ignore[attr-defined]
        raise _failure[0]
    if isinstance(result, FileWrapper):
        answer.file, answer.close = result.file, result.close
        return answer
    try:
        if getattr(result, "streaming", False):
            spool = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed after sending
            for chunk in result:
                spool.write(chunk)
            spool.seek(0)
            answer.file, answer.close = spool, spool.close  # type: ignore[assignment]
        else:
            answer.body = b"".join(result)
    finally:
        close = getattr(result, "close", None)
        if close:
            close()
    return answer


class Bridge:
    """Hands requests to Django one at a time.

    One thread, not a pool: with four busy threads the hot routes fell from 25,600 to 197 requests a second, with one thread and
    a switch interval of 0.1 ms they keep 10,500. More pages a second come from more web processes.
    """

    def __init__(self, application: WSGIApplication, limit: int) -> None:
        self.application, self.limit = application, limit
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="django")
        self.waiting = 0

    async def __call__(self, scope: Scope, proto: HTTPProtocol) -> None:
        if self.waiting >= WAITING_AT_MOST:
            raise Busy
        self.waiting += 1
        try:
            await self._answer(scope, proto)
        finally:
            self.waiting -= 1

    async def _answer(self, scope: Scope, proto: HTTPProtocol) -> None:
        loop = asyncio.get_running_loop()
        with await read_body(proto, scope.headers.get("content-length"), self.limit) as body:
            answer = await loop.run_in_executor(self.thread, call, self.application, environ(scope, body))
        try:
            if scope.method == "HEAD":
                proto.response_empty(answer.status, answer.headers)
            elif answer.file is None:
                proto.response_bytes(answer.status, answer.headers, answer.body)
            else:
                await send_file(proto, answer)
        finally:
            if answer.close:
                loop.run_in_executor(self.thread, answer.close)


async def send_file(proto: HTTPProtocol, answer: WSGIAnswer) -> None:
    """Sends a file in pieces; reading happens on a thread of the loop, never on Django's."""
    assert answer.file is not None
    transport = proto.response_stream(answer.status, answer.headers)
    try:
        while chunk := await asyncio.to_thread(answer.file.read, CHUNK):
            await transport.send_bytes(chunk)
    except ProtocolClosed:
        log.debug("the reader left before the end of the file")
