"""Toxic and adult language by fastText classifiers, of whole texts and of their sentences, as Dolma applies them.

Dolma judges every sentence with two models that were trained on the Jigsaw comments, hate speech and NSFW, and removes
the sentences with a probability of 0.4 or more from the text. Any fastText classifier serves, published or trained here
from labelled texts; `label` is the one whose probability counts. All is measured; `remove_spans` turns the removal on.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from filters.batch import Batch, ratio
from filters.models.fasttext_text import one_line
from filters.types import FilterSpec, Rule, Share, Signal

if TYPE_CHECKING:
    from filters.text.layout import Parts

Array = np.ndarray[Any, Any]

SOURCE = "Dolma section 4.3; jigsaw_hatespeech_sentence_v2, jigsaw_nsfw_sencence_v2"  # as Dolma spells it


class Judge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A classifier, and which of its labels is the bad one."""

    model: str  # an entry under `models:`, of kind fasttext
    label: str  # with `__label__` or without


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The classifiers by their names in columns, what is judged, and what drops a page (by name)."""

    models: dict[str, Judge] = {}
    unit: Literal["sentence", "line"] = "sentence"
    span_score: Share = 0.4  # from which probability a sentence is a toxic one
    remove_spans: Share | None = None  # from which probability by any model a sentence is removed; Dolma: 0.4
    max_document: dict[str, Share] = {}  # the largest probability of the whole text that is kept
    max_share: dict[str, Share] = {}  # the largest share of characters in toxic sentences that is kept

    def __post_init__(self) -> None:
        for key in ("max_document", "max_share"):
            if unknown := sorted(set(getattr(self, key)) - set(self.models)):
                raise ValueError(f"expected `{key}` to name some of `models`, got {unknown[0]!r}")


_COLUMNS = {
    "document": ("probability", "of the whole text"),
    "max": ("probability", "the largest of a sentence"),
    "mean": ("probability", "the mean over sentences"),
    "share": ("share of characters", "in sentences of at least `span_score`, of those in sentences"),
}


def signals(settings: Settings) -> list[Signal]:
    """The measured columns."""
    return [
        Signal(f"toxicity_{name}_{measure}", *texts, SOURCE)
        for name in settings.models
        for measure, texts in _COLUMNS.items()
    ]


def rules(settings: Settings) -> list[Rule]:
    """Two rules a model."""
    found = []
    for name in settings.models:
        most, share = settings.max_document.get(name), settings.max_share.get(name)
        found += [
            Rule(name, f"toxicity_{name}_document", ">", most, SOURCE),
            Rule(f"{name}_share", f"toxicity_{name}_share", ">", share, SOURCE),
        ]
    return found


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, Array]:
    """The probabilities of texts and their sentences: each text is judged twice, some 2 ms a model of word pairs."""
    from filters.text import layout

    parts = _parts(batch, settings)
    counts = parts.counts()
    lengths = parts.lengths()
    of_text = layout.total(parts.offsets, lengths)
    worst = np.zeros(len(lengths))
    found: dict[str, Array] = {}
    for name, judge in settings.models.items():
        model = assets[f"models.{judge.model}"]
        whole = np.array([_score(model, text, judge.label) for text in batch.texts], np.float64)
        scores = np.array([_score(model, text, judge.label) for text in _texts(batch, parts)], np.float64)
        worst = np.maximum(worst, scores)
        toxic = np.where(scores >= settings.span_score, lengths, 0)
        largest = np.zeros(len(batch))
        np.maximum.at(largest, np.repeat(np.arange(len(batch)), counts), scores)
        values = (
            whole,
            largest,
            ratio(layout.total(parts.offsets, scores), counts),
            ratio(layout.total(parts.offsets, toxic), of_text),
        )
        found.update(
            {f"toxicity_{name}_{column}": value for column, value in zip(_COLUMNS, values, strict=True)}
        )
    batch.part(_key(settings), lambda: worst)
    return found


def edit(batch: Batch, settings: Settings) -> list[str]:
    """The texts without the sentences that a model gives `remove_spans` or more, and without lines that they leave."""
    texts = list(batch.texts)
    if settings.remove_spans is None:
        return texts
    parts = _parts(batch, settings)
    worst = batch.part(_key(settings), _unmeasured)
    row_of = np.repeat(np.arange(len(batch)), parts.counts())
    removed: dict[int, list[tuple[int, int]]] = {}
    for place in np.flatnonzero(worst >= settings.remove_spans).tolist():
        row = int(row_of[place])
        first = int(batch.bounds[row])
        removed.setdefault(row, []).append((int(parts.starts[place]) - first, int(parts.ends[place]) - first))
    for row, spans in removed.items():
        texts[row] = _without(texts[row], spans)
    return texts


def _key(settings: Settings) -> Hashable:
    return ("toxicity", settings.unit, *settings.models.items())


def _unmeasured() -> Array:
    raise ValueError("sentences are removed by scores: measure a batch before it is edited")


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    """A text without some spans, none over a line end, without what they leave blank of a line, and such lines."""
    kept, position = [], 0
    for start, end in [*spans, (len(text), len(text))]:
        kept.append(text[position:start])
        position = end
        while position < len(text) and text[position] in " \t":
            position += 1
    lines = zip(text.split("\n"), "".join(kept).split("\n"), strict=True)
    return "\n".join(
        new if old == new else new.rstrip() for old, new in lines if old == new or new.strip()
    ).strip()


def _parts(batch: Batch, settings: Settings) -> Parts:
    from filters.text import layout
    from filters.text.sentence_breaks import sentence_parts

    def lines() -> Parts:
        whole = layout.stripped(batch.codes, batch.lines)
        some = whole.ends > whole.starts
        offsets = np.concatenate([[0], np.cumsum(layout.total(whole.offsets, some))]).astype(np.int64)
        return layout.Parts(offsets, whole.starts[some], whole.ends[some])

    if settings.unit == "line":
        return batch.part("filled_lines", lines)
    return batch.part("unicode_sentences", lambda: sentence_parts(batch.codes, batch.bounds))


def _texts(batch: Batch, parts: Parts) -> list[str]:
    """The text of each part."""
    found = []
    for row, text in enumerate(batch.texts):
        first = int(batch.bounds[row])
        places = slice(int(parts.offsets[row]), int(parts.offsets[row + 1]))
        found += [
            text[start - first : end - first]
            for start, end in zip(parts.starts[places].tolist(), parts.ends[places].tolist(), strict=True)
        ]
    return found


def _score(model: Any, text: str, label: str) -> float:
    """The probability of a label for a text as one line, in the form that classifiers see; 0 for a blank one."""
    line = one_line(text).strip()
    return float(model.score(line, label)) if line else 0.0


def needed(settings: Settings) -> tuple[str, ...]:
    """The models."""
    return tuple(dict.fromkeys(f"models.{judge.model}" for judge in settings.models.values()))


def fits(settings: Settings, assets: Mapping[str, Any]) -> None:
    """ValueError where a model has not the label that is asked for."""
    for name, judge in settings.models.items():
        try:
            assets[f"models.{judge.model}"].place(judge.label)
        except KeyError as error:
            raise ValueError(f"models.{name}.label: {error.args[0]}") from None


SPEC = FilterSpec(
    name="toxicity",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    assets=needed,
    edit=edit,
    thresholds=frozenset({"max_document", "max_share"}),
    edits_what_it_measured=True,
    fits=fits,
    example=Settings(
        models={"hate": Judge(model="hate", label="toxic"), "nsfw": Judge(model="nsfw", label="nsfw")}
    ),
)
