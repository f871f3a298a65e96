"""Decisions, first reasons and edited texts are datatrove's, filter by filter, on the same real texts."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from benchmarks.compare_datatrove import REASONS
from filters.chain import Chain, chain_steps
from filters.document import from_rows
from filters.text.words import WordSplitter


def theirs(name: str, **values: Any) -> Any:
    from datatrove.pipeline import filters

    return {
        "gopher_repetition": filters.GopherRepetitionFilter,
        "gopher_quality": filters.GopherQualityFilter,
        "c4": filters.C4QualityFilter,
        "fineweb": filters.FineWebQualityFilter,
    }[name](**values)


@pytest.mark.parametrize(
    ("name", "ours", "settings"),
    [
        ("gopher_repetition", {}, {}),
        ("gopher_quality", {}, {}),
        ("c4", {}, {"filter_no_terminal_punct": False}),
        ("c4", {"filter_no_terminal_punct": True}, {}),
        ("fineweb", {}, {}),
    ],
)
def test_same_decisions_on_the_same_text(
    splitter: WordSplitter,
    real_texts: list[tuple[str, str]],
    name: str,
    ours: dict[str, Any],
    settings: dict[str, Any],
) -> None:
    from datatrove.data import Document
    from datatrove.pipeline.filters.base_filter import get_filter_result

    oracle = theirs(name, **settings)
    chain = Chain(chain_steps([{name: ours}]))
    chain._splitter = splitter
    texts = [text[:8000] for _, text in real_texts if text.strip()]
    applied = chain.apply(from_rows([{"id": str(i), "text": text} for i, text in enumerate(texts)]))
    edited: pa.ChunkedArray = applied.documents["text"]
    outcomes = set()
    for row, text in enumerate(texts):
        document = Document(text=text, id="")
        keep, reason = get_filter_result(oracle.filter(document))
        assert bool(keep) == applied.verdict.keep[row], (row, reason, applied.verdict.reasons[row])
        if keep:
            assert edited[row].as_py() == document.text
        elif name != "c4":  # there, one line's mark comes before another rule's
            assert applied.verdict.reason[row].as_py() == f"{name}.{REASONS.get(reason, reason)}"
        outcomes.add(bool(keep))
    assert outcomes == {True, False}
