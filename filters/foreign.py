"""Any filter of datatrove as a filter here, so that users keep their own: `datatrove: {use: [...]}`.

A datatrove filter is an object whose `filter(document)` returns a decision, with or without a reason, and may change
`document.text`. The adapter calls it document by document, in the order of `use`, each on the text as the one before
left it, and stores the decision as a column, so that `why`, statistics and retuning treat it like any other rule. What
a filter writes into `document.metadata` is not kept. An exception of a filter keeps the document and is counted in
`datatrove_<name>_error`.

The objects arrive loaded (`pipeline/foreign.py` imports the class); the cost is the filter's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from filters.batch import Batch
from filters.types import FilterSpec, Rule, Signal

SOURCE = "datatrove.pipeline.filters.base_filter.BaseFilter"
ASSET = "datatrove:"  # begins the asset's name; a `Use` as JSON follows


class Use(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One filter of datatrove, or of the user's own that has its interface."""

    filter: str  # a class of datatrove.pipeline.filters, or `package.module.Class`
    arguments: dict[str, Any] = {}
    name: str = ""  # of its columns and its rule; default: the class in lower case

    @property
    def label(self) -> str:
        """The name of columns and rule."""
        return self.name or self.filter.rpartition(".")[2].lower()

    def __hash__(self) -> int:
        return hash(msgspec.json.encode(self, order="sorted"))


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which filters, in which order."""

    use: tuple[Use, ...] = ()

    def __post_init__(self) -> None:
        names = [use.label for use in self.use]
        for name in names:
            if not name.replace("_", "").isalnum() or not name.isascii():
                raise ValueError(f"a name of letters, digits and `_` is needed, not {name!r}")
            if names.count(name) > 1:
                raise ValueError(f"{name!r} is named twice: give one of them a `name`")


def signals(settings: Settings) -> list[Signal]:
    """Decision, reason and error of every filter."""
    found = []
    for use in settings.use:
        column = f"datatrove_{use.label}"
        found += [
            Signal(f"{column}_drops", "0 or 1", f"{use.filter} drops the document", SOURCE),
            Signal(
                f"{column}_reason", "label", f"the reason that {use.filter} gives, empty without one", SOURCE
            ),
            Signal(f"{column}_error", "0 or 1", f"{use.filter} raised an exception", SOURCE),
        ]
    return found


def rules(settings: Settings) -> list[Rule]:
    """Each filter's decision."""
    return [Rule(use.label, f"datatrove_{use.label}_drops", "==", 1, SOURCE) for use in settings.use]


def _judged(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    from datatrove.data import Document
    from datatrove.pipeline.filters.base_filter import get_filter_result

    texts = list(batch.texts)
    columns: dict[str, Any] = {}
    for use, asset in zip(settings.use, assets_of(settings), strict=True):
        there = assets[asset]
        drops, errors = np.zeros(len(batch), np.int64), np.zeros(len(batch), np.int64)
        reasons = np.full(len(batch), "", dtype=object)
        for row, text in enumerate(texts):
            document = Document(text=text, id=batch.ids[row], metadata={"url": batch.urls[row]})
            try:
                keep, reason = get_filter_result(there.filter(document))
            except Exception:
                errors[row] = 1
                continue
            drops[row], reasons[row] = int(not keep), str(reason or "")
            texts[row] = document.text
        column = f"datatrove_{use.label}"
        columns |= {f"{column}_drops": drops, f"{column}_reason": reasons, f"{column}_error": errors}
    return columns, texts


def measure(batch: Batch, settings: Settings, assets: Mapping[str, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """What each filter decides of each text."""
    columns, texts = _judged(batch, settings, assets)
    batch.part(("datatrove", settings), lambda: texts)
    return columns


def edit(batch: Batch, settings: Settings) -> list[str]:
    """The texts as the filters left them."""
    return batch.part(("datatrove", settings), list)


def assets_of(settings: Settings) -> tuple[str, ...]:
    """The filters, each as a name that says which and with what."""
    return tuple(ASSET + msgspec.json.encode(use, order="sorted").decode() for use in settings.use)


SPEC = FilterSpec(
    name="datatrove",
    version=1,
    settings=Settings,
    signals=signals,
    rules=rules,
    measure=measure,
    assets=assets_of,
    edit=edit,
    edits_what_it_measured=True,
)
