"""The tokenizer: byte-level BPE (Sennrich et al. 2016; bytes as GPT-2), trained on a sample of the corpus.

`tokenizers` trains and owns the file format. The sample is a set of documents chosen by a hash of their ids, held-out
documents excluded, so it does not depend on how the corpus was cut into shards. The only special token is
`<|endoftext|>`; where crawled text spells it, it stays ordinary text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import pyarrow.compute as pc

from pipeline.errors import UserError
from pipeline.show import show_text
from pipeline.store import Folder
from pipeline.store.parquet import iterate

END_OF_TEXT = "<|endoftext|>"
MAX_DOCUMENT = 1 << 20  # characters of one document that training looks at
MAX_VOCABULARY = 1 << 24


class TokenizeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the corpus becomes tokens."""

    # Tokens: the 256 bytes and the end-of-text token at least; training reserves room for all of them at once.
    vocabulary: Annotated[int, msgspec.Meta(ge=257, le=MAX_VOCABULARY)] = 32_768
    tokenizer: str | None = None  # path of a tokenizer.json to use instead of training one
    sample_bytes: Annotated[int, msgspec.Meta(ge=1)] = (
        1_000_000_000  # UTF-8 bytes that training looks at, at most
    )
    # Share of the documents that is never trained on, by hash of the id.
    heldout: Annotated[float, msgspec.Meta(ge=0, lt=1)] = 0.005


@dataclass(frozen=True)
class Learned:
    """A tokenizer as JSON, its largest id + 1, the id of the end-of-text token, and what it was trained on."""

    json: str
    vocabulary: int
    eos: int
    counts: dict[str, int]


def given_tokenizer(settings: TokenizeSettings) -> Path:
    """The file that the recipe names; raises UserError when it is not there."""
    path = Path(settings.tokenizer or "")
    if not path.is_file():
        raise UserError(f"tokenize.tokenizer: {show_text(path)} is no file (a Hugging Face tokenizer.json)")
    return path


def obtain(
    folder: Folder,
    files: Sequence[str],
    settings: TokenizeSettings,
    report: Callable[[Mapping[str, Any]], None],
) -> Learned:
    """Train on the corpus files, or read the tokenizer that the recipe names.

    Raises UserError when the named file is missing, holds no tokenizer, or one whose `<|endoftext|>` text can spell.
    """
    counts = {"documents": 0, "bytes": 0}
    if settings.tokenizer:
        learned = _given(given_tokenizer(settings))
    else:
        learned = _train(_sample(folder, files, settings, counts, report), settings)
    eos = learned.token_to_id(END_OF_TEXT)
    assert eos is not None
    return Learned(learned.to_str(), vocabulary_size(learned), eos, counts)


def load_tokenizer(path: Path) -> Any:
    """The tokenizer of a tokenizer.json as documents are encoded here, whatever the file says.

    It cuts and pads nothing, and special tokens that a text spells stay ordinary text. Raises ValueError for a file
    that is no tokenizer, with the library's words.
    """
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise ValueError(show_text(error)) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return tokenizer


def vocabulary_size(tokenizer: Any) -> int:
    """The largest id + 1: how many rows an embedding needs, also where some ids are not used."""
    return 1 + max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)


def _given(path: Path) -> Any:
    """The tokenizer that a recipe names, with an end-of-text token that no text can spell."""
    where = f"tokenize.tokenizer: {show_text(path)}"
    try:
        tokenizer = load_tokenizer(path)
    except ValueError as error:
        raise UserError(f"{where} is no tokenizer.json of Hugging Face ({error})") from None
    # Also where the file lists the token: one that is not special there would be matched in crawled text.
    tokenizer.add_special_tokens([END_OF_TEXT])
    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    eos = vocabulary[END_OF_TEXT]
    if vocabulary_size(tokenizer) > MAX_VOCABULARY:
        raise UserError(
            f"{where}: its largest id is {vocabulary_size(tokenizer) - 1:,}, above {MAX_VOCABULARY:,}"
        )
    if sum(number == eos for number in vocabulary.values()) > 1:
        raise UserError(f"{where}: id {eos} belongs to two tokens, give {END_OF_TEXT} one of its own")
    for text in (END_OF_TEXT, f"a{END_OF_TEXT}b"):
        if eos in tokenizer.encode(text, add_special_tokens=False).ids:
            raise UserError(f"{where}: text that spells {END_OF_TEXT} would end a document")
    return tokenizer


def _sample(
    folder: Folder,
    files: Sequence[str],
    settings: TokenizeSettings,
    counts: dict[str, int],
    report: Callable[[Mapping[str, Any]], None],
) -> Iterator[list[str]]:
    from mixes.heldout import id_rank

    total = sum(
        pc.sum(pc.binary_length(table["text"])).as_py() or 0
        for name in files
        for table in iterate(folder, name, ["text"])
    )
    share = min(1.0, settings.sample_bytes / max(total, 1))
    for name in files:
        for table in iterate(folder, name, ["id", "text"]):
            at = np.array([id_rank(one) / 2**64 for one in table["id"].to_pylist()])
            # Held-out documents have the lowest ranks; the sample is what follows them.
            chosen = (at >= settings.heldout) & (at < settings.heldout + share * (1 - settings.heldout))
            texts = [text[:MAX_DOCUMENT] for text in table["text"].filter(np.asarray(chosen)).to_pylist()]
            counts["documents"] += len(texts)
            counts["bytes"] += sum(len(text.encode()) for text in texts)
            report({"documents": counts["documents"]})
            yield texts


def _train(batches: Iterator[list[str]], settings: TokenizeSettings) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    learned = Tokenizer(models.BPE())
    learned.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    learned.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=settings.vocabulary,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    learned.train_from_iterator(batches, trainer)
    return learned
