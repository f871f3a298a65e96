"""MADLAD-400's questionable sentences (Kudugunta et al. 2023, section 2.3), as Dolma 3's datamap-rs finds them.

A page is dropped if it has fewer than five sentences, or if a fifth of them are questionable. Sentences are the parts
between `.`, `!` or `?` followed by white space. The five rules:

1. document consistency: the sentence is in another language than the page;
2. list case: more than half of its words begin with a capital letter, of at least twelve words;
3. abnormal length: fewer than 20 or more than 500 characters;
4. technical characters: more than a fifth of its characters are digits or one of `{}+/()>`;
5. cursed substrings: it contains one of some strings that questionable pages often have.

Dolma 3 applies rules 2 and 5 and drops at a share of exactly .2; MADLAD-400 applies all five and drops above it. Rule
1 asks the language model for every sentence, which costs more than all other measures of a page together, and is
measured only if `apply` has it; the others are always measured. Words are Unicode's (`filters/text/word_break.py`).

The substrings are those that MADLAD-400's data card names, written as what they match; datamap-rs reads its own copy
of that list, which may differ. Rows of dots between spaces, which the list names too, end sentences and so are in
none; abbreviations at the end of a sentence can only be found at the end of the page, for the same reason. Lengths
are characters (datamap-rs: bytes).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import numpy as np

from filters.batch import Batch, ratio
from filters.types import Count, FilterSpec, Rule, Share, Signal

SOURCE = "MADLAD-400 section 2.3; datamap-rs madlad400 annotator"

# Contained anywhere. The patterns that no plain string can say are in `filters/loops/madlad_loops.py`.
CURSED = (
    " №", "\ufffd\ufffd\ufffd", "aute irure dolor ", " sunt in culpa qui ", "orem ipsum ", " quis nostrud ",
    " adipisicing ", " dolore eu ", " cupidatat ", "autem vel eum", "wisi enim ad", " sex ", " porn ", "黄色电影",
    "mp3", "ownload", "Vol.", " Ep.", "Episode", " шт.", "Develop", "Facebook", " crusher ", " xxx ",
)  # fmt: skip


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rules that make a sentence questionable, and the thresholds (null: off). Defaults: Dolma 3's."""

    apply: tuple[Literal[1, 2, 3, 4, 5], ...] = (2, 5)
    at_threshold: Literal["drop", "keep"] = "drop"  # a share of exactly `max_questionable`; MADLAD-400: keep
    min_sentences: Count | None = 5
    max_questionable: Share | None = 0.2
    min_case_words: Count = 12
    max_capitals: Share = 0.5
    min_characters: Count = 20
    max_characters: Count = 500
    max_technical: Share = 0.2


_COLUMNS = {
    "sentences": ("sentences", "parts between `.`, `!` or `?` followed by white space, blank ones left out"),
    "questionable": ("share of sentences", "sentences to which one of the chosen rules applies"),
    "list_case": ("share of sentences", "rule 2: mostly capitalised words"),
    "abnormal_length": ("share of sentences", "rule 3: too short or too long"),
    "technical": ("share of sentences", "rule 4: many digits and brackets"),
    "cursed": ("share of sentences", "rule 5: contains a cursed substring"),
    "consistency": ("share of sentences", "rule 1: in another language than the page"),
}
_NUMBERS = {"list_case": 2, "abnormal_length": 3, "technical": 4, "cursed": 5, "consistency": 1}


def signals(settings: Settings) -> list[Signal]:
    """The measured columns; `consistency` only if its rule is chosen."""
    return [
        Signal(f"madlad_{name}", *texts, SOURCE)
        for name, texts in _COLUMNS.items()
        if name != "consistency" or 1 in settings.apply
    ]


def rules(settings: Settings) -> list[Rule]:
    """Enough sentences, and few of them questionable."""
    compare: Literal[">", ">="] = ">=" if settings.at_threshold == "drop" else ">"
    return [
        Rule("sentences", "madlad_sentences", "<", settings.min_sentences, SOURCE),
        Rule("questionable", "madlad_questionable", compare, settings.max_questionable, SOURCE),
    ]


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """Sentences, and shares of the questionable ones by rule."""
    from filters.loops import madlad_loops
    from filters.text import layout, word_break

    sentences = madlad_loops.sentences(batch.codes, batch.bounds)
    words = word_break.of(batch, "any")
    found = madlad_loops.judged(batch.codes, sentences, words, settings, CURSED)
    if 1 in settings.apply:
        found["consistency"] = _foreign(batch, sentences, assets["lid176"].predict)
    chosen = np.zeros(len(sentences.starts), np.bool_)
    for name, marked in found.items():
        if _NUMBERS[name] in settings.apply:
            chosen |= marked
    counts = sentences.counts()
    columns = {"sentences": counts}
    for name, marked in {"questionable": chosen, **found}.items():
        columns[name] = ratio(layout.total(sentences.offsets, marked), counts)
    return {f"madlad_{name}": columns[name] for name in _COLUMNS if name in columns}


def _foreign(batch: Batch, sentences: Any, predict: Any) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which sentences the model takes for another language than their page."""
    from filters.text import layout_text

    texts = layout_text.texts(batch.codes, sentences.starts, sentences.ends)
    foreign = np.zeros(len(texts), np.bool_)
    for row, text in enumerate(batch.texts):
        first, last = int(sentences.offsets[row]), int(sentences.offsets[row + 1])
        if last > first:
            label, _ = predict(text)
            foreign[first:last] = [predict(sentence)[0] != label for sentence in texts[first:last]]
    return foreign


def assets(settings: Settings) -> tuple[str, ...]:
    """The language model, if rule 1 is chosen."""
    return ("lid176",) if 1 in settings.apply else ()


SPEC = FilterSpec(
    name="madlad",
    version=2,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    assets=assets,
    thresholds=frozenset({"min_sentences", "max_questionable", "at_threshold"}),
)
