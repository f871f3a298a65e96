"""A recipe: one typed YAML file that says everything a run does. This module only composes the sections.

Each section is typed where it is used. Unknown keys, wrong types and repeated keys are refused with file, line, key,
what was expected and the nearest name.
"""

from __future__ import annotations

import difflib
import re
import types
import typing
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from filters.pii import Settings as PiiSettings
from mixes.weights import MixSettings
from pipeline import yaml
from pipeline.dedup.settings import DedupSettings
from pipeline.errors import UsageError
from pipeline.extract import ExtractSettings
from pipeline.tokenizer import TokenizeSettings
from train.config import EvalSettings, TrainSettings

if TYPE_CHECKING:
    from filters.chain import Chain


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one run does, section by section. A section that is null is left out of the road."""

    name: str
    description: str = ""
    id_column: str = "id"  # of documents that come as Parquet or JSONL
    keep_text: bool = True  # keep `extracted/` after the run
    max_failed: float = 0.01  # share of failed pages above which a run exits with 3
    extract: ExtractSettings = ExtractSettings()
    filters: list[str | dict[str, dict[str, Any] | None]] | None = None
    dedup: DedupSettings | None = DedupSettings()
    pii: PiiSettings | None = PiiSettings()
    tokenize: TokenizeSettings = TokenizeSettings()
    mix: MixSettings = MixSettings()
    train: TrainSettings | None = None
    eval: EvalSettings = EvalSettings()

    def __hash__(self) -> int:
        return hash(msgspec.json.encode(self, order="sorted"))

    def chain(self, assets: Mapping[str, object]) -> Chain:
        """The filters of this recipe, given their lists and models."""
        from filters.chain import Chain, chain_steps

        return Chain(chain_steps(self.filters or []), assets)


def shipped() -> list[str]:
    """Names of the recipes that come with Sluice."""
    folder = resources.files("pipeline") / "recipes"
    return sorted(
        entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")
    )


def source(name_or_path: str) -> tuple[str, str]:
    """The text of a recipe and the name to show in errors: a file, or a shipped one by its name."""
    path = Path(name_or_path)
    if name_or_path.endswith((".yaml", ".yml")) or path.is_file():
        try:
            return path.read_text(encoding="utf-8"), name_or_path
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise UsageError(f"recipe {name_or_path}: {reason}") from None
    if name_or_path in shipped():
        return (resources.files("pipeline") / "recipes" / f"{name_or_path}.yaml").read_text("utf-8"), (
            f"{name_or_path}.yaml"
        )
    raise UsageError(
        f"no recipe `{name_or_path}`{nearest(name_or_path, shipped())}; shipped: {', '.join(shipped())}"
    )


def load(name_or_path: str, settings: Sequence[str] = ()) -> Recipe:
    """Read a recipe and apply `--set` pairs; raises UsageError with one line for anything that is wrong."""
    text, name = source(name_or_path)
    value, places = yaml.parse(text, name)
    if not isinstance(value, dict):
        raise UsageError(f"{name}:1:1 a recipe is a mapping of sections, this is {_kind(value)}")
    touched: dict[yaml.Path, str] = {}
    for pair in settings:
        _set(value, pair, touched)
    return _convert(value, places, touched, name)


def from_builtins(value: Any) -> Recipe:
    """A recipe from its resolved form, as `recipe.yaml` of a run holds it."""
    return _convert(value, {}, {}, "recipe.yaml")


def read_resolved(text: str, name: str) -> Recipe:
    """A recipe from the text of a run's `recipe.yaml`."""
    value, places = yaml.parse(text, name)
    return _convert(value, places, {}, name)


def resolved(recipe: Recipe) -> str:
    """The recipe as YAML with every default spelled out."""
    return yaml.dump(msgspec.to_builtins(recipe))


def nearest(word: str, words: Sequence[str]) -> str:
    """`; did you mean ...?` when something is close."""
    found = difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    return f"; did you mean `{found[0]}`?" if found else ""


def _set(value: dict[str, Any], pair: str, touched: dict[yaml.Path, str]) -> None:
    dotted, equals, text = pair.partition("=")
    keys = dotted.split(".")
    if not equals or not all(keys):
        raise UsageError(f"--set {pair}: write section.key=value")
    here: Any = value
    path: list[str | int] = []
    for depth, key in enumerate(keys[:-1]):
        if isinstance(here, list):
            index, here = _filter_entry(here, key, pair)
            path.extend([index, key])
            continue
        if here.get(key) is None:
            here[key] = {}
        here = here[key]
        path.append(key)
        if not isinstance(here, dict | list):
            raise UsageError(f"--set {pair}: {'.'.join(keys[: depth + 1])} is no section")
    if isinstance(here, list):
        raise UsageError(f"--set {pair}: write {dotted}.KEY=value to change a setting of one filter")
    here[keys[-1]] = yaml.scalar(text)
    touched[(*path, keys[-1])] = f"--set {dotted}"


def _filter_entry(entries: list[Any], name: str, pair: str) -> tuple[int, dict[str, Any]]:
    names = [entry if isinstance(entry, str) else next(iter(entry), "") for entry in entries]
    if name not in names:
        raise UsageError(f"--set {pair}: the recipe has no filter `{name}`{nearest(name, names)}")
    index = names.index(name)
    if isinstance(entries[index], str) or entries[index][name] is None:
        entries[index] = {name: {}}
    return index, entries[index][name]


def _convert(
    value: dict[str, Any], places: dict[yaml.Path, tuple[int, int]], touched: dict[yaml.Path, str], name: str
) -> Recipe:
    from filters.chain import chain_steps

    try:
        recipe = msgspec.convert(value, Recipe)
    except msgspec.ValidationError as error:
        raise _explained(str(error), value, places, touched, name) from None
    if recipe.filters is not None:
        try:
            steps = chain_steps(recipe.filters)
        except ValueError as error:
            message = str(error)
            path = _path(message.split(":")[0].split(" ")[0])
            raise UsageError(f"{_place(path, places, touched, name)} {message}") from None
        # Every default spelled out, so that the resolved recipe says it all.
        spelled: list[Any] = [{filter_name: msgspec.to_builtins(settings)} for filter_name, settings in steps]
        recipe = msgspec.structs.replace(recipe, filters=spelled)
    return recipe


def _place(
    path: yaml.Path, places: dict[yaml.Path, tuple[int, int]], touched: dict[yaml.Path, str], name: str
) -> str:
    while path not in places and path not in touched and path:
        path = path[:-1]
    if path in touched:
        return f"{touched[path]}:"
    if path in places:
        line, column = places[path]
        return f"{name}:{line}:{column}"
    return f"{name}:"


def _path(dotted: str) -> yaml.Path:
    parts = re.findall(r"[^.\[\]]+|\[[^\]]*\]", dotted.removeprefix("$"))
    return tuple(int(part[1:-1]) if re.fullmatch(r"\[\d+\]", part) else part for part in parts)


def _explained(
    message: str,
    value: Any,
    places: dict[yaml.Path, tuple[int, int]],
    touched: dict[yaml.Path, str],
    name: str,
) -> UsageError:
    what, _, where = message.partition(" - at ")
    path = _path(where.strip("`"))
    dotted = ".".join(str(part) for part in path)
    if unknown := re.match(r"Object contains unknown field `(.*)`", what):
        key = unknown.group(1)
        known = _fields(Recipe, path)
        full = (*path, key)
        return UsageError(
            f"{_place(full, places, touched, name)} {'.'.join([dotted, key]).strip('.')}: "
            f"no such key{nearest(key, known)} (known: {', '.join(known)})"
        )
    got = _at(value, path)
    shown = f", got {got!r}" if isinstance(got, str | int | float | bool) or got is None else ""
    expected = re.sub(r", got `[^`]*`$", "", what).replace("`", "")
    expected = expected[0].lower() + expected[1:]
    return UsageError(f"{_place(path, places, touched, name)} {dotted or 'recipe'}: {expected}{shown}")


def _at(value: Any, path: yaml.Path) -> Any:
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return ...
    return value


def _fields(kind: Any, path: yaml.Path) -> list[str]:
    """Field names of the section at `path`."""
    for part in path:
        structs = [
            one for one in _alternatives(kind) if isinstance(one, type) and issubclass(one, msgspec.Struct)
        ]
        if not structs or not isinstance(part, str):
            return []
        found = {field.name: field.type for field in msgspec.structs.fields(structs[0])}
        kind = found.get(part)
    structs = [
        one for one in _alternatives(kind) if isinstance(one, type) and issubclass(one, msgspec.Struct)
    ]
    return [field.name for field in msgspec.structs.fields(structs[0])] if structs else []


def _alternatives(kind: Any) -> tuple[Any, ...]:
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return typing.get_args(kind)
    return (kind,)


def _kind(value: object) -> str:
    return {type(None): "empty", list: "a list", str: "text"}.get(type(value), type(value).__name__)
