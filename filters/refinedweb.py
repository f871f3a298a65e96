"""RefinedWeb's line corrections (Penedo et al. 2023, Appendix G.2) as DCLM reverse-engineered them, and Dolma 3's.

The edit, step by step over lines between newlines: runs of newlines are cut to two; lines go that are mainly upper
case, that are digits alone, that are a counter (`3 likes`), or that have one word; from lines of at most ten words
`items in cart` is removed anywhere, `Read more...` at the end, `Sign-in` at the beginning, and the line too if nothing
else was on it. After each step but
the first and the one about single words, white space at both ends of the text goes. A page is
dropped if more than one word in twenty was removed.

Variants: `dclm` counts characters, any digit and words between white space. `dolma3` (datamap-rs) counts upper case
letters and ASCII digits against the bytes of a line, counts Unicode words, does not strip the text, replaces
`items in cart` by a space, takes the three phrases in exactly that case, and, since its configuration sets `max_length`
where the code reads `max_len`, in lines of any length. In both the dots of `Read more...` stand for any characters,
as in the published patterns. DCLM's removal of addresses from the text is not made here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import numpy as np

from filters.batch import Batch, ratio
from filters.types import Count, FilterSpec, Rule, Share, Signal

if TYPE_CHECKING:
    from filters.loops.refinedweb_loops import Corrected

SOURCE = "RefinedWeb Appendix G.2; DCLM refinedweb.yaml; datamap-rs all_dressed"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The variant, what the edit does and the threshold (null: off). Defaults: DCLM-baseline's."""

    variant: Literal["dclm", "dolma3"] = "dclm"
    max_newlines: Annotated[int, msgspec.Meta(ge=1)] | None = 2  # in a row
    max_uppercase: Share | None = 0.5  # of a line's characters
    remove_numeric: bool = True
    remove_counters: bool = True
    min_words_per_line: Count = 2
    phrase_line_words: Count = (
        10  # phrases are removed from lines of at most so many words; `dolma3`: any line
    )
    max_removed_words: Share | None = 0.05


_COLUMNS = {
    "words": (
        "words",
        "before the edit, those that begin with a letter or number (Unicode words in `dolma3`)",
    ),
    "removed_words": ("share of words", "words that the edit removed; 1 for a page without words"),
    "newlines": ("characters", "newlines removed from runs"),
    "uppercase": ("lines", "removed for more upper case than `max_uppercase`"),
    "numeric": ("lines", "removed for digits alone"),
    "counters": ("lines", "removed as counters of likes, views and the like"),
    "short": ("lines", "removed for fewer than `min_words_per_line` words"),
    "cart": ("phrases", "`items in cart` removed"),
    "read_more": ("phrases", "`Read more...` removed at ends of lines"),
    "sign_in": ("phrases", "`Sign-in` removed at beginnings of lines"),
}


def signals(settings: Settings) -> list[Signal]:
    """The measured columns."""
    return [Signal(f"refinedweb_lines_{name}", *texts, SOURCE) for name, texts in _COLUMNS.items()]


def rules(settings: Settings) -> list[Rule]:
    """The one rule."""
    removed = settings.max_removed_words
    return [Rule("removed_words", "refinedweb_lines_removed_words", ">", removed, SOURCE)]


def _corrected(batch: Batch, settings: Settings) -> Corrected:
    from filters.loops import refinedweb_loops

    edits = msgspec.structs.replace(settings, max_removed_words=None)
    return batch.part(("refinedweb_lines", edits), lambda: refinedweb_loops.correct(batch, settings))


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """Words before the edit and the share removed, and what was removed, by cause."""
    from filters.loops import gopher_loops
    from filters.text import word_break

    done = _corrected(batch, settings)
    if settings.variant == "dolma3":
        before, after = (
            word_break.of(batch, "any").counts(),
            word_break.words(done.codes, done.bounds, "any").counts(),
        )
    else:
        before = gopher_loops.marks_of(batch, False)[:, 2]
        after = gopher_loops.marks(done.codes, done.bounds, False)[:, 2]
    counts = {name: done.counts[:, i] for i, name in enumerate(list(_COLUMNS)[2:])}
    removed = np.where(before > 0, ratio(before - after, before), 1.0)
    return {
        f"refinedweb_lines_{name}": values
        for name, values in {"words": before, "removed_words": removed, **counts}.items()
    }


def edit(batch: Batch, settings: Settings) -> list[str]:
    """The corrected texts."""
    from filters.text import layout_text

    done = _corrected(batch, settings)
    return layout_text.texts(done.codes, done.bounds[:-1], done.bounds[1:])


SPEC = FilterSpec(
    name="refinedweb_lines",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    edit=edit,
    thresholds=frozenset({"max_removed_words"}),
)
