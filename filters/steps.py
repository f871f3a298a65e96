"""A recipe's list of filters, read into steps: settings, settings by language, and conditions on rules.

Besides its own settings every filter takes

- `by_language: {de: {min_word_length: 0}}`: other settings for documents of a language, as an earlier filter or the
  document itself states it (column `language`; `de` and `deu_Latn` are one);
- `when:` and `unless:` with a condition over stored signals (`filters/conditions.py`), for all of its rules;
- `rules: {curly_bracket: {unless: "domain == code"}}`: the same for one rule.
"""

from __future__ import annotations

import difflib
import functools
import re
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from filters import FILTERS
from filters.conditions import Condition, ConditionError, parse
from filters.language_codes import code_of
from filters.types import FilterSpec, Rule, Signal

_REFUSED = re.compile(
    r"(.*?)(?: - at (?:`key` in )?`\$(.*)`)?", re.DOTALL
)  # how msgspec says what, and where
MAX_SHOWN = 200  # characters of a value in a message
# Columns of a document itself that conditions may name, besides all signals.
DOCUMENT_COLUMNS = ("language", "language_score", "language_declared", "extractor", "published", "license")


@dataclass(frozen=True)
class Guard:
    """When a rule applies: only where `when` holds, and never where `unless` does."""

    when: Condition | None
    unless: Condition | None
    text: str  # as a person wrote it

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the two conditions compare."""
        return tuple(name for part in (self.when, self.unless) if part for name in part.columns)


class Step(NamedTuple):
    """One filter of a recipe."""

    name: str
    settings: Any
    by_language: Mapping[str, Any] = {}  # language, by its code, to settings, complete
    guards: Mapping[str, Guard] = {}  # rule to guard
    written: Mapping[str, Any] = {}  # `by_language`, `when`, `unless` and `rules` as the recipe has them

    def spelled(self) -> dict[str, dict[str, Any]]:
        """The entry of a recipe's list with every default spelled out."""
        return {self.name: {**msgspec.to_builtins(self.settings), **self.written}}

    @property
    def rule_names(self) -> list[str]:
        """The filter's rules, in their order."""
        return [rule.name for rule in rules_of(self.name, self.settings)]

    def measured_by(self, language: str | None) -> Any:
        """The settings for a document of this language."""
        return (
            self.by_language.get(code_of(language), self.settings) if language is not None else self.settings
        )


def rules_of(name: str, settings: Any) -> Sequence[Rule]:
    """The rules of a filter with these settings, made once."""
    return _described(name, settings)[0]


def signals_of(name: str, settings: Any) -> Sequence[Signal]:
    """The signals of a filter with these settings, made once."""
    return _described(name, settings)[1]


def _described(name: str, settings: Any) -> tuple[tuple[Rule, ...], tuple[Signal, ...]]:
    try:
        return _remembered(name, settings)
    except TypeError:  # settings that hold a mapping have no hash
        return _describe(name, settings)


def _describe(name: str, settings: Any) -> tuple[tuple[Rule, ...], tuple[Signal, ...]]:
    return tuple(FILTERS[name].rules(settings)), tuple(FILTERS[name].signals(settings))


_remembered = functools.lru_cache(maxsize=1024)(_describe)


def asset_names(steps: Sequence[Step]) -> list[str]:
    """The assets that a chain of these steps needs, each once, in order of first need."""
    return list(
        dict.fromkeys(
            asset
            for step in steps
            for settings in (step.settings, *step.by_language.values())
            for asset in FILTERS[step.name].assets(settings)
        )
    )


def chain_steps(spec: Sequence[Any], path: str = "filters") -> list[Step]:
    """The steps of a recipe's list, whose entries are `name` or `{name: {setting: value}}`.

    ValueError names the key's path (`filters[1].c4.min_sentence`), what was expected and the nearest valid name.
    """
    if not isinstance(spec, Sequence) or isinstance(spec, str):
        raise ValueError(f"{path}: expected a list of filters, got {shown(spec)}")
    steps: list[Step] = []
    no_settings: dict[str, Any] = {}
    for i, entry in enumerate(spec):
        here = f"{path}[{i}]"
        if isinstance(entry, str):
            name, values = entry, no_settings
        elif isinstance(entry, Mapping) and len(entry) == 1:
            name, values = next(iter(entry.items()))
            values = no_settings if values is None else values
        else:
            raise ValueError(
                f"{here}: expected a filter's name or one `name: {{settings}}`, got {shown(entry)}"
            )
        if name not in FILTERS:
            raise ValueError(f"{here}: no filter is called {shown(name)}{_nearest(str(name), list(FILTERS))}")
        if any(name == step.name for step in steps):
            raise ValueError(f"{here}: {name} is in the list twice")
        step = _step(FILTERS[name], values, f"{here}.{name}")
        _check(step, _columns(steps), f"{here}.{name}")
        steps.append(step)
    return _guarded(steps, path)


_EXTRA = ("by_language", "when", "unless", "rules")


def _step(spec: FilterSpec, values: Any, path: str) -> Step:
    """A step whose guards are still to be parsed: conditions may name signals of later filters."""
    if not isinstance(values, Mapping):
        raise ValueError(f"{path}: expected settings as `key: value`, got {shown(values)}")
    own = {key: value for key, value in values.items() if key not in _EXTRA}
    written = {key: values[key] for key in _EXTRA if values.get(key) is not None}
    settings = _settings(spec, own, path)
    languages: dict[str, Any] = {}
    given = written.get("by_language", {})
    if not isinstance(given, Mapping):
        raise ValueError(f"{path}.by_language: expected `language: {{settings}}`, got {shown(given)}")
    for language, changes in given.items():
        here = f"{path}.by_language.{str(language)[:MAX_SHOWN]}"
        if not isinstance(changes, Mapping):
            raise ValueError(f"{here}: expected settings as `key: value`, got {shown(changes)}")
        languages[code_of(str(language))] = _settings(spec, {**own, **changes}, here)
    return Step(spec.name, settings, languages, {}, written)


def _check(step: Step, columns: Sequence[str], path: str) -> None:
    """ValueError for settings that a filter refuses after filters that measure these columns."""
    spec = FILTERS[step.name]
    try:
        spec.check(step.settings, columns)
    except ValueError as error:
        raise ValueError(f"{path}.{error}") from None
    for language, own in step.by_language.items():
        try:
            spec.check(own, columns)
            if spec.of_corpus is not None:
                spec.of_corpus.alike(step.settings, own)
        except ValueError as error:
            raise ValueError(f"{path}.by_language.{language[:MAX_SHOWN]}.{error}") from None


def _columns(steps: Sequence[Step]) -> list[str]:
    """What conditions may name: columns of documents, and all signals of these steps."""
    known = list(DOCUMENT_COLUMNS)
    for step in steps:
        for settings in (step.settings, *step.by_language.values()):
            known += [signal.column for signal in signals_of(step.name, settings)]
    return known


def _guarded(steps: Sequence[Step], path: str) -> list[Step]:
    known = _columns(steps)
    return [
        step._replace(guards=_guards(step, f"{path}[{i}].{step.name}", known)) for i, step in enumerate(steps)
    ]


def _guards(step: Step, path: str, known: Sequence[str]) -> dict[str, Guard]:
    if not {"when", "unless", "rules"} & set(step.written):
        return {}
    names = step.rule_names
    of_all = {key: step.written[key] for key in ("when", "unless") if key in step.written}
    given = step.written.get("rules", {})
    if not isinstance(given, Mapping):
        raise ValueError(f"{path}.rules: expected `rule: {{when: ..., unless: ...}}`, got {shown(given)}")
    found: dict[str, Guard] = {}
    for rule in given:
        if rule not in names:
            raise ValueError(
                f"{path}.rules.{str(rule)[:MAX_SHOWN]}: no such rule{_nearest(str(rule), names)}"
            )
    for rule in names:
        own = given.get(rule, {})
        if not isinstance(own, Mapping) or set(own) - {"when", "unless"}:
            raise ValueError(f"{path}.rules.{rule}: expected when: and unless:, got {shown(own)}")
        texts = {**of_all, **own}
        if not texts:
            continue
        parts = {}
        for key, text in texts.items():
            where = f"{path}.rules.{rule}.{key}" if key in own else f"{path}.{key}"
            if not isinstance(text, str):
                raise ValueError(f"{where}: expected a condition as text, got {shown(text)}")
            try:
                parts[key] = parse(text, known)
            except ConditionError as error:
                raise ValueError(f"{where}: {error}") from None
        said = "; ".join(f"{key} {texts[key]}" for key in ("when", "unless") if key in texts)
        found[rule] = Guard(parts.get("when"), parts.get("unless"), said)
    return found


def _settings(spec: FilterSpec, values: Mapping[str, Any], path: str) -> Any:
    known = list(spec.settings.__struct_fields__)
    for key in values:
        if key not in known:
            raise ValueError(
                f"{path}.{str(key)[:MAX_SHOWN]}: no such setting{_nearest(str(key), [*known, *_EXTRA])}"
            )
    try:
        return msgspec.convert(dict(values), spec.settings)
    except msgspec.ValidationError as error:
        message, where = _REFUSED.fullmatch(str(error)).groups("")  # type: ignore[union-attr]
        if not where:
            raise ValueError(f"{path}: {message}") from None
        keys = re.findall(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]", where)
        got: Any = values
        for key, index in keys:
            here = int(index) if index.isdecimal() else key
            inside = (isinstance(got, Mapping) and here in got) or isinstance(got, list | tuple)
            got = got[here] if inside else None
        kinds = {one.name: one.type for one in msgspec.structs.fields(spec.settings)}
        kind = kinds.get(keys[0][0]) if keys else None
        raise ValueError(f"{path}{where}: {expectation(message, kind, got)}") from None


def expectation(message: str, kind: Any, got: Any) -> str:
    """A message of msgspec in a recipe's words: `expected int, got 'fifty'`. `kind` is the type that was asked for."""
    if message.startswith("Invalid enum value"):
        text = "expected " + " or ".join(map(repr, _choices(kind)))
    elif not message.startswith("Expected "):
        return message[0].lower() + message[1:]
    else:
        text = re.sub(r", got .*$", "", message, flags=re.DOTALL).replace("`", "")
        text = "expected" + text.removeprefix("Expected").replace("object", "mapping").replace(
            "array", "list"
        )
    return f"{text}, got {shown(got)}"


def shown(value: Any) -> str:
    """A value as a message shows it: on one line, control characters escaped, cut."""
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"


def _choices(kind: Any) -> list[Any]:
    if typing.get_origin(kind) is typing.Literal:
        return list(typing.get_args(kind))
    return [choice for part in typing.get_args(kind) for choice in _choices(part)]


def _nearest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.0)
    return f"; did you mean {close[0]!r}?" if close else ""
