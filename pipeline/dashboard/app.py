"""The addresses: every view as a page and as JSON, the shapes of the answers, and two files of our own.

    /                          the runs
    /RUN                       leads to its funnel
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
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from pipeline.dashboard import page
from pipeline.dashboard.awaited import Followed, house_of
from pipeline.dashboard.guard import Guard
from pipeline.dashboard.sliders import settings_now
from pipeline.dashboard.view import BadQuestion, House, NotYet, View, question
from pipeline.dashboard.views import VIEWS
from pipeline.errors import UserError, nearest
from pipeline.ledger import CORE_HOUR_PRICE

AT_ONCE = 4  # views that are worked out at the same time
WAIT = 5.0  # seconds for one of them to end
_FILES = {"dashboard.css": "text/css", "dashboard.js": "text/javascript", "icon.svg": "image/svg+xml"}


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the run named `run` has something new: `version` changes with it; `live` while it goes on or is being
    read.

    `reading` is true while parts of the ledger are unread; `damage` says what could not be read, or is empty.
    """

    run: str
    version: str
    live: bool
    reading: bool
    damage: str


class Answers:
    """Runs by their names in addresses, and what is answered of them; a few views are worked out at a time."""

    def __init__(self, runs: Mapping[str, Followed], price: float) -> None:
        self.runs, self.price = runs, price
        self._busy = threading.BoundedSemaphore(AT_ONCE)

    def house(self) -> House:
        """The last snapshots of all runs."""
        return house_of(self.runs, self.price)

    async def index(self, request: Request) -> Response:
        """The list of runs."""
        return Response(page.render_index(self.house()), media_type="text/html; charset=utf-8")

    async def first(self, request: Request) -> Response:
        """A run without a view: to its funnel."""
        name = request.path_params["run"]
        self.house().run(name)  # raises where there is none
        return RedirectResponse(page.url(name, "funnel"), 303)

    async def html(self, request: Request) -> Response:
        """A view as a page."""
        return await run_in_threadpool(self._work, lambda: self._shown(request))

    async def twin(self, request: Request) -> Response:
        """A view's answer as JSON."""
        return await run_in_threadpool(self._work, lambda: _json(self._answered(request)[-1]))

    async def patch(self, request: Request) -> Response:
        """What was moved on the sliders, as a file for `sluice retune --patch`."""
        return await run_in_threadpool(self._work, lambda: self._saved(request))

    async def state(self, request: Request) -> Response:
        """Whether there is something new."""
        seen = self.house().run(request.path_params["run"])
        fields = {name: getattr(seen, name) for name in ("version", "live", "reading", "damage")}
        return _json(State(run=seen.name, **fields))

    def _work(self, make: Callable[[], Response]) -> Response:
        if not self._busy.acquire(timeout=WAIT):
            raise BadQuestion("busy: ask again in a moment", 503)
        try:
            return make()
        finally:
            self._busy.release()

    def _answered(self, request: Request) -> tuple[House, Any, View, Any, Any]:
        now = self.house()
        seen = now.run(request.path_params["run"])
        name = request.path_params["view"]
        if name not in VIEWS:
            raise BadQuestion(f"there is no view `{name}`{nearest(name, list(VIEWS))}", 404)
        view = VIEWS[name]
        asked = question(view.question, request.query_params.multi_items())
        return now, seen, view, asked, view.answer(now, seen, asked)

    def _shown(self, request: Request) -> Response:
        return Response(page.render(*self._answered(request)), media_type="text/html; charset=utf-8")

    def _saved(self, request: Request) -> Response:
        seen = self.house().run(request.path_params["run"])
        asked = question(VIEWS["signals"].question, request.query_params.multi_items())
        patch = settings_now(seen, asked.set).patch
        if not patch:
            raise BadQuestion("nothing was moved: there is no patch to save", 404)
        header = {"Content-Disposition": 'attachment; filename="patch.yaml"'}
        return Response(patch, media_type="application/yaml; charset=utf-8", headers=header)


async def _shapes_told(request: Request) -> Response:
    return _json(SHAPES)


async def _file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _FILES:
        raise BadQuestion("there is no such file", 404)
    return Response(_read(name), media_type=f"{_FILES[name]}; charset=utf-8")


def make_app(
    runs: Mapping[str, Followed],
    hosts: Collection[str],
    token: str | None = None,
    price: float = CORE_HOUR_PRICE,
) -> ASGIApp:
    """The whole application over runs by their names in addresses."""
    answers = Answers(runs, price)
    routes = [
        Route("/", answers.index),
        Route("/shapes.json", _shapes_told),
        Route("/static/{name}", _file),
        Route("/{run}", answers.first),
        Route("/{run}/", answers.first),
        Route("/{run}/state.json", answers.state),
        Route("/{run}/signals.yaml", answers.patch),
        Route("/{run}/{view}.json", answers.twin),
        Route("/{run}/{view}", answers.html),
    ]
    kinds: tuple[type[Exception], ...] = (BadQuestion, UserError, HTTPException, Exception)
    app = Starlette(routes=routes, exception_handlers=dict.fromkeys(kinds, _refused))
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


def _read(name: str) -> bytes:
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
    waits = isinstance(error, NotYet)
    return Response(page.render_error(status, message, waits), status, again, "text/html; charset=utf-8")
