"""What is wrong with a recipe, in one line: file, line, key, what was expected, what stands there, the nearest name.

Types refuse a value with a message about a path; here that path finds its place in the file, or the `--set` or
patch that wrote it, and the type that was expected there its name.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from pipeline import yaml
from pipeline.errors import UsageError, nearest
from pipeline.show import show_text

LINE = 1000  # characters of a message
_WORD = 200  # characters of something written that a message shows


class Written(NamedTuple):
    """A recipe as it was written, for messages: the values, where each stands, and what put others in their place."""

    value: Any
    places: Mapping[yaml.Path, tuple[int, int]]
    touched: Mapping[yaml.Path, str]
    name: str

    def at(self, path: yaml.Path) -> Any:
        """What stands at `path`; `...` where nothing does."""
        return _at(self.value, path)

    def refusal(self, path: yaml.Path, message: str) -> UsageError:
        """One line with the place of `path`, or of the nearest thing above it that was written."""
        while path not in self.places and path not in self.touched and path:
            path = path[:-1]
        place = f"{self.name}:"
        if path in self.touched:
            place = self.touched[path]
        elif path in self.places:
            place += "{}:{}".format(*self.places[path])
        return UsageError(show_text(f"{place} {message}", LINE))


def path_of(dotted: str) -> yaml.Path:
    """`a.b[0]` as keys and indices."""
    parts = re.findall(r"[^.\[\]]+|\[[^\]]*\]", dotted.removeprefix("$"))
    return tuple(int(part[1:-1]) if re.fullmatch(r"\[\d+\]", part) else part for part in parts)


def dotted(path: yaml.Path) -> str:
    """The other way round."""
    return "".join(f"[{one}]" if isinstance(one, int) else f".{show_text(one)}" for one in path).removeprefix(
        "."
    )


def explained(message: str, written: Written, kind: type) -> UsageError:
    """The refusal of msgspec's `message` about a value of type `kind`."""
    from filters.steps import expectation

    found = re.fullmatch(r"(.*) - at `\$(.*)`", message, re.DOTALL)
    what, path = (found[1], path_of(found[2])) if found else (message, ())
    if "[...]" not in path and written.at(path) is ...:
        what, path = message, ()  # a key that itself reads like the end of a message
    if unknown := re.match(r"Object contains unknown field `(.*)`", what, re.DOTALL):
        key, known = unknown[1], _fields(_kind_at(kind, path))
        return written.refusal(
            (*path, key),
            f"{dotted((*path, key))}: no such key{nearest(key[:_WORD], known)} (known: {', '.join(known)})",
        )
    if "[...]" in path:
        path = _culprit(kind, written.value, path)
    said = expectation(what, _kind_at(kind, path), written.at(path))
    return written.refusal(path, f"{dotted(path) or 'recipe'}: {said}")


def _culprit(kind: type, value: Any, path: yaml.Path) -> yaml.Path:
    """The path with the key of the mapping that msgspec writes as `[...]`: the first whose value alone is refused."""
    depth = path.index("[...]")
    mapping = _at(value, path[:depth])
    for key, one in mapping.items():
        try:
            msgspec.convert({key: one}, _kind_at(kind, path[:depth]))
        except msgspec.ValidationError:
            return (*path[:depth], key, *path[depth + 1 :])
    return path[:depth]


def _at(value: Any, path: yaml.Path) -> Any:
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return ...
    return value


def _kind_at(kind: Any, path: yaml.Path) -> Any:
    """The type of what stands at `path` in a value of type `kind`; None where the types do not say."""
    for part in path:
        inner = None
        for one in _alternatives(kind):
            origin, arguments = typing.get_origin(one), typing.get_args(one)
            if isinstance(one, type) and issubclass(one, msgspec.Struct):
                inner = {field.name: field.type for field in msgspec.structs.fields(one)}.get(str(part))
            elif origin is dict:
                inner = arguments[1]
            elif origin in (list, tuple) and isinstance(part, int):
                inner = arguments[min(part, len(arguments) - 1)]
                inner = arguments[0] if inner is ... else inner
        kind = inner
    return kind


def _fields(kind: Any) -> list[str]:
    for one in _alternatives(kind):
        if isinstance(one, type) and issubclass(one, msgspec.Struct):
            return [field.name for field in msgspec.structs.fields(one)]
    return []


def _alternatives(kind: Any) -> tuple[Any, ...]:
    if typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return tuple(inner for one in typing.get_args(kind) for inner in _alternatives(one))
    return (kind,)
