"""Lists and models that a recipe names by path and digest: its sections `lists:` and `models:`.

They cannot ship: licences, size, or because they are the user's own. An entry says what `kind` of file it is, where it
lies, its SHA-256 (of a folder: of its files' lines `sha256  relative/path`, sorted by path) and where it is published.
A model must state its digest; a list may. A digest that is not the file's is refused before anything is read from it.

A filter asks for an entry by `lists.NAME` or `models.NAME`. An entry without a path has not been given: the filters
that need it are left out of the chain and named (`left_out`), so that a shipped recipe runs without it and says what
is missing. A path where nothing lies is an error that says where the file is published.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline import assets, foreign
from pipeline.errors import UsageError, nearest
from pipeline.lists import PUBLISHERS
from pipeline.show import show_text

if TYPE_CHECKING:
    from filters.steps import Step
    from pipeline.recipe import Recipe

SECTIONS = ("lists", "models")


class NamedAsset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of `lists:` or `models:`."""

    kind: str
    path: str | None = None  # of a file or folder, of kind benchmarks also a pattern; null: not given
    sha256: str | None = None
    source: str = ""  # the address where it is published, or how to make one


@dataclass(frozen=True)
class Kind:
    """What an entry can be: how it is loaded, and where such files are published if the recipe does not say."""

    load: Callable[[Path], Any]
    source: str = ""
    files: Callable[[Path], list[Path]] | None = None  # that are read for a path, where it may be a pattern


def _whence(source: str) -> str:
    """The end of a line on a list or model that is not there."""
    if not source:
        return ""
    return f"; it is published at {source}" if "://" in source.partition(" ")[0] else f"; {source}"


@dataclass(frozen=True)
class LeftOut:
    """A filter that a recipe names and that is not applied, for want of a list or model."""

    filter: str
    asset: str  # `lists.NAME` or `models.NAME`
    source: str

    def __str__(self) -> str:
        return f"{self.filter} is left out: {self.asset}.path is not set{_whence(self.source)}"


def _by(module: str, function: str) -> Callable[[Path], Any]:
    """A loader that imports its module at first use: few runs need all of them, and some are heavy."""

    def load(path: Path) -> Any:
        return getattr(importlib.import_module(module), function)(path)

    return load


KINDS: dict[str, Kind] = {
    "fasttext": Kind(
        _by("pipeline.fasttext_file", "open_model"),
        "https://fasttext.cc/docs/en/language-identification.html",
    ),
    "calibration": Kind(_by("pipeline.score_files", "read_calibration")),  # a run's own, for another run
    "scores": Kind(_by("pipeline.score_files", "read_scores")),
    "importance": Kind(_by("pipeline.language_models", "importance")),  # made by `sluice filters train`
    "ngrams": Kind(_by("pipeline.language_models", "ngrams")),  # made by `sluice filters train`, or ARPA
    "kenlm": Kind(_by("pipeline.language_models", "kenlm"), PUBLISHERS["kenlm"]),
    "unigrams": Kind(_by("pipeline.unigrams", "load")),
    "ut1": Kind(_by("pipeline.lists", "ut1"), PUBLISHERS["ut1"]),
    "hosts": Kind(_by("pipeline.lists", "hosts")),
    "words": Kind(_by("pipeline.lists", "words")),
    "stop_words": Kind(_by("pipeline.stop_lists", "own_lists")),
    "benchmarks": Kind(
        _by("pipeline.contamination.load", "benchmarks"), files=_by("pipeline.contamination.load", "files")
    ),
}


def is_named(asset: str) -> bool:
    """Whether an asset is an entry of the recipe, not one of an installed package."""
    return asset.partition(".")[0] in SECTIONS


def entry(recipe: Recipe, asset: str) -> NamedAsset:
    """The recipe's entry of an asset `lists.NAME` or `models.NAME`; UsageError if it has none."""
    section, _, name = asset.partition(".")
    named: dict[str, NamedAsset] = getattr(recipe, section)
    if name not in named:
        raise UsageError(
            f"{section}.{name}: a filter names it, but the recipe has no such entry{nearest(name, list(named))}; "
            f"write `{section}: {{{name}: {{kind: ..., path: ...}}}}`"
        )
    return named[name]


def located(entries: dict[str, NamedAsset]) -> dict[str, NamedAsset]:
    """Entries with absolute paths, relative ones from the current folder: `recipe.yaml` serves anywhere."""
    return {
        name: msgspec.structs.replace(one, path=os.path.abspath(one.path)) if one.path else one  # noqa: PTH100
        for name, one in entries.items()
    }


def applied(recipe: Recipe, steps: Sequence[Step]) -> tuple[list[Step], list[LeftOut]]:
    """The steps whose lists and models are all given, and what is left out."""
    from filters.steps import asset_names

    kept: list[Step] = []
    missing: list[LeftOut] = []
    for step in steps:
        lacking = [
            LeftOut(step.name, name, source_of(one))
            for name in asset_names([step])
            if is_named(name) and (one := entry(recipe, name)).path is None
        ]
        missing += lacking
        if not lacking:
            kept.append(step)
    return kept, missing


def source_of(one: NamedAsset) -> str:
    """Where an entry's file is published."""
    return one.source or (KINDS[one.kind].source if one.kind in KINDS else "")


def load_all(recipe: Recipe, names: Iterable[str]) -> dict[str, Any]:
    """Assets by name, loaded once per process: installed ones and the recipe's own.

    UsageError for an entry that is missing, of an unknown kind, or not what its digest says; what a loader finds wrong
    with the file's content is its own error.
    """
    found = {}
    for name in names:
        if foreign.is_foreign(name):
            found[name] = _foreign(name)
        else:
            found[name] = _load(entry(recipe, name), name) if is_named(name) else assets.load(name)
    return found


@functools.cache
def _foreign(name: str) -> Any:
    return foreign.load(name)


def require_fitting(recipe: Recipe) -> None:
    """UsageError if a list or model does not suit the filter that names it; loads those of filters that can tell."""
    from filters import FILTERS
    from filters.steps import asset_names
    from filters.types import no_misfit

    for step in recipe.chain({}).steps:
        if FILTERS[step.name].fits is no_misfit:
            continue
        loaded = load_all(recipe, asset_names([step]))
        for settings in (step.settings, *step.by_language.values()):
            try:
                FILTERS[step.name].fits(settings, loaded)
            except ValueError as error:
                raise UsageError(f"filters.{step.name}.{error}") from None


def digests(recipe: Recipe, names: Iterable[str]) -> dict[str, str]:
    """The digest of each asset, for fingerprints: of what it holds, never of where it lies."""
    found = {}
    for name in names:
        if is_named(name):
            one = entry(recipe, name)
            found[name] = f"{one.kind}:{checked(one, name)}"
        elif foreign.is_foreign(name):
            found[name] = foreign.digest(name)
        else:
            found[name] = assets.digest(name)
    return found


def checked(one: NamedAsset, name: str) -> str:
    """The digest of an entry's file or folder; UsageError where it is missing, unpinned or another one."""
    section = name.partition(".")[0]
    published = _whence(source_of(one))
    if one.kind not in KINDS:
        raise UsageError(
            f"{name}.kind: no kind of list or model is called {show_text(one.kind)}{nearest(one.kind, list(KINDS))}"
        )
    files = _read_for(one)
    if one.path is None or not (files or Path(one.path).exists()):
        lies = f"nothing lies at {show_text(one.path)}" if one.path else "not set"
        raise UsageError(f"{name}.path: {lies}{published}; get it, and set {name}.path and {name}.sha256")
    actual = _digest_of_files(files) if files else digest_of(one.path)
    if one.sha256 is None and section == "models":
        raise UsageError(f"{name}.sha256: a model must be pinned; that of {show_text(one.path)} is {actual}")
    if one.sha256 is not None and one.sha256.lower() != actual:
        raise UsageError(
            f"{name}: {show_text(one.path)} has the SHA-256 {actual}, not {show_text(one.sha256)}{published}"
        )
    return actual


def _read_for(one: NamedAsset) -> tuple[Path, ...]:
    """The files that an entry's kind reads for its path, where that may be a pattern or lead to others."""
    find = KINDS[one.kind].files
    return tuple(find(Path(one.path))) if find is not None and one.path is not None else ()


@functools.cache
def _digest_of_files(files: tuple[Path, ...]) -> str:
    """SHA-256 in hex of one file, or of the lines of several below the folder that holds them all."""
    if len(files) == 1:
        return digest_of(str(files[0]))
    base = os.path.commonpath(files)
    names = sorted(os.path.relpath(file, base).replace(os.sep, "/") for file in files)
    return _digest_of_lines(Path(base), names)


def _digest_of_lines(folder: Path, names: Iterable[str]) -> str:
    lines = "".join(f"{assets.sha256_of(folder / name)}  {name}\n" for name in names)
    return hashlib.sha256(lines.encode()).hexdigest()


@functools.cache
def digest_of(path: str) -> str:
    """SHA-256 in hex of a file, or of a folder's lines `sha256  relative/path`; once per process."""
    found = Path(path)
    if not found.is_dir():
        return assets.sha256_of(found)
    files = sorted(one.relative_to(found).as_posix() for one in found.rglob("*") if one.is_file())
    return _digest_of_lines(found, files)


def _load(one: NamedAsset, name: str) -> Any:
    checked(one, name)
    return _loaded(one.kind, str(one.path))


@functools.cache
def _loaded(kind: str, path: str) -> Any:
    return KINDS[kind].load(Path(path))
