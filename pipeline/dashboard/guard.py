"""What stands between the network and the views: who may ask, how, and what a browser may do with the answer.

Only GET and HEAD; only hosts that this server is known by, so that a page elsewhere cannot rebind its name to this
machine (the browser would send that name); off the loopback only with a token. Every answer carries a policy that
allows no script, style or connection but this server's own files, and no frame around it.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
    """ASGI middleware; `hosts` are the names, without port, that requests may be addressed to."""

    def __init__(self, app: ASGIApp, hosts: Collection[str], token: str | None) -> None:
        self.app, self.hosts, self.token = app, {host.lower() for host in hosts}, token

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
        await (refused or self.app)(scope, receive, guarded)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> Response | None:
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("this page only answers GET\n", 405, headers={"Allow": "GET, HEAD"})
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > LONGEST:
            return PlainTextResponse(f"an address of at most {LONGEST} bytes, please\n", 414)
        if _name_of(headers.get("host", "")) not in self.hosts:
            return PlainTextResponse(
                "this server does not go by that name: start it with --allow-host NAME\n", 421
            )
        return self._without_token(scope, headers) if self.token is not None else None

    def _without_token(self, scope: Scope, headers: dict[str, str]) -> Response | None:
        """A refusal, unless the request brings the token; one in the address becomes a cookie and leaves it."""
        assert self.token is not None
        given = [headers.get("authorization", "").removeprefix("Bearer ").strip(), _cookie(headers)]
        if any(_equal(one, self.token) for one in given):
            return None
        parameters = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if any(name == "token" and _equal(value, self.token) for name, value in parameters):
            rest = urlencode([one for one in parameters if one[0] != "token"])
            # A path of our own only: `//elsewhere` would lead away.
            path = "/" + scope["path"].lstrip("/\\")
            answer = RedirectResponse(path + (f"?{rest}" if rest else ""), 303)
            answer.set_cookie(COOKIE, self.token, httponly=True, samesite="strict")
            return answer
        return PlainTextResponse(
            "open the address that `sluice dashboard` printed: it holds the token\n", 401
        )


def _name_of(host: str) -> str:
    """A Host header without its port, in lower case."""
    if host.startswith("["):
        return host.partition("]")[0][1:].lower()
    return host.rpartition(":")[0].lower() if ":" in host else host.lower()


def _cookie(headers: dict[str, str]) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _equal(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())
