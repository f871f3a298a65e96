"""What the first question of a kind costs, paid before anybody asks: models of words, compiled loops, templates."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping

from pipeline.dashboard import page
from pipeline.dashboard.awaited import Followed, house_of
from pipeline.dashboard.view import BadQuestion, House
from pipeline.dashboard.views import VIEWS
from pipeline.dashboard.watch import Seen
from pipeline.errors import UserError

_LOOK = 0.5  # seconds between looks whether a run has been read


def warm(runs: Mapping[str, Followed], price: float, stop: threading.Event) -> None:
    """Work out every view once, of the first run that has been read, and the samples of a rule; ends at `stop`."""
    while not stop.is_set():
        house = house_of(runs, price)
        ready = [seen for seen in house.runs.values() if not seen.reading]
        if ready:
            _ask_all(house, ready[0], stop)
            return
        stop.wait(_LOOK)


def _ask_all(house: House, seen: Seen, stop: threading.Event) -> None:
    rules = [rule for rule in seen.run.counts["dropped"] if not rule.startswith("extract.")]
    questions = [(view, view.question()) for view in VIEWS.values()]
    questions += [(VIEWS["samples"], VIEWS["samples"].question(rule=rule)) for rule in rules[:3]]
    for view, asked in questions:
        if stop.is_set():
            return
        # Whoever asks the same is told what is wrong.
        with contextlib.suppress(BadQuestion, UserError, OSError, ValueError):
            page.render(house, seen, view, asked, view.answer(house, seen, asked))
