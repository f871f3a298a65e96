"""Which setting of a recipe moves which rule's threshold.

A filter's settings become thresholds inside its code, one setting often for several rules. Rather than keep a second
list of that, every numeric setting that only rules read is moved a little, and the rules are asked again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from filters import FILTERS
from filters.steps import rules_of
from filters.types import DropWhen, Rule

if TYPE_CHECKING:
    from filters.steps import Step

_TRIED = (0.5, 1, 2, 10)  # values for a setting that is off


class Knob(msgspec.Struct, frozen=True, kw_only=True):
    """One setting and one rule that it moves.

    `key` is the setting as `--set` names it, `rule` is `<filter>.<rule>`, `value` the threshold (None: the rule is
    off), `whole` true where only whole numbers are taken, `language` the one whose own setting this is, or "".
    """

    key: str
    rule: str
    signal: str
    drop_when: DropWhen
    value: float | int | None
    whole: bool
    language: str = ""


def knobs(steps: Sequence[Step]) -> list[Knob]:
    """Every numeric threshold that a setting moves one to one, in recipe order."""
    found = []
    for step in steps:
        of_languages = [
            (f"by_language.{language}.", language, own) for language, own in step.by_language.items()
        ]
        for prefix, language, settings in [("", "", step.settings), *of_languages]:
            written = step.written.get("by_language", {}).get(language, {}) if language else None
            for path, rule, whole in _moved(step.name, settings):
                if written is not None and path[0] not in written:
                    continue  # the language has the filter's own
                found.append(
                    Knob(
                        key=f"filters.{step.name}.{prefix}{'.'.join(path)}",
                        rule=f"{step.name}.{rule.name}",
                        signal=rule.signal,
                        drop_when=rule.drop_when,
                        value=rule.threshold if isinstance(rule.threshold, int | float) else None,
                        whole=whole,
                        language=language,
                    )
                )
    return found


def _moved(name: str, settings: Any) -> Iterator[tuple[tuple[str, ...], Rule, bool]]:
    """Paths of settings, the rule whose threshold is the setting's value, and whether that is a whole number."""
    before = rules_of(name, settings)
    for path, value in _leaves(msgspec.to_builtins(settings), FILTERS[name].thresholds):
        for other in _others(value):
            try:
                changed = msgspec.convert(_with(msgspec.to_builtins(settings), path, other), type(settings))
                after = rules_of(name, changed)
            except (msgspec.ValidationError, ValueError):
                continue
            if len(after) != len(before):
                break
            pairs = zip(before, after, strict=True)
            hit = [(old, new) for old, new in pairs if old.threshold != new.threshold]
            # A rule on text, or one whose threshold is made from the setting, has no slider.
            for old, new in hit:
                if new.threshold == other and old.threshold == value:
                    yield path, old, isinstance(value if value is not None else other, int)
            break


def _others(value: float | int | None) -> Sequence[float | int]:
    if value is None:
        return _TRIED
    if isinstance(value, int):
        return (value + 1, max(value - 1, 0))
    return (value / 2, value + 0.25, value + 1)


def _leaves(
    tree: Mapping[str, Any], names: frozenset[str]
) -> Iterator[tuple[tuple[str, ...], float | int | None]]:
    """Numeric settings, or those that are off, among the thresholds; `a.*.b` stands for b in every entry of a."""
    for key, value in tree.items():
        if key in names:
            yield from _numbers((key,), value)
        for name in names:
            outer, inside, leaf = name.partition(".*.")
            if inside and outer == key:
                for one, entry in value.items():
                    yield from _numbers((key, str(one), leaf), entry.get(leaf))


def _numbers(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], float | int | None]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _numbers((*path, str(key)), inner)
    elif value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        yield path, value


def _with(tree: Any, path: Sequence[str], value: Any) -> Any:
    key = next((key for key in tree if str(key) == path[0]), path[0])
    return tree | {key: value if len(path) == 1 else _with(tree[key], path[1:], value)}
