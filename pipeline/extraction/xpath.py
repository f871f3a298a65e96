"""XPath expressions that judge elements by their own attributes, one answer per set of attribute values.

An expression such as `.//*[self::div or self::p][re:test(@class, 'menu|nav') or @id='top']` costs libxml2 a millisecond
a page, although a page has few distinct classes. `finder` reads this part of XPath 1.0, with EXSLT's `re:test`:

    .//*[...]...          every descendant for which all predicates hold
    .//*[...]...[1]       of those the first child of each parent
    (.//*[...]...)[1]     the first of all

with predicates of `or`, `and`, `not()`, `@name`, `@name='text'`, `contains`, `starts-with`, `re:test`, `translate` and
`@a|@b` (the attribute that the tag has first) and `self::name`. `finder` returns None for anything else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

_MOST_KNOWN = 50_000  # answers of one expression; then all are forgotten
_TOKEN = re.compile(
    r"\s*(?:'([^']*)'|(re:test|starts-with|[a-z]+(?=\()|or\b|and\b|@[\w-]+|self::\w+|[()\[\],|=]))"
)
_FIRST = re.compile(r"\s*\[\s*1\s*\]")
_NAMES = re.compile(r"\s*self::\w+(?:\s+or\s+self::\w+)*\s*")

# Of the attributes that an expression names (None: not there), then `Finder._firsts` or the element's name.
Values = Sequence[Any]
Test = Callable[[Values], bool]


class _NotKnown(Exception):
    """The expression has something that this module does not read."""


@dataclass(frozen=True)
class Finder:
    """An expression: call it with an element for the list of descendants that it finds, in document order."""

    path: str
    tags: tuple[str, ...]
    attributes: tuple[str, ...]
    unions: tuple[tuple[int, int], ...]  # places of attributes of which the first in the tag counts
    by_name: bool  # the element's name matters, too
    test: Test
    first_child: bool
    first: bool
    known: dict[tuple[Any, ...], bool] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.path

    def __call__(self, tree: Any) -> list[Any]:
        """The elements below `tree`."""
        found: list[Any] = []
        parents: set[Any] = set()
        known, attributes, few = self.known, self.attributes, len(self.attributes) - 2
        for element in tree.iterdescendants(*self.tags):
            key: tuple[Any, ...] = tuple(map(element.get, attributes))
            if self.unions and key.count(None) <= few:
                key += self._firsts(element, key)
            elif self.by_name:
                key += (element.tag,)
            answer = known.get(key)
            if answer is None:
                if len(known) >= _MOST_KNOWN:
                    known.clear()
                answer = known[key] = self.test(key)
            if not answer:
                continue
            if self.first:
                return [element]
            if self.first_child:
                parent = element.getparent()
                if parent in parents:
                    continue
                parents.add(parent)
            found.append(element)
        return found

    def _firsts(self, element: Any, values: Values) -> tuple[int, ...]:
        """Per union the place of the attribute that the tag has first, -1 where it does not have both."""
        found = []
        for pair in self.unions:
            both = all(values[at] is not None for at in pair)
            names = element.keys() if both else ()
            found.append(min(pair, key=lambda at: names.index(self.attributes[at])) if both else -1)
        return tuple(found)


def finder(expression: str) -> Finder | None:
    """The expression as a `Finder`, or None if it is outside what this module reads."""
    text = expression.strip()
    first = re.fullmatch(r"\((.*)\)\s*\[1\]", text, re.DOTALL)
    if first:
        text = first[1].strip()
    if not text.startswith(".//*["):
        return None
    try:
        return _Reader(text.removeprefix(".//*")).finder(expression, first is not None)
    except _NotKnown:
        return None


class _Reader:
    """Recursive descent over the predicates of one step."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.attributes: list[str] = []
        self.unions: list[tuple[int, int]] = []
        self.by_name = False

    def finder(self, path: str, first: bool) -> Finder:
        """All predicates up to the end."""
        tags: tuple[str, ...] = ("*",)
        names = _NAMES.match(self.text, 1)
        if names and self.text.startswith("]", names.end()):
            tags = tuple(re.findall(r"self::(\w+)", names[0]))
            self.at = names.end() + 1
        tests: list[Test] = []
        first_child = False
        while self.at < len(self.text.rstrip()):
            if first_child:
                raise _NotKnown
            if position := _FIRST.match(self.text, self.at):
                self.at = position.end()
                first_child = True
                continue
            self._expect("[")
            tests.append(self._either())
            self._expect("]")
        if not tests or (first and first_child) or (self.by_name and self.unions):
            raise _NotKnown
        return Finder(
            path,
            tags,
            tuple(self.attributes),
            tuple(self.unions),
            self.by_name,
            lambda values: all(test(values) for test in tests),
            first_child,
            first,
        )

    def _next(self) -> tuple[str | None, str]:
        """The next token as (text in quotes, other)."""
        match = _TOKEN.match(self.text, self.at)
        if match is None:
            raise _NotKnown
        self.at = match.end()
        return match[1], match[2] or ""

    def _peek(self) -> str:
        at = self.at
        try:
            return self._next()[1]
        finally:
            self.at = at

    def _expect(self, token: str) -> None:
        if self._next()[1] != token:
            raise _NotKnown

    def _either(self) -> Test:
        tests = [self._both()]
        while self._peek() == "or":
            self._next()
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda values: any(test(values) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._peek() == "and":
            self._next()
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda values: all(test(values) for test in tests)

    def _one(self) -> Test:
        token = self._peek()
        if token.startswith("@"):
            at = self._attribute()
            if self._peek() != "=":
                return lambda values: values[at] is not None
            self._next()
            wanted = self._quoted()
            return lambda values: values[at] == wanted
        self._next()
        if token.startswith("self::"):
            self.by_name = True
            name = token.removeprefix("self::")
            return lambda values: values[-1] == name
        if token == "(":
            inside = self._either()
            self._expect(")")
            return inside
        if token == "not":
            self._expect("(")
            inside = self._either()
            self._expect(")")
            return lambda values: not inside(values)
        return self._function(token)

    def _function(self, name: str) -> Test:
        if name not in ("contains", "starts-with", "re:test"):
            raise _NotKnown
        self._expect("(")
        value = self._value()
        self._expect(",")
        argument, flags = self._quoted(), ""
        if name == "re:test" and self._peek() == ",":
            self._next()
            flags = self._quoted()
        self._expect(")")
        if name == "contains":
            return lambda values: argument in value(values)
        if name == "starts-with":
            return lambda values: value(values).startswith(argument)
        search = re.compile(argument, re.IGNORECASE if "i" in flags else re.UNICODE).search
        return lambda values: search(value(values)) is not None

    def _value(self) -> Callable[[Values], str]:
        """A string: an attribute's, of the first of two, or one of these with characters replaced."""
        if self._peek() == "translate":
            self._next()
            self._expect("(")
            inside = self._value()
            self._expect(",")
            before = self._quoted()
            self._expect(",")
            after = self._quoted()
            self._expect(")")
            if len(before) != len(after) or len(set(before)) != len(before):
                raise _NotKnown
            table = str.maketrans(before, after)
            return lambda values: inside(values).translate(table)
        one = self._attribute()
        if self._peek() != "|":
            return lambda values: values[one] or ""
        self._next()
        pair = one, other = one, self._attribute()
        if pair not in self.unions:
            self.unions.append(pair)
        number = self.unions.index(pair)

        def first_of(values: Values) -> str:
            at = len(self.attributes) + number
            place = values[at] if at < len(values) else -1  # see `Finder._firsts`
            if place >= 0:
                return str(values[place])
            return values[one] or values[other] or ""

        return first_of

    def _attribute(self) -> int:
        name = self._next()[1]
        if not name.startswith("@"):
            raise _NotKnown
        if name[1:] not in self.attributes:
            self.attributes.append(name[1:])
        return self.attributes.index(name[1:])

    def _quoted(self) -> str:
        text, other = self._next()
        if text is None or other:
            raise _NotKnown
        return text
