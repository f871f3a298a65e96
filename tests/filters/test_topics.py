"""Topics are the model's labels, and recipes keep and drop them by name."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from filters.chain import Chain, asset_names, chain_steps
from filters.document import from_rows
from filters.models.fasttext_model import Model
from tests.filters.classifiers import classifier, text

ROWS: list[dict[str, object]] = [
    {"id": letter, "url": "", "text": text({letter: 1.0}, 20, seed) if letter else ""}
    for seed, letter in enumerate(["a", "b", "d", ""])
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    path = classifier(tmp_path_factory.mktemp("model") / "t.bin", {"law": "a", "art": "b", "sea": "d"})
    return Model(path.read_bytes())


def test_topics_are_labels_and_rules_name_them(model: Model) -> None:
    def reasons(**values: Any) -> list[str | None]:
        steps = chain_steps([{"topics": {"model": "t", **values}}])
        assert asset_names(steps) == ["models.t"]
        found = Chain(steps, {"models.t": model}).apply(from_rows(ROWS))
        assert found.documents["topics_topic"].to_pylist()[:3] == ["law", "art", "sea"]
        for row, score in zip(ROWS, found.documents["topics_score"].to_pylist(), strict=True):
            assert score == model.predict(str(row["text"]))[1]
        stored: list[str | None] = Chain(steps).decide(found.documents).reason.to_pylist()
        assert stored == found.verdict.reason.to_pylist()
        return stored[:3]

    assert reasons() == [None, None, None]
    assert reasons(keep=["law", "sea"]) == [None, "topics.keep", None]
    assert reasons(drop=["law", "sea"]) == ["topics.drop", None, "topics.drop"]
    assert reasons(min_score=1.0).count("topics.score") >= 2


def test_no_documents_have_the_same_columns(model: Model) -> None:
    chain = Chain(chain_steps([{"topics": {"model": "t"}}]), {"models.t": model})
    empty = chain.apply(from_rows([])).documents
    assert empty.schema == chain.apply(from_rows(ROWS)).documents.schema
    assert empty.schema.field("topics_topic").type == pa.string()
