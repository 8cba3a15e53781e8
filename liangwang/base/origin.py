"""Whether a request comes from our own pages: the guard of cookies where a form's CSRF token does not reach."""

from collections.abc import Callable


def same_origin(header: Callable[[str], str | None]) -> bool:
    """Whether a browser sent this from our own page; a session cookie alone is not enough for a POST."""
    site = header("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = header("origin")
    return origin is None or origin.partition("://")[2] == header("host")
