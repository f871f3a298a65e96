"""Conditions of rules: `when:` and `unless:` compare stored signals, `domain == code or quality_bucket >= 18`.

Grammar, loosest first: `or`, `and`, `not`, parentheses, comparisons. A comparison has a column on the left, one of
`== != < <= > >=` or `in`, and a literal on the right: a number, a label (in quotation marks if it holds white space or
marks), or for `in` a list `[en, de]`. A column that was not measured (null) satisfies no comparison, so that a rule
with `unless:` applies to such a document and one with `when:` does not.

Columns are numbers or labels; nothing here evaluates text as code.
"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

MAX_LENGTH = 2_000  # characters of a condition
MAX_DEPTH = 50  # of parentheses and `not`
_TOKEN = re.compile(r"\s*(?:(==|!=|<=|>=|<|>|\(|\)|\[|\]|,)|\"([^\"]*)\"|'([^']*)'|([^\s()\[\],=!<>\"']+))")
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_WORDS = ("and", "or", "not", "in")


class ConditionError(ValueError):
    """The text is no condition; the message says where and what was expected."""


@dataclass(frozen=True)
class Comparison:
    """`column operator value`; `value` is a tuple where the operator is `in`."""

    column: str
    operator: str
    value: float | str | tuple[float | str, ...]


@dataclass(frozen=True)
class Condition:
    """A parsed condition: `kind` is `compare`, `and`, `or` or `not`."""

    kind: str
    parts: tuple[Condition, ...] = ()
    comparison: Comparison | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are compared, each once."""
        own = (self.comparison.column,) if self.comparison else ()
        return tuple(dict.fromkeys((*own, *(name for part in self.parts for name in part.columns))))


@dataclass(frozen=True)
class _Token:
    kind: str  # mark, text (quoted) or word
    text: str
    at: int


def parse(text: str, known: Sequence[str] | None = None) -> Condition:
    """The condition that a text states; ConditionError otherwise, also for a column that is not in `known`."""
    if len(text) > MAX_LENGTH:
        raise ConditionError(f"a condition has at most {MAX_LENGTH} characters, this one {len(text)}")
    reader = _Reader(_tokens(text))
    found = reader.either(0)
    if reader.next is not None:
        raise ConditionError(f"{_place(reader.next)}: expected `and`, `or` or the end")
    for column in found.columns if known is not None else ():
        if column not in (known or ()):
            close = difflib.get_close_matches(column, list(known or ()), n=1, cutoff=0.0)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ConditionError(f"no filter of this recipe measures {column!r}{hint}")
    return found


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise ConditionError(f"character {at + 1}: {text[at:].strip()[:20]!r} is not part of a condition")
        mark, double, single, word = match.groups()
        if mark is not None:
            found.append(_Token("mark", mark, at))
        elif word is not None:
            found.append(_Token("word", word, at))
        else:
            found.append(_Token("text", double if double is not None else single, at))
        at = match.end()
    return found


def _place(token: _Token | None) -> str:
    return f"{token.text!r}" if token else "at the end"


class _Reader:
    """Recursive descent over tokens."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens, self.at = tokens, 0

    @property
    def next(self) -> _Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def _is(self, kind: str, text: str) -> bool:
        token = self.next
        return token is not None and token.kind == kind and token.text == text

    def _take(self) -> _Token | None:
        token = self.next
        self.at += 1
        return token

    def either(self, depth: int) -> Condition:
        return self._chained("or", self.both, depth)

    def both(self, depth: int) -> Condition:
        return self._chained("and", self.negated, depth)

    def _chained(self, word: str, inner: Callable[[int], Condition], depth: int) -> Condition:
        parts = [inner(depth)]
        while self._is("word", word):
            self._take()
            parts.append(inner(depth))
        return parts[0] if len(parts) == 1 else Condition(word, tuple(parts))

    def negated(self, depth: int) -> Condition:
        if depth > MAX_DEPTH:
            raise ConditionError(f"nested more than {MAX_DEPTH} deep")
        if self._is("word", "not"):
            self._take()
            return Condition("not", (self.negated(depth + 1),))
        if self._is("mark", "("):
            self._take()
            found = self.either(depth + 1)
            if not self._is("mark", ")"):
                raise ConditionError(f"{_place(self.next)}: expected `)`")
            self._take()
            return found
        return Condition("compare", comparison=self._comparison())

    def _comparison(self) -> Comparison:
        column = self._take()
        if column is None or column.kind != "word" or column.text in _WORDS:
            raise ConditionError(f"{_place(column)}: expected a column, as in `domain == code`")
        mark = self._take()
        if mark is not None and mark.kind == "word" and mark.text == "in":
            return Comparison(column.text, "in", self._list())
        if mark is None or mark.kind != "mark" or mark.text not in _OPERATORS:
            raise ConditionError(
                f"{_place(mark)}: expected == != < <= > >= or `in` after the column {column.text}"
            )
        value = self._literal()
        if isinstance(value, str) and mark.text not in ("==", "!="):
            raise ConditionError(f"{value!r}: a label is compared by == or !=, `{mark.text}` needs a number")
        return Comparison(column.text, mark.text, value)

    def _list(self) -> tuple[float | str, ...]:
        if not self._is("mark", "["):
            raise ConditionError(f"{_place(self.next)}: expected a list such as [en, de] after `in`")
        self._take()
        values = [self._literal()]
        while self._is("mark", ","):
            self._take()
            values.append(self._literal())
        if not self._is("mark", "]"):
            raise ConditionError(f"{_place(self.next)}: expected `,` or `]`")
        self._take()
        return tuple(values)

    def _literal(self) -> float | str:
        token = self._take()
        if token is None or token.kind == "mark" or (token.kind == "word" and token.text in _WORDS):
            raise ConditionError(f"{_place(token)}: expected a number or a label")
        if token.kind == "word":
            try:
                number = float(token.text)
            except ValueError:
                return token.text
            if number != number or number in (float("inf"), float("-inf")):
                return token.text
            return number
        return token.text


def holds(
    condition: Condition, columns: Mapping[str, Array], rows: int
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """For each of `rows` documents whether the condition holds."""
    if condition.comparison is not None:
        return _compared(condition.comparison, columns[condition.comparison.column])
    parts = [holds(part, columns, rows) for part in condition.parts]
    if condition.kind == "not":
        return ~parts[0]
    joined = np.logical_and if condition.kind == "and" else np.logical_or
    return np.asarray(joined.reduce(parts), np.bool_)


def _compared(comparison: Comparison, values: Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    wanted = comparison.value
    if isinstance(wanted, tuple):
        found = np.zeros(len(values), np.bool_)
        for one in wanted:
            found |= _compared(Comparison(comparison.column, "==", one), values)
        return found
    if values.dtype == object:
        compare = _OPERATORS[comparison.operator]
        return np.fromiter(
            (_like(value, wanted) and compare(value, wanted) for value in values), np.bool_, len(values)
        )
    if isinstance(wanted, str):  # a number is no label
        return np.full(len(values), comparison.operator == "!=", np.bool_)
    measured = ~np.isnan(values.astype(np.float64))
    return measured & np.asarray(_OPERATORS[comparison.operator](values, wanted), np.bool_)


def _like(value: object, wanted: float | str) -> bool:
    """Whether a stored value can be compared with the wanted one: both labels, or both numbers and not NaN."""
    if value is None or value != value:
        return False
    return isinstance(value, str) == isinstance(wanted, str)
