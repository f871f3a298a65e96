"""The addresses: every view as a page and as JSON, the shapes of the answers, and two files of our own.

    /                          the runs
    /RUN/VIEW?...              a page
    /RUN/VIEW.json?...         its answer
    /RUN/signals.yaml?set=...  moved thresholds as a recipe patch
    /RUN/state.json            whether there is something new
    /shapes.json               JSON Schema of every answer and every question

What a view raises for a person becomes a page, or `{"error": ..., "status": ...}`, with the status code; nothing else
is told of what went wrong. Views run in a few threads; whoever comes while all are busy is told to come again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from importlib import resources
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from pipeline.dashboard import page
from pipeline.dashboard.guard import Guard
from pipeline.dashboard.sliders import settings_now
from pipeline.dashboard.view import BadQuestion, House, View, question
from pipeline.dashboard.views import VIEWS
from pipeline.dashboard.watch import Watched
from pipeline.errors import UserError, nearest
from pipeline.ledger import CORE_HOUR_PRICE

AT_ONCE = 4  # views that are worked out at the same time
WAIT = 5.0  # seconds for one of them to end
_FILES = {"dashboard.css": "text/css", "dashboard.js": "text/javascript", "icon.svg": "image/svg+xml"}


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a run has something new: `version` changes with it; `live` while it goes on or is being read."""

    run: str
    version: str
    live: bool
    reading: bool
    damage: str


def make_app(
    runs: Mapping[str, Watched],
    hosts: Collection[str],
    token: str | None = None,
    price: float = CORE_HOUR_PRICE,
) -> ASGIApp:
    """The whole application over runs by their names in addresses."""
    busy = threading.BoundedSemaphore(AT_ONCE)

    def house() -> House:
        return House({name: one.seen for name, one in runs.items()}, price)

    def answered(request: Request) -> tuple[House, Any, View, Any, Any]:
        now = house()
        seen = now.run(request.path_params["run"])
        name = request.path_params["view"]
        if name not in VIEWS:
            raise BadQuestion(f"there is no view `{name}`{nearest(name, list(VIEWS))}", 404)
        view = VIEWS[name]
        asked = question(view.question, request.query_params.multi_items())
        return now, seen, view, asked, view.answer(now, seen, asked)

    def work(make: Callable[[], Response]) -> Response:
        if not busy.acquire(timeout=WAIT):
            raise BadQuestion("busy: ask again in a moment", 503)
        try:
            return make()
        finally:
            busy.release()

    def shown(request: Request) -> Response:
        now, seen, view, asked, answer = answered(request)
        return Response(page.render(now, seen, view, asked, answer), media_type="text/html; charset=utf-8")

    def told(request: Request) -> Response:
        return _json(answered(request)[-1])

    def saved(request: Request) -> Response:
        """What was moved on the sliders, as a file for `sluice retune --patch`."""
        now = house().run(request.path_params["run"])
        asked = question(VIEWS["signals"].question, request.query_params.multi_items())
        patch = settings_now(now, asked.set).patch
        if not patch:
            raise BadQuestion("nothing was moved: there is no patch to save", 404)
        header = {"Content-Disposition": 'attachment; filename="patch.yaml"'}
        return Response(patch, media_type="application/yaml; charset=utf-8", headers=header)

    async def patch(request: Request) -> Response:
        return await run_in_threadpool(work, lambda: saved(request))

    async def html(request: Request) -> Response:
        return await run_in_threadpool(work, lambda: shown(request))

    async def twin(request: Request) -> Response:
        return await run_in_threadpool(work, lambda: told(request))

    async def state(request: Request) -> Response:
        seen = house().run(request.path_params["run"])
        return _json(
            State(
                run=seen.name,
                version=seen.version,
                live=seen.live,
                reading=seen.reading,
                damage=seen.damage,
            )
        )

    async def index(request: Request) -> Response:
        return Response(page.render_index(house()), media_type="text/html; charset=utf-8")

    async def shapes(request: Request) -> Response:
        return _json(SHAPES)

    async def file(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _FILES:
            raise BadQuestion("there is no such file", 404)
        return Response(_file(name), media_type=f"{_FILES[name]}; charset=utf-8")

    routes = [
        Route("/", index),
        Route("/shapes.json", shapes),
        Route("/static/{name}", file),
        Route("/{run}/state.json", state),
        Route("/{run}/signals.yaml", patch),
        Route("/{run}/{view}.json", twin),
        Route("/{run}/{view}", html),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={
            BadQuestion: _refused,
            UserError: _refused,
            HTTPException: _refused,
            Exception: _refused,
        },
    )
    app.router.redirect_slashes = False
    return Guard(app, hosts, token)


def _shapes() -> dict[str, Any]:
    """JSON Schema of every view's question and answer, under `views`, with the shared definitions under `$defs`."""
    kinds = [State, *(kind for view in VIEWS.values() for kind in (view.question, view.answer_type))]
    refs, definitions = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    pairs = list(zip(refs[1::2], refs[2::2], strict=True))
    return {
        "state": refs[0],
        "views": {
            name: {"title": view.title, "question": asked, "answer": answer}
            for (name, view), (asked, answer) in zip(VIEWS.items(), pairs, strict=True)
        },
        "$defs": definitions,
    }


SHAPES = _shapes()


def _file(name: str) -> bytes:
    own = (resources.files("pipeline.dashboard") / "static" / name).read_bytes()
    if name != "dashboard.css":
        return own
    return (resources.files("pipeline.report") / "report.css").read_bytes() + own


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value), media_type="application/json")


async def _refused(request: Request, error: Exception) -> Response:
    status, message = 500, "this should not happen: please report it with the address"
    if isinstance(error, BadQuestion):
        status, message = error.status, str(error)
    elif isinstance(error, HTTPException):
        status, message = error.status_code, "there is nothing at this address"
    elif isinstance(error, UserError):
        status, message = 409, str(error)
    again = {"Retry-After": "2"} if status == 503 else None
    if request.scope["path"].endswith(".json"):
        return JSONResponse({"error": message, "status": status}, status, again)
    return Response(page.render_error(status, message), status, again, "text/html; charset=utf-8")
