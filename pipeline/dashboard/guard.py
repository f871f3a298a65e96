"""What stands between the network and the views: who may ask, how, and what a browser may do with the answer.

Only GET and HEAD; only hosts that this server is known by, so that a page elsewhere cannot rebind its name to this
machine (the browser would send that name); off the loopback only with a token. Every answer carries a policy that
allows no script, style or connection but this server's own files, and no frame around it.
"""

from __future__ import annotations

import hmac
import sys
from collections.abc import Collection
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, quote, urlencode

from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.show import show_text

COOKIE = "sluice_token"
LONGEST = 8192  # bytes of an address
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cache-Control": "no-store",
}


class Guard:
    """Around the whole application, its errors too; `hosts` are the names, without port, that it may be asked by."""

    def __init__(self, app: ASGIApp, hosts: Collection[str], token: str | None) -> None:
        self.app, self.hosts, self.token = app, {host.lower() for host in hosts if host}, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or hand on; either way with the headers."""
        if scope["type"] != "http":
            return
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                named = {name for name, _ in own}
                message["headers"] = [
                    *(one for one in message["headers"] if one[0].lower() not in named),
                    *own,
                ]
            await send(message)

        refused = self._refusal(scope, headers)
        try:
            await (refused or self.app)(scope, receive, guarded)
        except Exception as error:
            # It was answered with 500; Starlette raises it again for the server, which would print a traceback.
            words = f"sluice: {scope['path']}: {type(error).__name__}: {error}"
            print(show_text(words, 300), file=sys.stderr, flush=True)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> Response | None:
        if scope["method"] not in ("GET", "HEAD"):
            return _told(scope, 405, "this page only answers GET", {"Allow": "GET, HEAD"})
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > LONGEST:
            return _told(scope, 414, f"an address of at most {LONGEST} bytes, please")
        named = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == b"host"]
        if len(named) != 1 or _name_of(named[0]) not in self.hosts:
            return _told(scope, 421, "this server does not go by that name: start it with --allow-host NAME")
        return self._without_token(scope, headers) if self.token is not None else None

    def _without_token(self, scope: Scope, headers: dict[str, str]) -> Response | None:
        """A refusal, unless the request brings the token; one in the address becomes a cookie and leaves it."""
        assert self.token is not None
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        parameters = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = [bearer.strip() if scheme.lower() == "bearer" else "", _cookie(headers)]
        given += [value for name, value in parameters if name == "token"]
        if not any(_equal(one, self.token) for one in given):
            return _told(scope, 401, "open the address that `sluice dashboard` printed: it holds the token")
        if len(given) == 2:
            return None
        rest = urlencode([one for one in parameters if one[0] != "token"])
        # A path of our own only: `//elsewhere` would lead away.
        path = "/" + quote(scope["path"].lstrip("/\\"))
        answer = RedirectResponse(path + (f"?{rest}" if rest else ""), 303)
        # Lax, so that the printed address works as a link from elsewhere too; nothing here can be changed by a visit.
        answer.set_cookie(COOKIE, self.token, httponly=True, samesite="lax")
        return answer


def _told(scope: Scope, status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    """A refusal, as JSON where JSON was asked for."""
    if scope["path"].endswith(".json"):
        return JSONResponse({"error": message, "status": status}, status, headers)
    return PlainTextResponse(f"{message}\n", status, headers)


def _name_of(host: str) -> str:
    """A Host header without its port, in lower case; empty if it is none."""
    if host.startswith("["):
        name, closed, rest = host[1:].partition("]")
        name = name if closed else ""
    else:
        name, colon, rest = host.partition(":")
        rest = colon + rest
    port = rest.removeprefix(":")
    return name.lower() if not rest or (rest[0] == ":" and (port.isdecimal() or not port)) else ""


def _cookie(headers: dict[str, str]) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _equal(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())
