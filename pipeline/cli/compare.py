"""The verb `compare`: decisions that differ between two runs, or between a run and other thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from pipeline.cli.arguments import Json, Settings
from pipeline.comparison import signal_compared
from pipeline.errors import UsageError, UserError
from pipeline.show import show_text, size
from pipeline.store import open_folder

if TYPE_CHECKING:
    from pipeline.compare.answer import Answer, Difference, NotJudged, Sample, Side

_SETTINGS, _REASONS, _PAIRS = 20, 12, 5  # lines shown of each; JSON holds all
_MOST_SAMPLES = 100
_WIDE = 100  # characters of a cell


def compare(
    run: Annotated[str, typer.Argument(metavar="RUN", help="a run folder: a path or a URL")],
    other: Annotated[
        str | None,
        typer.Argument(metavar="OTHER", help="another run folder, or a recipe: a shipped name or a file"),
    ] = None,
    settings: Settings = [],  # noqa: B006 (typer copies it)
    patch: Annotated[
        str | None,
        typer.Option("--patch", metavar="FILE", help="a recipe patch: YAML with what changes; --set wins"),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=0, max=_MOST_SAMPLES, help="samples a side")
    ] = 5,
    json: Json = False,
) -> None:
    """Documents that one side keeps and the other does not, both ways: how many, why, and a few of them.

    OTHER is a second run, or a recipe whose filters are judged by the signals that RUN stored; rules that these cannot
    judge are listed. Without OTHER, `--set` and `--patch` change thresholds of RUN's own recipe: what `retune` would
    decide, without writing anything. Beyond a million documents a share of them is compared, chosen by a hash of the
    id.

    Example: sluice compare run --set filters.gopher_quality.min_words=100
    """
    found = _answer(run, other, settings, patch, limit)
    if json:
        print(msgspec.json.encode(found).decode())
    else:
        _tell(found, run, run if other is None or found.right.kind != "run" else other)


def _answer(run: str, other: str | None, settings: list[str], patch: str | None, limit: int) -> Answer:
    from pipeline.compare.query import compare_recipe, compare_runs, compare_settings
    from pipeline.patch import load_patch
    from pipeline.recipe import read, source
    from pipeline.stats import require_run

    folder = open_folder(run)
    require_run(folder)
    changes = load_patch(patch) if patch is not None else None
    said = [*([f"--patch {patch}"] if patch is not None else []), *(f"--set {one}" for one in settings)]
    second = open_folder(other) if other is not None and _is_run(other) else None
    if other is None or (said and second is not None and second.url == folder.url):
        if not said:
            raise UsageError("name what to compare with: another run, a recipe, or --set SECTION.KEY=VALUE")
        text, name = folder.read("recipe.yaml").decode(), f"{folder.url}/recipe.yaml"
        return compare_settings(folder, read(text, name, settings, changes), " ".join(said), limit)
    if second is not None:
        if said:
            raise UsageError(
                "--set and --patch change a recipe, and OTHER is a run: leave one of the two out"
            )
        return compare_runs(folder, second, limit)
    return compare_recipe(folder, read(*source(other), settings, changes), " ".join([other, *said]), limit)


def _is_run(other: str) -> bool:
    """Whether this names a run folder; UserError for an address or a folder that is none."""
    from pathlib import Path

    if open_folder(other).exists("recipe.yaml"):
        return True
    if "://" in other or Path(other).is_dir():
        raise UserError(f"{other} is no run folder (it has no recipe.yaml): make one with `sluice run`")
    return False


def _tell(found: Answer, left: str, right: str) -> None:
    _say_sides(found)
    for note in found.notes:
        _say(f"note: {show_text(note, 400)}")
    if found.sampled is not None:
        share = 100 * found.sampled
        _say(f"compared: {share:.2g} % of the documents, chosen by a hash of the {found.joined_by}")
    if found.settings:
        _table(
            f"\n{len(found.settings):,} setting(s) differ",
            ("setting", "left", "right"),
            [(one.key, _value(one.left), _value(one.right)) for one in found.settings[:_SETTINGS]],
            len(found.settings),
        )
    if found.not_judged:
        _table("\nRules that were not judged", ("rules", "why"), _by_filter(found.not_judged))
    what = "the filters' decisions" if found.level == "filters" else "what became of them"
    _say(f"\n{found.common:,} documents in common; {what} differ for {found.differing:,}")
    for name, alone in (("left", found.only_left), ("right", found.only_right)):
        if alone.documents:
            _say(f"only {name} has {alone.documents:,} documents, of which it keeps {alone.kept:,}")
    _table("", ("left", "right", "documents"), [(one.left, one.right, one.documents) for one in found.matrix])
    if found.both_drop:
        pairs = [(one.left or "others", one.right or "", one.documents) for one in found.other_reasons]
        title = f"\n{found.both_drop:,} kept by neither, for different reasons"
        _table(title, ("left", "right", "documents"), pairs[:_PAIRS], len(pairs))
    for name, difference in (("left", found.only_left_keeps), ("right", found.only_right_keeps)):
        if difference.documents:
            _say_difference(name, difference)
    kept = [(left, one) for one in found.only_left_keeps.samples]
    kept += [(right, one) for one in found.only_right_keeps.samples]
    for where, sample in kept[:1]:
        _say(f"\none document's whole story: sluice why {_quoted(where)} {_quoted(sample.id)}")


def _say(text: str) -> None:
    print(text)


def _table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str | int]], of: int | None = None
) -> None:
    """Aligned columns, numbers to the right, nothing cut but what is crawled; `of` says how many rows there are."""
    texts = [[f"{one:,}" if isinstance(one, int) else show_text(one, _WIDE) for one in row] for row in rows]
    numbers = [bool(rows) and isinstance(rows[0][at], int) for at in range(len(columns))]
    widths = [max(len(row[at]) for row in [list(columns), *texts]) for at in range(len(columns))]
    if title:
        _say(title)
    for row in [list(columns), *texts]:
        cells = zip(row, widths, numbers, strict=True)
        _say(
            "  "
            + "  ".join(
                f"{one:>{wide}}" if right else f"{one:<{wide}}" for one, wide, right in cells
            ).rstrip()
        )
    if of is not None and of > len(rows):
        _say(f"  and {of - len(rows):,} more (--json)")


def _by_filter(rules: Sequence[NotJudged]) -> list[tuple[str, str]]:
    """Rules of one filter that lack the same as one row."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in rules:
        name, _, rule = one.rule.partition(".")
        found.setdefault((name, one.why), []).append(rule)
    return [
        (f"{name}.{{{', '.join(named)}}}" if len(named) > 1 else f"{name}.{named[0]}".rstrip("."), why)
        for (name, why), named in found.items()
    ]


def _say_sides(found: Answer) -> None:
    sides: list[Side] = [found.left, found.right]
    fates = dict.fromkeys(fate for side in sides for fate in side.fates)
    rows: list[list[str | int]] = [[name, *(side.fates.get(name, 0) for side in sides)] for name in fates]
    rows.append(["records", *(side.records for side in sides)])
    for name, side in zip(("left ", "right"), sides, strict=True):
        _say(f"{name}  {show_text(side.name, 300)} ({side.kind}, recipe {show_text(side.recipe)})")
    _table("What became of every record", ("", "left", "right"), rows)


def _say_difference(name: str, found: Difference) -> None:
    amounts = [f"{found.documents:,} documents"]
    amounts += [f"{size(found.bytes)} of text"] if found.bytes is not None else []
    amounts += [f"{found.tokens:,} tokens"] if found.tokens is not None else []
    rows = [(one.reason, one.documents) for one in found.reasons[:_REASONS]]
    other = "right" if name == "left" else "left"
    title = f"\nOnly {name} keeps {', '.join(amounts)}"
    _table(title, (f"what becomes of them on the {other}", "documents"), rows, len(found.reasons))
    for one in found.samples:
        _say_sample(one)


def _say_sample(one: Sample) -> None:
    _say(f"  {show_text(one.id)}  {show_text(one.url, 120)}")
    why = one.reason
    if one.signal is not None and one.drop_when is not None:
        drops = signal_compared(one.signal, one.drop_when, one.threshold)
        why += f": {one.signal} = {_value(one.value)}, drops when {drops}"
    elif one.detail:
        why += f": {show_text(one.detail)}"
    _say(f"    {show_text(why, 300)}")
    if one.text:
        _say(f"    {show_text(one.text, 200)}")


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, str):
        return show_text(value, 60)
    return show_text(msgspec.json.encode(value).decode(), 60)


def _quoted(word: str) -> str:
    import shlex

    return shlex.quote(show_text(word))
