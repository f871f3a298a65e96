"""The filter `pii`: counts as signals, Dolma's rule on their sum."""

from __future__ import annotations

import numpy as np
import pytest

from filters import FILTERS
from filters.batch import Batch
from filters.decide import decide
from filters.pii import KINDS

SPEC = FILTERS["pii"]


def columns(texts: list[str]) -> dict[str, list[int]]:
    found = SPEC.measure(Batch(texts), SPEC.settings(), {})
    assert all(values.dtype == np.int64 for values in found.values())
    return {name: values.tolist() for name, values in found.items()}


def test_every_signal_is_measured() -> None:
    text = "a@b.org and c@d.org, 9.9.9.9, tel 212-736-5000, SSN 219-45-1123, card 4111111111111111"
    found = columns([text, "", "nothing here"])
    assert list(found) == [signal.column for signal in SPEC.signals(SPEC.settings())]
    assert {name: values for name, values in found.items() if any(values)} == {
        "pii_emails": [2, 0, 0],
        "pii_phones": [1, 0, 0],
        "pii_ips": [1, 0, 0],
        "pii_cards": [1, 0, 0],
        "pii_ssns": [1, 0, 0],
        "pii_hits": [4, 0, 0],  # what Dolma counts: e-mail, telephone, IP
    }
    assert {f"pii_{kind}" for kind in KINDS} | {"pii_hits"} == set(found)
    assert columns([]) == {name: [] for name in found}


@pytest.mark.parametrize(
    ("most", "kept"), [(None, [True, True, True]), (5, [True, True, False]), (0, [True, False, False])]
)
def test_dolmas_rule(most: int | None, kept: list[bool]) -> None:
    texts = ["", " ".join(f"a{i}@b.org" for i in range(5)), " ".join(f"a{i}@b.org" for i in range(6))]
    settings = SPEC.settings(max_hits=most)
    measured = SPEC.measure(Batch(texts), settings, {})
    rules = [(f"pii.{rule.name}", rule) for rule in SPEC.rules(settings)]
    assert decide(rules, measured, 3).keep.tolist() == kept
    assert SPEC.thresholds == {"max_hits"}


def test_spans_show_the_hits() -> None:
    text = "card 4111111111111111, a@b.org, 9.9.9.9"
    spans = SPEC.spans(text, "hits", SPEC.settings())
    assert [text[start:end] for start, end in spans] == ["a@b.org", "9.9.9.9"]
    assert SPEC.spans(text, "other", SPEC.settings()) == []
