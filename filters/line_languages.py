"""Languages line by line: how much of a text is in its language, and how many others are in it.

OSCAR (Abadji et al. 2022) asks lid.176 for the language of every line and keeps documents with enough in one. Here
short lines are joined with those after them until they have `min_characters`, as a model cannot tell the language of
three words, and of a long document `max_parts` such parts are asked for, spread evenly. Shares are of their
characters. A part is undetermined if its probability is below `min_probability`, or if more of it than `noise` is no
language (`filters.noise`). What is in the language, in others, and undetermined add up to 1.

Cost: some 15 us a part with lid.176, so at most some 0.4 ms a document by default, beside the document's own language.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from filters import language
from filters.batch import Batch, ratio
from filters.language_codes import code_of
from filters.types import Count, FilterSpec, Rule, Share, Signal

Array = np.ndarray[Any, Any]

SOURCE = "OSCAR, ungoliant (Abadji et al. 2022), by parts of lines"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The model, the parts that it is asked for, and thresholds, off by default."""

    model: str = language.INSTALLED  # or an entry of `models:`
    cleaning: Literal["none", "openlid"] = "none"
    languages: tuple[str, ...] | None = None  # that are looked for; null: the document's own
    min_characters: Count = 40  # of a part, unless the document ends before
    max_parts: Annotated[int, msgspec.Meta(ge=1)] = 24
    min_probability: Share = 0.5
    noise: Share = 0.5  # of a part: of more the model is not asked
    min_share: Share | None = None
    max_others: Share | None = None
    max_undetermined: Share | None = None
    max_distinct: Count | None = None


def signals(settings: Settings) -> list[Signal]:
    """Four measures of the parts of a document's lines."""
    return [
        Signal("line_languages_share", "share of characters", "in lines of the language", SOURCE),
        Signal("line_languages_others", "share of characters", "in lines of other languages", SOURCE),
        Signal(
            "line_languages_undetermined",
            "share of characters",
            "in lines that the model is unsure of",
            SOURCE,
        ),
        Signal("line_languages_distinct", "languages", "of the lines that it is sure of", SOURCE),
    ]


def rules(settings: Settings) -> list[Rule]:
    """A threshold for each measure."""
    return [
        Rule("share", "line_languages_share", "<", settings.min_share, SOURCE),
        Rule("others", "line_languages_others", ">", settings.max_others, SOURCE),
        Rule("undetermined", "line_languages_undetermined", ">", settings.max_undetermined, SOURCE),
        Rule("distinct", "line_languages_distinct", ">", settings.max_distinct, SOURCE),
    ]


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, Array]:
    """All four measures."""
    from filters.noise import noise_shares
    from filters.text.line_parts import joined_lines

    model = assets[language.asset_of(settings.model)]
    parts = joined_lines(batch, settings.min_characters)
    noisy = (noise_shares(batch, parts) > settings.noise).tolist()
    starts, ends, offsets = parts.starts.tolist(), parts.ends.tolist(), parts.offsets.tolist()
    bounds = batch.bounds.tolist()
    own = None
    if settings.languages is None:
        own, _ = language.identified(batch, settings.model, settings.cleaning, assets)
    wanted = {code_of(name) for name in settings.languages or ()}
    sums = np.zeros((len(batch), 3))  # characters of the language, of others, undetermined
    distinct = np.zeros(len(batch), np.int64)
    for row, text in enumerate(batch.texts):
        if own is not None:
            wanted = {code_of(own[row])}
        begin = bounds[row]
        found = set[str]()
        sizes = [0, 0, 0]
        for part in spread(offsets[row], offsets[row + 1], settings.max_parts):
            label, score = language.UNSURE
            if not noisy[part]:
                line = text[starts[part] - begin : ends[part] - begin]
                label, score = language.label_of(line, model, settings.cleaning)
            kind = 2
            if score >= settings.min_probability and score > 0:
                found.add(label)
                kind = 0 if code_of(label) in wanted else 1
            sizes[kind] += ends[part] - starts[part]
        sums[row] = sizes
        distinct[row] = len(found)
    shares = [ratio(column, sums.sum(axis=1)) for column in sums.T]
    names = [signal.column for signal in signals(settings)]
    return dict(zip(names, (*shares, distinct), strict=True))


def spread(first: int, end: int, most: int) -> range | list[int]:
    """Numbers from `first` to before `end`: all, or `most` of them, spread evenly."""
    count = end - first
    if count <= most:
        return range(first, end)
    return [first + (2 * i + 1) * count // (2 * most) for i in range(most)]


def assets(settings: Settings) -> tuple[str, ...]:
    """The model."""
    return (language.asset_of(settings.model),)


SPEC = FilterSpec(
    name="line_languages",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    assets=assets,
    thresholds=frozenset({"min_share", "max_others", "max_undetermined", "max_distinct"}),
)
