"""Stage `corpus`: what a model may see. Duplicates out, personal data masked, a domain for every document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.stages.duplicates.cuts import by_shard, read_cuts, with_cuts, with_lists
from pipeline.stages.stage import Attempt, Planning, Shard, Stage
from pipeline.stages.tables import one_to_one, read_batches
from pipeline.store.parquet import read_table

if TYPE_CHECKING:
    from filters.pii import Masked, Settings
    from pipeline.recipe import Recipe


def settings(recipe: Recipe) -> object:
    """What is masked and how, and the versions of masking and labelling."""
    from filters import domain, pii

    return {
        "pii": None if recipe.pii is None else pii.resolved(recipe.pii),
        "pii_version": pii.VERSION,
        "domain_version": domain.VERSION,
    }


def plan(planning: Planning) -> list[Shard]:
    """One shard a shard of documents, with the lists of its duplicates and cut lines if the recipe looks for any."""
    shards = with_cuts(planning, "corpus", one_to_one(planning, "corpus"))
    for stage, under, name in (
        ("dedup", "duplicates", "duplicates"),
        ("dedup", "clusters", "clusters"),
        ("cut_lines", "duplicates", "emptied"),
    ):
        if stage in planning.active and (lists := by_shard(planning, stage, under)):
            shards = with_lists(shards, lists, name)
    return shards


def _clustered(table: pa.Table, clusters: pa.Table) -> pa.Table:
    """With the cluster that each document stands for, null where it is alone, and of how many documents."""
    at = pc.index_in(table["id"].combine_chunks(), value_set=clusters["id"].combine_chunks())
    sizes = pc.fill_null(clusters["size"].combine_chunks().take(at), 1)
    table = table.append_column("duplicate_cluster", clusters["cluster"].combine_chunks().take(at))
    return table.append_column("duplicate_cluster_size", sizes)


class Finish(Protocol):
    """What is made of texts that no duplicate is among."""

    def masked(self, table: pa.Table, settings: Settings) -> Masked:
        """The texts of some documents masked."""

    def labels(self, table: pa.Table) -> pa.Array:
        """The domain of documents whose texts are masked, strings."""


class FromTexts:
    """All of it from the texts themselves."""

    def masked(self, table: pa.Table, settings: Settings) -> Masked:
        """See `filters.pii.apply`."""
        from filters import pii

        return pii.apply(table["text"].combine_chunks(), settings)

    def labels(self, table: pa.Table) -> pa.Array:
        """See `filters.domain.label`."""
        from filters import domain

        return domain.label(table)


def run(shard: Shard, attempt: Attempt) -> None:
    """Drop duplicates, mask text and title, label."""
    finish_all(shard, attempt, FromTexts())


def finish_all(shard: Shard, attempt: Attempt, finish: Finish) -> None:
    """Write what the stage publishes of a shard, with masks and labels from `finish`."""
    from filters.extracted import total_bytes

    lists = [name for kind in ("duplicates", "emptied") for name in shard.parameters.get(kind, ())]
    removed = [read_table(attempt.folder, name, ["id"])["id"] for name in lists]
    repeated = pa.concat_arrays([pa.array([], pa.string()), *(column.combine_chunks() for column in removed)])
    cut = read_cuts(attempt, shard)
    clusters = [read_table(attempt.folder, name) for name in shard.parameters.get("clusters", ())]
    for table in read_batches(attempt, shard, 1024):
        attempt.counts.update({"in": table.num_rows, "in_bytes": total_bytes(table["text"])})
        if len(repeated):
            table = table.filter(pc.invert(pc.is_in(table["id"], value_set=repeated)))
        table = cut(table)
        if clusters:
            table = _clustered(table, clusters[0])
        text, title = (table[name].combine_chunks() for name in ("text", "title"))
        if attempt.recipe.pii is not None:
            texts = finish.masked(table, attempt.recipe.pii)
            table, text, title = _masked(table, texts, title, attempt, attempt.recipe.pii)
        for name, column in (("text", text.cast(pa.large_string())), ("title", title)):
            table = table.set_column(table.schema.get_field_index(name), name, column)
        if "domain" in table.column_names:  # by the filter of that name
            labels = table["domain"].combine_chunks()
        else:
            labels = finish.labels(table)
            table = table.append_column("domain", labels.cast(pa.string()))
        attempt.write("corpus", table)
        attempt.count("domains", _by_domain(labels))
        attempt.counts.update({"out": table.num_rows, "bytes": total_bytes(text)})
        attempt.documents += table.num_rows
        attempt.report({"documents": attempt.documents})


def _masked(
    table: pa.Table, texts: Masked, title: pa.Array, attempt: Attempt, settings: Settings
) -> tuple[pa.Table, pa.Array, pa.Array]:
    """Text and title masked, and the table with a count for each kind of both and the places in the masked text.

    A count that a filter of the same name measured before is replaced.
    """
    from filters import pii

    titles = pii.apply(title, settings)
    columns = {
        f"pii_{kind}": pa.array(texts.found[kind] + titles.found[kind], pa.int32()) for kind in pii.KINDS
    }
    columns["pii_spans"] = texts.spans
    for name, values in columns.items():
        at = table.schema.get_field_index(name)
        table = table.append_column(name, values) if at < 0 else table.set_column(at, name, values)
    for name, one, two in (
        ("masked", texts.masks, titles.masks),
        ("personal_data", texts.found, titles.found),
    ):
        attempt.count(name, {kind: int(one[kind].sum() + two[kind].sum()) for kind in one})
    return table, texts.texts, titles.texts


def _by_domain(labels: pa.Array) -> dict[str, int]:
    return {entry["values"]: entry["counts"] for entry in pc.value_counts(labels).to_pylist()}


STAGE = Stage(name="corpus", version=5, folders=("corpus",), settings=settings, plan=plan, run=run)
