"""A recipe: one typed YAML file that says everything a run does. This module only composes the sections.

Each section is typed where it is used. Unknown keys, wrong types and repeated keys are refused with file, line, key,
what was expected and the nearest name.
"""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from filters.pii import Settings as PiiSettings
from mixes.errors import MixError
from mixes.weights import MixSettings, weighs_nothing
from pipeline import patch, yaml
from pipeline.bands import Band, check_names
from pipeline.canaries import Canary, unknown
from pipeline.dedup.settings import DedupSettings
from pipeline.errors import UsageError, nearest
from pipeline.extract import ExtractSettings
from pipeline.named_assets import LeftOut, NamedAsset, applied
from pipeline.named_assets import located as located_assets
from pipeline.refusal import LINE, Written, dotted, explained, path_of
from pipeline.show import show_text
from pipeline.tokenizer import TokenizeSettings
from train.config import EvalSettings, TrainSettings, resolve
from train.errors import TrainError

if TYPE_CHECKING:
    from filters.chain import Chain
    from filters.steps import Step
    from pipeline.patch import Patch


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one run does, section by section. A section that is null is left out of the road."""

    name: str
    description: str = ""
    id_column: str = "id"  # of documents that come as Parquet or JSONL
    keep_text: bool = True  # keep `extracted/` after the run
    max_failed: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.01  # more failed pages than this: exit with 3
    extract: ExtractSettings = ExtractSettings()
    robots: str | tuple[str, ...] = ()  # files with robots.txt of the crawl, for the filter `optout`
    lists: dict[str, NamedAsset] = {}  # that filters name as `lists.NAME`
    models: dict[str, NamedAsset] = {}
    filters: list[str | dict[str, dict[str, Any] | None]] | None = None
    bands: dict[str, Band] = {}  # published removal shares by filter or rule
    canaries: tuple[
        Canary, ...
    ] = ()  # documents that a rule must drop, or all must keep: `sluice plan` tries them
    dedup: DedupSettings | None = DedupSettings()
    pii: PiiSettings | None = PiiSettings()
    tokenize: TokenizeSettings = TokenizeSettings()
    mix: MixSettings = MixSettings()
    train: TrainSettings | None = None
    eval: EvalSettings = EvalSettings()

    def __hash__(self) -> int:
        return hash(msgspec.json.encode(self, order="sorted"))

    def chain(self, assets: Mapping[str, object]) -> Chain:
        """The filters of this recipe, given their lists and models; those that lack one are left out."""
        from filters.chain import Chain

        return Chain(self._applied[0], assets)

    def loaded_chain(self, more: Mapping[str, object] | None = None) -> Chain:
        """The filters of this recipe with their lists and models loaded, and `more` that only a run has."""
        from filters.chain import asset_names
        from pipeline.named_assets import load_all, require_fitting

        require_fitting(self)
        return self.chain({**load_all(self, asset_names(self._applied[0])), **(more or {})})

    @property
    def left_out(self) -> list[LeftOut]:
        """Filters that the recipe names and that are not applied, for want of a list or model."""
        return self._applied[1]

    @property
    def _applied(self) -> tuple[list[Step], list[LeftOut]]:
        from filters.chain import chain_steps

        return applied(self, chain_steps(self.filters or []))


def shipped() -> list[str]:
    """Names of the recipes that come with Sluice."""
    folder = resources.files("pipeline") / "recipes"
    return sorted(
        entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")
    )


def source(name_or_path: str) -> tuple[str, str]:
    """The text of a recipe and the name to show in errors: a file, a URL, or a shipped one by its name."""
    path = Path(name_or_path)
    if "://" in name_or_path:
        return _fetched(name_or_path), name_or_path
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


def _fetched(url: str) -> str:
    from pipeline.inputs import open_input

    try:
        with open_input(url) as file:
            return file.read(yaml.MAX_BYTES + 1).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = (error.strerror or "cannot be read") if isinstance(error, OSError) else "not UTF-8"
        raise UsageError(f"recipe {show_text(url)}: {reason}") from None


def load(name_or_path: str, settings: Sequence[str] = ()) -> Recipe:
    """Read a recipe and apply `--set` pairs; raises UsageError with one line for anything that is wrong."""
    return read(*source(name_or_path), settings)


def read(text: str, name: str, settings: Sequence[str] = (), changes: Patch | None = None) -> Recipe:
    """A recipe from its text with a patch and then `--set` pairs applied; `name` is put into errors."""
    value, places = _parse(text, name)
    if not isinstance(value, dict):
        raise UsageError(f"{name}:1:1 a recipe is a mapping of sections, this is {_kind(value)}")
    return _changed(value, places, name, settings, changes)


def with_settings(recipe: Recipe, settings: Sequence[str]) -> Recipe:
    """A resolved recipe with `--set` pairs applied: what `read` of its text gives, without the text."""
    return _changed(msgspec.to_builtins(recipe), {}, "recipe.yaml", settings, None)


def _changed(
    value: dict[str, Any],
    places: dict[yaml.Path, tuple[int, int]],
    name: str,
    settings: Sequence[str],
    changes: Patch | None,
) -> Recipe:
    touched: dict[yaml.Path, str] = {}
    if changes is not None:
        patch.apply(changes, value, touched)
    for pair in settings:
        before = _filter_names(value)
        path = _set(value, pair, touched)
        for known in (places, touched):  # what stood inside is gone
            for inside in [one for one in known if one[: len(path)] == path != one]:
                del known[inside]
        _forget(value, before - _filter_names(value))
    recipe = _convert(value, places, touched, name)
    return msgspec.structs.replace(
        recipe,
        robots=located(recipe.robots),
        lists=located_assets(recipe.lists),
        models=located_assets(recipe.models),
    )


def located(patterns: str | Sequence[str]) -> tuple[str, ...]:
    """File names and patterns as a tuple, relative ones from the current folder: `recipe.yaml` serves anywhere."""
    each = (patterns,) if isinstance(patterns, str) else patterns
    return tuple(one if "://" in one else os.path.abspath(one) for one in each)  # noqa: PTH100 (keeps links)


def from_builtins(value: Any) -> Recipe:
    """A recipe from its resolved form, as `recipe.yaml` of a run holds it."""
    return _convert(value, {}, {}, "recipe.yaml")


def read_resolved(text: str, name: str) -> Recipe:
    """A recipe from the text of a run's `recipe.yaml`."""
    value, places = _parse(text, name)
    return _convert(value, places, {}, name)


def resolved(recipe: Recipe) -> str:
    """The recipe as YAML with every default spelled out."""
    return yaml.dump(msgspec.to_builtins(recipe))


def _parse(text: str, name: str) -> tuple[Any, dict[yaml.Path, tuple[int, int]]]:
    try:
        return yaml.parse(text, name)
    except UsageError as error:
        raise UsageError(show_text(error, LINE)) from None


def _set(value: dict[str, Any], pair: str, touched: dict[yaml.Path, str]) -> yaml.Path:
    """Apply one pair; returns the path of what it wrote."""
    dotted, equals, text = pair.partition("=")
    keys = dotted.split(".")
    if not equals or not all(keys):
        raise UsageError(f"--set {pair}: write section.key=value")
    here: Any = value
    path: list[str | int] = []
    for depth, key in enumerate(keys[:-1]):
        if isinstance(here, list):
            steps, here = (_filter_entry if path == ["filters"] else _named_entry)(here, key, pair)
            path.extend(steps)
        else:
            if here.get(key) is None:
                here[key] = {}
            here = here[key]
            path.append(key)
        if not isinstance(here, dict | list):
            raise UsageError(f"--set {pair}: {'.'.join(keys[: depth + 1])} is no section")
    if isinstance(here, list):
        raise UsageError(
            f"--set {pair}: write {'.'.join(keys[:-1])}.NAME.KEY=value to change a setting of one"
        )
    here[keys[-1]] = yaml.scalar(text)
    touched[(*path, keys[-1])] = f"--set {dotted}:"
    return (*path, keys[-1])


def _filter_names(value: dict[str, Any]) -> set[str]:
    """Names of the filters as far as they can be read; what is no filter is refused later, with its place."""
    entries = value.get("filters")
    if not isinstance(entries, list):
        return set()
    names = (next(iter(entry), None) if isinstance(entry, dict) else entry for entry in entries)
    return {name for name in names if isinstance(name, str)}


def _forget(value: dict[str, Any], gone: set[str]) -> None:
    """Leave out the bands and canaries of filters that `--set filters=[...]` took away."""

    def kept(name: object) -> bool:
        return not (isinstance(name, str) and name.partition(".")[0] in gone)

    bands, canaries = value.get("bands"), value.get("canaries")
    if isinstance(bands, dict):
        value["bands"] = {name: band for name, band in bands.items() if kept(name)}
    if isinstance(canaries, list):
        value["canaries"] = [one for one in canaries if not isinstance(one, dict) or kept(one.get("drop"))]


def _filter_entry(entries: list[Any], name: str, pair: str) -> tuple[list[str | int], Any]:
    names = []
    for number, entry in enumerate(entries):
        single = isinstance(entry, dict) and [type(one) for one in entry.values()] in ([dict], [type(None)])
        if not (isinstance(entry, str) or single):
            raise UsageError(
                f"--set {pair}: filters[{number}]: expected a filter's name, or its name and its settings"
            )
        names.append(entry if isinstance(entry, str) else next(iter(entry)))
    if name not in names:
        raise UsageError(f"--set {pair}: the recipe has no filter `{name}`{nearest(name, names)}")
    index = names.index(name)
    if isinstance(entries[index], str) or entries[index][name] is None:
        entries[index] = {name: {}}
    return [index, name], entries[index][name]


def _named_entry(entries: list[Any], key: str, pair: str) -> tuple[list[str | int], Any]:
    """An entry of a list such as the arms: by its name, or by its number from 0."""
    names = [str(entry.get("name")) if isinstance(entry, dict) else "" for entry in entries]
    index = names.index(key) if key in names else int(key) if key.isdecimal() else len(entries)
    if index >= len(entries):
        known = ", ".join(name for name in names if name)
        raise UsageError(f"--set {pair}: there is no entry `{key}`{nearest(key, names)} (there are: {known})")
    return [index], entries[index]


def _convert(
    value: Any, places: dict[yaml.Path, tuple[int, int]], touched: dict[yaml.Path, str], name: str
) -> Recipe:
    from filters.chain import chain_steps

    written = Written(value, places, touched, name)
    if path := _not_storable(value):
        raise written.refusal(
            path,
            f"{dotted(path)}: expected a finite number of at most 64 bits, got {show_text(repr(written.at(path)))}",
        )
    filters = value.get("filters") if isinstance(value, dict) else None
    try:
        steps = chain_steps([] if filters is None else filters)
        recipe = msgspec.convert(value, Recipe)
        _check_sections(recipe)
        applied(recipe, steps)
        if recipe.filters is not None:  # a verb of one stage leaves them out, and what speaks of them stays
            _check_rule_names(recipe, {step.name: step.rule_names for step in steps})
        if recipe.robots and not any(step.name == "optout" for step in steps):
            raise ValueError("robots: nothing reads these files without the filter `optout`")
    except msgspec.ValidationError as error:
        raise explained(str(error), written, Recipe) from None
    except (ValueError, MixError, TrainError) as error:
        # These messages begin with the path of the key.
        raise written.refusal(path_of(re.split(r"[: ]", str(error))[0]), str(error)) from None
    if filters is None:
        return recipe
    # Every default spelled out, so that the resolved recipe says it all; twice, as a float's default 3 is read as 3.0.
    for _ in range(2):
        spelled: list[Any] = [step.spelled() for step in steps]
        steps = chain_steps(spelled)
    return msgspec.structs.replace(recipe, filters=spelled)


def _check_sections(recipe: Recipe) -> None:
    """What no single type can say; raises MixError, TrainError or ValueError that begin with the key's path."""
    weighed: list[tuple[str, Any]] = [("mix.weights", recipe.mix.weights)]
    weighed += [(f"mix.phases[{i}].weights", phase.weights) for i, phase in enumerate(recipe.mix.phases)]
    recipe.mix.in_phases()
    for name, times in Counter(recipe.extract.extractors).items():
        if times > 1:
            raise ValueError(f"extract.extractor.union: {name} is named twice")
    if recipe.dedup is not None and recipe.dedup.lines_at == "filters" and len(recipe.extract.extractors) > 1:
        raise ValueError(
            "dedup.lines.before: the filters choose among the texts of several extractors; set it to null to cut "
            "lines after them"
        )
    if recipe.train is not None:
        context, stride = resolve(recipe.train).sequence, recipe.eval.stride
        if stride is not None and stride > context:
            raise ValueError(f"eval.stride: expected at most the train.sequence of {context}, got {stride}")
        arms = recipe.train.anneal.arms
        phases = {"total", *(phase.name for phase in recipe.mix.in_phases())}
        for number, arm in enumerate(arms):
            if arm.name in phases:
                raise ValueError(
                    f"train.anneal.arms[{number}].name: expected a name that no phase of the mix has "
                    f"({', '.join(sorted(phases))}), got {arm.name}"
                )
        weighed += [(f"train.anneal.arms[{i}].weights", arm.weights) for i, arm in enumerate(arms)]
    for key, weights in weighed:
        if weighs_nothing(weights):
            raise ValueError(f"{key}: expected a weight above 0, got {show_text(weights)}")


def _check_rule_names(recipe: Recipe, names: dict[str, list[str]]) -> None:
    """Bands and canaries name filters and rules that the recipe has; ValueError otherwise."""
    check_names(recipe, names)
    rules = ["extract.empty", *(f"{one}.{rule}" for one in names for rule in names[one])]
    if found := unknown(recipe.canaries, rules):
        at, name = found
        raise ValueError(
            f"canaries[{at}].drop: the recipe has no rule {show_text(name)}{nearest(name, rules)}"
        )


def _not_storable(value: Any, path: yaml.Path = ()) -> yaml.Path | None:
    """Where a number stands that neither JSON nor a kernel's settings can hold."""
    if isinstance(value, float) and not math.isfinite(value):
        return path
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        return path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return next((found for key, one in inside if (found := _not_storable(one, (*path, key)))), None)


def _kind(value: object) -> str:
    return {type(None): "empty", list: "a list", str: "text"}.get(type(value), type(value).__name__)
