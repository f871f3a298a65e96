"""The stages of the road, in order. `report` follows the last of them and is no stage: it only reads the ledger."""

from __future__ import annotations

from pipeline.stages import calibrate, corpus, dedup, extract, filter, ids, learn, robots, tokens
from pipeline.stages.stage import Stage

STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        ids.STAGE,
        extract.STAGE,
        robots.ROBOTS_STAGE,
        robots.HOSTS,
        calibrate.SAMPLE,
        calibrate.CALIBRATE,
        filter.STAGE,
        dedup.SIGNATURES,
        dedup.DEDUP,
        corpus.STAGE,
        tokens.TOKENIZER,
        tokens.TOKENS,
        learn.TRAIN,
        learn.ANNEAL,
        learn.EVAL,
    )
}

__all__ = ["STAGES", "Stage"]
