"""What a view is: a question with typed parameters, and a typed answer from a snapshot of a run.

The answer is the JSON twin, field for field; the page shows the same struct through a template. So what a page says can
always be asked for by a program, and a test of the answer is a test of the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from pipeline.dashboard.watch import Seen
from pipeline.errors import UserError, nearest

LONGEST = 2000  # characters of one parameter
MOST = 60  # parameters of one address


class BadQuestion(UserError):
    """An address asks for something that there is not; `status` is what HTTP calls it."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class NotYet(BadQuestion):
    """A run that is asked for has not begun."""

    def __init__(self, where: str) -> None:
        super().__init__(
            f"there is no run here yet: it appears when `sluice run` has begun. Its folder is {where}", 404
        )


@dataclass(frozen=True)
class House:
    """All runs that are served, by the names that they have in addresses.

    `awaited` are those that have not begun: where each is looked for, and what is wrong with what was found there.
    """

    runs: Mapping[str, Seen]
    price: float  # of a core-hour, in dollars
    awaited: Mapping[str, str] = field(default_factory=dict)

    def run(self, name: str) -> Seen:
        """A run by its name; raises BadQuestion, and NotYet for one that has not begun."""
        if name in self.awaited:
            raise NotYet(self.awaited[name])
        if name not in self.runs:
            raise BadQuestion(f"there is no run `{name}`{nearest(name, list(self.runs))}", 404)
        return self.runs[name]


@dataclass(frozen=True)
class View:
    """One view: `name` in addresses, `title` in the navigation, the key that opens it, parameters and answer.

    `answer(house, seen, question)` raises BadQuestion for what is not there, and does a bounded amount of work.
    """

    name: str
    title: str
    key: str
    question: type[Any]
    answer_type: type[Any]
    answer: Callable[[House, Seen, Any], Any]


def question(kind: type[Any], parameters: Sequence[tuple[str, str]]) -> Any:
    """The parameters of an address as a struct; raises BadQuestion naming the first that does not fit.

    A field of a tuple type takes a parameter that is given several times. Empty parameters are as if left out.
    """
    if len(parameters) > MOST:
        raise BadQuestion(f"{len(parameters)} parameters: at most {MOST}")
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    found: dict[str, Any] = {}
    for name, value in parameters:
        if name not in fields:
            raise BadQuestion(f"there is no parameter `{name}`{nearest(name, list(fields))}")
        if len(value) > LONGEST:
            raise BadQuestion(f"{name}: {len(value)} characters, at most {LONGEST}")
        if value == "":
            continue
        if isinstance(fields[name].default, tuple):
            found.setdefault(name, []).append(value)
        elif name in found:
            raise BadQuestion(f"{name} is given twice")
        else:
            found[name] = value
    try:
        return msgspec.convert(found, kind, strict=False)
    except msgspec.ValidationError as error:
        raise BadQuestion(str(error)) from None
