"""Two runs, or a run and other thresholds or another recipe: the decisions that differ, both ways, with samples."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated

import msgspec

from pipeline.compare.answer import Answer
from pipeline.dashboard.documents import LIMIT
from pipeline.dashboard.sliders import require_filters
from pipeline.dashboard.view import BadQuestion, House, View
from pipeline.dashboard.watch import Seen
from pipeline.errors import UserError, nearest
from pipeline.sums import plain

if TYPE_CHECKING:
    from pipeline.recipe import Recipe

CACHED = 16  # comparisons remembered for each snapshot


class CompareQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """What to compare the run with: one of the three.

    `other`: another run that is served, by its name. `recipe`: a shipped recipe, judged by the stored signals. `set`:
    thresholds of the run's own recipe, as on the command line. `limit`: samples a side.
    """

    other: str = ""
    recipe: str = ""
    set: tuple[str, ...] = ()
    limit: Annotated[int, msgspec.Meta(ge=0, le=50)] = 5


class CompareAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What can be chosen, and the comparison.

    `others` are the other runs, `recipes` the shipped recipes; `answer` is what `sluice compare --json` prints, or
    null where nothing was chosen; `command` prints the same.
    """

    others: list[str]
    recipes: list[str]
    answer: Answer | None
    command: str


def answer(house: House, seen: Seen, asked: CompareQuestion) -> CompareAnswer:
    """The comparison, remembered as long as neither run has anything new; raises BadQuestion."""
    from pipeline.recipe import shipped

    others = [name for name in house.runs if name != seen.name]
    if sum(map(bool, (asked.other, asked.recipe, asked.set))) > 1:
        raise BadQuestion("compare with one thing: other, recipe or set")
    if asked.recipe and asked.recipe not in shipped():
        raise BadQuestion(f"no shipped recipe `{asked.recipe}`{nearest(asked.recipe, shipped())}", 404)
    other = house.run(asked.other) if asked.other else None
    if not (asked.other or asked.recipe or asked.set):
        return CompareAnswer(others=others, recipes=shipped(), answer=None, command="")
    key = (asked, other.version if other else "")
    found = seen.documents.among("compare", key, CACHED, lambda: _compared(seen, other, asked))
    return CompareAnswer(others=others, recipes=shipped(), answer=found, command=_command(seen, other, asked))


def _compared(seen: Seen, other: Seen | None, asked: CompareQuestion) -> Answer:
    from pipeline.compare.query import compare_recipe, compare_runs, compare_settings
    from pipeline.dashboard.sides import side_of
    from pipeline.recipe import with_settings

    for one in (seen, other):
        # Not held yet, and far too many to be read from files in a request.
        if one is not None and one.documents.reading and plain(one.run.closed["filter"], "in") > LIMIT:
            raise BadQuestion(
                f"{one.name}: the stored sample is still being read; ask again in a moment", 409
            )
    try:
        if other is not None:
            return compare_runs(side_of(seen), side_of(other), asked.limit)
        if asked.recipe:
            return compare_recipe(side_of(seen), _shipped(asked.recipe), asked.recipe, asked.limit)
        require_filters(asked.set)
        recipe = with_settings(seen.run.recipe, asked.set)
        name = " ".join(f"--set {pair}" for pair in asked.set)
        return compare_settings(side_of(seen), recipe, name, asked.limit)
    except UserError as error:
        raise BadQuestion(str(error)) from None


@cache
def _shipped(name: str) -> Recipe:
    from pipeline.recipe import load

    return load(name)


def _command(seen: Seen, other: Seen | None, asked: CompareQuestion) -> str:
    import shlex

    words = ["sluice", "compare", seen.run.folder.url]
    words += [other.run.folder.url] if other else [asked.recipe] if asked.recipe else []
    for pair in asked.set:
        words += ["--set", pair]
    return shlex.join(words)


VIEW = View("compare", "Compare", "c", CompareQuestion, CompareAnswer, answer)
