"""The stages of the road, in order. `report` follows the last of them and is no stage: it only reads the ledger.

The three stages that cut repeated lines stand where a recipe says: `pipeline.road.order_of`.
"""

from __future__ import annotations

from pipeline.stages import calibrate, corpus, extract, filter, ids, learn, robots, tokens
from pipeline.stages.duplicates.components import COMPONENTS
from pipeline.stages.duplicates.dedup import DEDUP
from pipeline.stages.duplicates.lines import CUT_LINES, LINE_KEYS, REPEATED_LINES
from pipeline.stages.duplicates.members import MEMBERS
from pipeline.stages.duplicates.signatures import GROUPS, SIGNATURES
from pipeline.stages.duplicates.verify import VERIFY
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
        SIGNATURES,
        GROUPS,
        COMPONENTS,
        MEMBERS,
        VERIFY,
        DEDUP,
        LINE_KEYS,
        REPEATED_LINES,
        CUT_LINES,
        corpus.STAGE,
        tokens.TOKENIZER,
        tokens.TOKENS,
        learn.TRAIN,
        learn.ANNEAL,
        learn.EVAL,
    )
}

__all__ = ["STAGES", "Stage"]
