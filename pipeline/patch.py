"""A recipe patch: a small YAML file of the shape of a recipe that holds only what changes.

```yaml
filters:
  - gopher_quality: {min_words: 100}
  - language: {min_score: 0.5, by_language: {de: {min_score: 0.7}}}
```

`filters` is a list of one-key mappings, or one mapping; filters that it does not name, and their order, stay. Mappings
are merged key by key at every depth, anything else takes the place of what stood there, and an empty mapping changes
nothing. What the keys and values have to be is checked where the recipe is, and refused with their place in the patch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pipeline import yaml
from pipeline.errors import UsageError, nearest
from pipeline.refusal import LINE, dotted
from pipeline.show import show_text


class Patch(NamedTuple):
    """Changes of a recipe as they were written: the sections, where each value stands, and the file's name."""

    sections: dict[str, Any]
    places: Mapping[yaml.Path, tuple[int, int]]
    name: str

    def place(self, path: yaml.Path) -> str:
        """`FILE:line:column` of what stands at `path`."""
        return ":".join([self.name, *map(str, self.places[path])])

    def where(self, key: str) -> str | None:
        """`FILE:line:column` of a key such as `filters.c4.min_sentences`; None if the patch does not speak of it."""
        for path in self.places:
            listed = path[:1] == ("filters",) and path[1:2] != () and isinstance(path[1], int)
            if ".".join(map(str, (path[0], *path[2:]) if listed else path)) == key:
                return self.place(path)
        return None

    def _refusal(self, path: yaml.Path, message: str) -> UsageError:
        return UsageError(show_text(f"{self.place(path)} {dotted(path) or 'patch'}: {message}", LINE))

    def filters(self) -> Iterator[tuple[yaml.Path, str, Any]]:
        """Of each filter the path of its settings, its name, and the settings.

        Raises UsageError for what is neither a list of filters nor a mapping, and for a filter that is named twice.
        """
        from filters.steps import shown

        entries = self.sections.get("filters", [])
        if isinstance(entries, dict):
            yield from ((("filters", name), name, settings) for name, settings in entries.items())
            return
        if not isinstance(entries, list):
            raise self._refusal(("filters",), f"expected a list of filters, got {shown(entries)}")
        seen: set[str] = set()
        for number, entry in enumerate(entries):
            path: yaml.Path = ("filters", number)
            if isinstance(entry, dict) and len(entry) == 1:
                name, settings = next(iter(entry.items()))
                path = (*path, name)
            elif isinstance(entry, str):
                name, settings = entry, None
            else:
                raise self._refusal(
                    path, f"expected a filter's name, or its name and its settings, got {shown(entry)}"
                )
            if name in seen:
                raise self._refusal(path, f"{name} is in the list twice")
            seen.add(name)
            yield path, name, settings


def load_patch(path: str) -> Patch:
    """The patch in a file; raises UsageError with one line."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UsageError(f"patch {path}: {reason}") from None
    return read_patch(text, path)


def read_patch(text: str, name: str) -> Patch:
    """A patch from its text; `name` is put into errors. Raises UsageError if it has not the shape of one."""
    try:
        value, places = yaml.parse(text, name)
    except UsageError as error:
        raise UsageError(show_text(error, LINE)) from None
    if not isinstance(value, dict) or not value:
        raise UsageError(f"{name}:1:1 a recipe patch is a mapping of sections, this is {_kind(value)}")
    patch = Patch(value, places, name)
    list(patch.filters())
    return patch


def apply(patch: Patch, recipe: dict[str, Any], touched: dict[yaml.Path, str]) -> None:
    """Change a recipe as it was parsed, in place; `touched` learns where in the patch each changed value stands.

    Raises UsageError for a filter that the recipe lacks. Whether the result is a recipe is for others to say.
    """
    from filters.steps import shown

    sections = {key: value for key, value in patch.sections.items() if key != "filters"}
    _merge(recipe, sections, (), (), patch, touched)
    if "filters" not in patch.sections:
        return
    entries = recipe.get("filters")
    if not isinstance(entries, list):
        raise patch._refusal(("filters",), "the recipe has no filters to change")
    names = [next(iter(entry), "") if isinstance(entry, dict) else entry for entry in entries]
    for path, name, settings in patch.filters():
        if name not in names:
            raise patch._refusal(
                path, f"the recipe has no filter {shown(name)}{nearest(name, list(map(str, names)))}"
            )
        at = names.index(name)
        if settings is None or settings == {}:
            continue
        if not isinstance(entries[at], dict):
            entries[at] = {name: {}}
        _put(entries[at], name, settings, ("filters", at, name), path, patch, touched)


def _merge(
    into: dict[str, Any],
    changes: Mapping[str, Any],
    path: yaml.Path,
    written: yaml.Path,
    patch: Patch,
    touched: dict[yaml.Path, str],
) -> None:
    """Merge a mapping of the patch, which stands there at `written`, into the recipe's mapping at `path`."""
    from filters.language_codes import code_of

    languages = path[:1] == ("filters",) and path[3:] == ("by_language",)
    for key, value in changes.items():
        # `de` and `deu_Latn` are one language, whose settings are merged whatever the recipe calls it.
        own = next((one for one in into if languages and code_of(one) == code_of(key)), key)
        _put(into, own, value, (*path, own), (*written, key), patch, touched)


def _put(
    into: dict[str, Any],
    key: str,
    value: Any,
    path: yaml.Path,
    written: yaml.Path,
    patch: Patch,
    touched: dict[yaml.Path, str],
) -> None:
    if value == {} and isinstance(value, dict):
        return
    touched[path] = patch.place(written)
    if isinstance(value, dict) and isinstance(into.get(key), dict | None):
        if into.get(key) is None:
            into[key] = {}
        _merge(into[key], value, path, written, patch, touched)
        return
    into[key] = value
    for inside in patch.places if isinstance(value, dict | list) else ():
        if inside[: len(written)] == written:
            touched[(*path, *inside[len(written) :])] = patch.place(inside)


def patch_text(changes: Mapping[str, Mapping[str, object]]) -> str:
    """A patch, as text to be saved, that gives these settings to these filters: {filter: {setting: value}}.

    `read_patch` reads back the same values. A filter without settings is left out; raises ValueError where nothing
    is left, or for a value that YAML has no word for.
    """
    filters = [{name: dict(settings)} for name, settings in changes.items() if settings]
    if not filters:
        raise ValueError("a patch without a change")
    text = yaml.dump({"filters": filters}, inline=True)
    if read_patch(text, "patch").sections != {"filters": filters}:
        raise ValueError("a value that a recipe cannot hold")
    return text


def _kind(value: object) -> str:
    return {type(None): "empty", list: "a list", str: "text", dict: "empty"}.get(
        type(value), type(value).__name__
    )
