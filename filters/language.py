"""Language by a fastText model (Joulin et al. 2016), as datatrove's `LanguageFilter` asks for it.

The model is lid.176.ftz, the quantised stand-in for lid.176.bin that a package carries, or one that the recipe names
under `models:`, such as lid.176.bin, GlotLID or OpenLID. It sees the whole text on one line. The label of the highest
probability and that probability are kept as the document's `language` and `language_score`, the label as the model has
it; blank text is `und` with score 0. A document is kept when its language is wanted and the score is above `min_score`.
For thresholds of at least one half this is the same as datatrove's test of every wanted language's probability.

Models name a language for any text. `noise` sets a share of characters that are no language (`filters.noise`) above
which a text is `zxx`, scored with that share; it is off by default, as no published recipe has it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np

from filters.batch import Batch
from filters.language_codes import NO_LANGUAGE, UNDETERMINED, code_of, names
from filters.types import FilterSpec, Rule, Share, Signal

if TYPE_CHECKING:
    from filters.models.fasttext_model import Model

Array = np.ndarray[Any, Any]

SOURCE = "fastText lid.176.ftz; datatrove LanguageFilter"
INSTALLED = "lid176"
UNSURE = (UNDETERMINED, 0.0)  # label and probability of a text that says nothing
_PREFIX = len("__label__")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Wanted languages and the score to exceed. Defaults: FineWeb's.

    A language is named as lid.176 does (`en`) or with its script (`eng_Latn`); either stands for both, whatever the
    model says. `cleaning: openlid` gives the model what OpenLID's authors give theirs: small letters alone.
    """

    model: str = INSTALLED  # or an entry of `models:`
    cleaning: Literal["none", "openlid"] = "none"
    noise: Share | None = None  # a text of more noise is `zxx`; null: never
    languages: tuple[str, ...] | None = ("en",)  # null: any
    min_score: Share | None = 0.65


def signals(settings: Settings) -> list[Signal]:
    """The document's own columns `language` and `language_score`, and its noise."""
    return [
        Signal("language", "ISO 639 code", "language of the highest probability", SOURCE),
        Signal("language_score", "probability", "of that language", SOURCE),
        Signal(
            "language_noise",
            "share of characters",
            "that are no language, white space apart",
            "filters/noise.py",
        ),
    ]


def rules(settings: Settings) -> list[Rule]:
    """Wanted language, and sure of it."""
    wanted = settings.languages
    if wanted is not None and settings.model == INSTALLED:
        wanted = tuple(dict.fromkeys(map(code_of, wanted)))
    elif wanted is not None:
        wanted = tuple(dict.fromkeys(name for language in wanted for name in names(language)))
    return [
        Rule("language", "language", "not_in", wanted, SOURCE),
        Rule("score", "language_score", "<=", settings.min_score, SOURCE),
    ]


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, Array]:
    """Label and probability of each text, and its noise."""
    from filters.noise import noise_shares

    labels, scores = identified(batch, settings.model, settings.cleaning, assets)
    noise = noise_shares(batch)
    if settings.noise is not None:
        above = noise > settings.noise
        labels, scores = np.where(above, NO_LANGUAGE, labels), np.where(above, noise, scores)
    return {"language": labels, "language_score": scores, "language_noise": noise}


def identified(batch: Batch, model: str, cleaning: str, assets: Mapping[str, Any]) -> tuple[Array, Array]:
    """Label (object) and probability (float64) of each text, found once a batch; not to be written to."""
    asked = assets[asset_of(model)]
    return batch.part(("language", model, cleaning), lambda: _identify(batch, asked, cleaning))


def _identify(batch: Batch, model: Model, cleaning: str) -> tuple[Array, Array]:
    labels = np.full(len(batch), UNDETERMINED, dtype=object)
    scores = np.zeros(len(batch))
    for row, text in enumerate(batch.texts):
        labels[row], scores[row] = label_of(text, model, cleaning)
    return labels, scores


def label_of(text: str, model: Model, cleaning: str) -> tuple[str, float]:
    """The label of a text taken as one line, without fastText's prefix, and its probability."""
    if cleaning == "openlid":
        text = openlid_cleaned(text)
    if not text or text.isspace():
        return UNSURE
    label, score = model.predict(text)
    return label[_PREFIX:] or UNDETERMINED, score


def openlid_cleaned(text: str) -> str:
    """A text as OpenLID-v2's `openlid_normer.clean_line` leaves it: letters in lower case and spaces alone."""
    line = " ".join(text.split("\n")).strip().lower()
    return _spaces().sub(" ", _no_word().sub("", line))


@functools.cache
def _no_word() -> Any:
    import re2

    # Unicode's \w without digits (UTS 18: alphabetic, marks, connectors, joiners), and separators of spaces.
    return re2.compile(r"[^\pL\pM\p{Nl}\p{Pc}\p{Zs}\x{200c}\x{200d}\x{24b6}-\x{24e9}]")


@functools.cache
def _spaces() -> Any:
    import re2

    return re2.compile(r"[\s\p{Z}][\s\p{Z}]+")


def asset_of(model: str) -> str:
    """The asset's name for the setting `model`."""
    return INSTALLED if model == INSTALLED else f"models.{model}"


def assets(settings: Settings) -> tuple[str, ...]:
    """The model."""
    return (asset_of(settings.model),)


SPEC = FilterSpec(
    name="language",
    version=3,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    assets=assets,
    thresholds=frozenset({"languages", "min_score"}),
)
