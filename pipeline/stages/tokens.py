"""Stages `tokenizer` and `tokens`: learn byte-pair merges from the corpus, then encode it into token shards."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa

from pipeline.ledger import Input
from pipeline.stages.stage import Attempt, Planning, Shard, Stage
from pipeline.stages.tables import all_in_one, one_to_one, read_batches

if TYPE_CHECKING:
    from pipeline.recipe import Recipe


def tokenizer_settings(recipe: Recipe) -> object:
    """Vocabulary, pre-tokenizer, sample, and what is held out of training."""
    tokenize = msgspec.to_builtins(recipe.tokenize)
    if recipe.tokenize.tokenizer:
        from pipeline.store import sha256_file
        from pipeline.tokenizer import given_tokenizer

        tokenize["tokenizer"] = sha256_file(given_tokenizer(recipe.tokenize))
    return {"tokenize": tokenize, "tokenizers": version("tokenizers")}


def plan_tokenizer(planning: Planning) -> list[Shard]:
    """One shard over the whole corpus."""
    source, under = planning.documents("tokenizer")
    return all_in_one(planning, "all", [(one.shard, out) for one, out in planning.outputs(source, under)])


def run_tokenizer(shard: Shard, attempt: Attempt) -> None:
    """Train on a sample of the training documents (or take the tokenizer that the recipe names)."""
    from pipeline import tokenizer

    result = tokenizer.obtain(
        attempt.folder, shard.parameters["files"], attempt.recipe.tokenize, attempt.report
    )
    path = attempt.scratch / "tokenizer.json"
    path.write_text(result.json, encoding="utf-8")
    attempt.add_file(path, "tokenizer", "tokenizer.json", addressed=False)
    attempt.values = {"vocabulary": result.vocabulary, "eos": result.eos}
    attempt.counts.update(result.counts)
    attempt.documents = result.counts.get("documents", 0)


def tokens_settings(recipe: Recipe) -> object:
    """As for the tokenizer: who is held out is decided here."""
    return tokenizer_settings(recipe)


def plan_tokens(planning: Planning) -> list[Shard]:
    """One shard a shard of the corpus; the tokenizer is an input of each."""
    receipt = planning.ledger.closed("tokenizer")[0]
    output = receipt.outputs[0]
    learned = {
        "tokenizer": output.name,
        "eos": receipt.values["eos"],
        "vocabulary": receipt.values["vocabulary"],
    }
    return [
        Shard(
            name=shard.name,
            inputs=[*shard.inputs, Input(name="tokenizer", digest=output.sha256)],
            parameters={**shard.parameters, **learned},
        )
        for shard in one_to_one(planning, "tokens")
    ]


def run_tokens(shard: Shard, attempt: Attempt) -> None:
    """Encode one shard of the corpus."""
    from pipeline.tokens import encode_shard

    columns = ["id", "text"]
    tables = list(read_batches(attempt, shard, 1024))
    if "domain" in tables[0].schema.names:
        columns.append("domain")
    documents = pa.concat_tables([table.select(columns) for table in tables])
    done = encode_shard(documents, attempt, shard)
    for path in done.paths:
        attempt.add_file(path, "tokens", f"{shard.name}{path.suffix}", rows=done.documents)
    attempt.counts.update({"in": documents.num_rows})
    attempt.count("tokens", done.tokens)
    for split, by_domain in done.by_domain.items():
        attempt.count(f"{split}_by_domain", by_domain)
    attempt.documents = documents.num_rows


TOKENIZER = Stage(
    name="tokenizer",
    version=2,
    folders=("tokenizer",),
    settings=tokenizer_settings,
    plan=plan_tokenizer,
    run=run_tokenizer,
    needed=True,
)
TOKENS = Stage(
    name="tokens",
    version=2,
    folders=("tokens",),
    settings=tokens_settings,
    plan=plan_tokens,
    run=run_tokens,
    needed=True,  # without one of its shards a mix would differ and not say so
)
