"""Documents with texts of several extractors: the first text that the filters keep is the document's.

Where they keep none, the document is dropped with the signals and for the reasons of its first text.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from filters.chain import Applied, Chain, in_order
from filters.document import OTHERS


def apply_any(chain: Chain, documents: pa.Table) -> Applied:
    """As `chain.apply`, with the texts in the column `others`, if there is one, tried for what would be dropped."""
    applied = chain.apply(documents)
    if OTHERS.name not in documents.column_names:
        return applied
    others = [texts or [] for texts in documents[OTHERS.name].to_pylist()]
    for rank in range(max(map(len, others), default=0)):
        keep = applied.verdict.keep
        rows = [row for row, texts in enumerate(others) if len(texts) > rank and not keep[row]]
        if not rows:
            continue
        tried = chain.apply(_with_texts(documents.take(rows), [others[row][rank] for row in rows]))
        won = np.asarray(rows, np.int64)[tried.verdict.keep]
        stay = np.setdiff1d(np.arange(documents.num_rows), won)
        both = in_order(
            [
                (applied.documents.take(pa.array(stay)), stay),
                (tried.documents.filter(pa.array(tried.verdict.keep)), won),
            ]
        )
        applied = Applied(both, chain.decide(both))
    return applied


def _with_texts(documents: pa.Table, texts: list[dict[str, str]]) -> pa.Table:
    for name in ("text", "extractor"):
        at = documents.schema.get_field_index(name)
        field = documents.schema.field(at)
        column = pa.array([found[name] for found in texts], field.type)
        documents = documents.set_column(at, field, column)
    return documents
