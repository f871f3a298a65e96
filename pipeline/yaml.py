"""YAML as recipes are read: version 1.2 booleans and numbers, no repeated keys, and a line for every value.

Under YAML 1.1 the language `no` is False, `1e-3` a string and `12:30:45` a number. Aliases are refused, because a few
lines of them can grow without bound.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from pipeline.errors import UsageError

MAX_BYTES = 1 << 20
MAX_DEPTH = 100
_BEGINS = (
    yaml.FlowSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.BlockMappingStartToken,
)
_ENDS = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)

Path = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    """SafeLoader with the core schema of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (the name is PyYAML's)


_CORE = [
    ("tag:yaml.org,2002:bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("tag:yaml.org,2002:null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:int", r"^[-+]?[0-9]+$", "-+0123456789"),
    (
        "tag:yaml.org,2002:float",
        r"^[-+]?(?:(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|\.inf|\.Inf|\.INF)$|^(?:\.nan|\.NaN|\.NAN)$",
        "-+.0123456789",
    ),
]
for _tag, _pattern, _first in _CORE:
    _Loader.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))


_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("bool", "null", "int", "float", "str", "map", "seq")}


def _integer(loader: _Loader, node: yaml.ScalarNode) -> int:
    return int(loader.construct_scalar(node))  # not base 8 for a leading zero, not base 60 for a colon


_Loader.add_constructor("tag:yaml.org,2002:int", _integer)


def parse(text: str, name: str) -> tuple[Any, dict[Path, tuple[int, int]]]:
    """The value, and for every path inside it the line and column (from 1) where it stands.

    Raises UsageError with `name:line:column` for anything that is not a single plain document.
    """
    if len(text) > MAX_BYTES:
        raise UsageError(f"{name}: larger than {MAX_BYTES >> 20} MiB, which no recipe is")
    places: dict[Path, tuple[int, int]] = {}
    loader: _Loader | None = None
    try:
        loader = _Loader(text)
        depth = 0
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            depth += isinstance(token, _BEGINS) - isinstance(token, _ENDS)
            if depth > MAX_DEPTH:  # PyYAML looks through all levels at each token, so this must not go on
                mark = token.start_mark
                raise UsageError(
                    f"{name}:{mark.line + 1}:{mark.column + 1} nested deeper than {MAX_DEPTH} levels"
                )
            if isinstance(token, yaml.AliasToken | yaml.AnchorToken):
                mark = token.start_mark
                raise UsageError(f"{name}:{mark.line + 1}:{mark.column + 1} anchors and aliases are not read")
        node = loader.get_single_node()
        value = _build(loader, node, (), places, name) if node is not None else None
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark or error.context_mark
        place = f"{name}:{at.line + 1}:{at.column + 1}" if at else name
        raise UsageError(f"{place} {error.problem or error.context}") from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = f"{name}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"
        raise UsageError(f"{place} a character that no text holds ({error.character!r})") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(f"{name}: not readable as YAML ({str(error).splitlines()[0]})") from None
    finally:
        if loader is not None:
            loader.dispose()
    return value, places


def _build(
    loader: _Loader, node: yaml.Node, path: Path, places: dict[Path, tuple[int, int]], name: str
) -> Any:
    places[path] = (node.start_mark.line + 1, node.start_mark.column + 1)
    if node.tag not in _TAGS:
        raise UsageError(f"{name}:{places[path][0]}:{places[path][1]} tags such as {node.tag!r} are not read")
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            mark = key_node.start_mark
            if key in found:
                raise UsageError(f"{name}:{mark.line + 1}:{mark.column + 1} `{key}` stands here twice")
            found[key] = _build(loader, value_node, (*path, key), places, name)
            places[(*path, key)] = (mark.line + 1, mark.column + 1)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_build(loader, child, (*path, index), places, name) for index, child in enumerate(node.value)]
    return loader.construct_object(node)


def scalar(text: str) -> Any:
    """A value as typed after `--set key=`: a number, true, null, a [list], a {mapping} or plain text."""
    try:
        return parse(text, "--set")[0]
    except UsageError:
        return text


class _Dumper(yaml.SafeDumper):
    """SafeDumper that quotes what version 1.1 reads as text and 1.2 as a number, such as `1e-3`, too."""


for _tag, _pattern, _first in _CORE:
    _Dumper.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))


def dump(value: object, inline: bool = False) -> str:
    """Block style, keys in the order given; `inline`: mappings and lists of plain values on one line each."""
    text: str = yaml.dump(
        value,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=110,
        default_flow_style=None if inline else False,
    )
    return text
