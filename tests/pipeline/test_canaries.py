"""Every rule that NeMo Curator's, the code and the dirty filter have on has a canary that it drops."""

from __future__ import annotations

import pytest

from filters.chain import Chain, chain_steps
from filters.document import from_rows
from pipeline.canaries import PLAIN, TEXTS, URL


@pytest.mark.parametrize("name", ["nemo", "code", "dirty"])
def test_every_rule_drops_its_canary(name: str) -> None:
    chain = Chain(chain_steps([name]))
    active = [rule for rule, one in chain.rules if one.threshold is not None and rule.startswith(name)]
    rows = [{"id": rule, "url": URL, "text": TEXTS[rule]()} for rule in active]
    for rule, reasons in zip(active, chain.apply(from_rows(rows)).verdict.reasons.to_pylist(), strict=True):
        assert rule in reasons


def test_prose_passes_all_but_rules_for_code() -> None:
    for name, reasons in (("nemo", []), ("dirty", []), ("code", ["code.long_lines"])):
        chain = Chain(chain_steps([name]))
        verdict = chain.apply(from_rows([{"id": "x", "url": URL, "text": PLAIN}])).verdict
        assert verdict.reasons.to_pylist() == [reasons]


def test_a_condition_keeps_rules_for_code_off_prose() -> None:
    chain = Chain(chain_steps([{"code": {"when": "code_code_share > 0.5"}}]))
    rows = [
        {"id": "prose", "url": URL, "text": PLAIN},
        {"id": "code", "url": URL, "text": "total = boats + ropes\n" * 20 + "total = boats + ropes + " * 60},
    ]
    verdict = chain.apply(from_rows(rows)).verdict
    assert verdict.keep.tolist() == [True, False]
