"""A tokenizer that the recipe names: it loses no text, and no text ends a document."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from pipeline.errors import UserError
from pipeline.store import open_folder
from pipeline.tokenizer import END_OF_TEXT, Learned, TokenizeSettings, load_tokenizer, obtain, vocabulary_size
from pipeline.tokens import encode

LONG = "one two three four five six seven eight nine ten " * 40
Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def plain() -> str:
    """The JSON of a byte-level tokenizer of 300 tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=270, special_tokens=[END_OF_TEXT], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([LONG], trainer)
    return str(tokenizer.to_str())


def given(plain: str, folder: Path, change: Change) -> Learned:
    written = json.loads(plain)
    change(written)
    path = folder / "given.json"
    path.write_text(json.dumps(written))
    kept = TokenizeSettings(tokenizer=str(path))
    return obtain(open_folder(str(folder / "run")), [], kept, lambda _: None)


def loaded(learned: Learned, folder: Path) -> Any:
    path = folder / "tokenizer.json"
    path.write_text(learned.json)
    return load_tokenizer(path)


def _cut(written: dict[str, Any]) -> None:
    tokenizer = Tokenizer.from_str(json.dumps(written))
    tokenizer.enable_truncation(16)
    tokenizer.enable_padding(length=4096, pad_token=END_OF_TEXT)
    written.update(json.loads(tokenizer.to_str()))
    assert written["truncation"]
    assert written["padding"]


def _ordinary(written: dict[str, Any]) -> None:
    written["added_tokens"][0]["special"] = False


def _without_end(written: dict[str, Any]) -> None:
    written["added_tokens"] = []
    vocabulary = written["model"]["vocab"]
    vocabulary[max(vocabulary, key=vocabulary.__getitem__)] = vocabulary.pop(END_OF_TEXT)


def _gap(written: dict[str, Any]) -> None:
    written["model"]["vocab"][END_OF_TEXT] = 5000
    written["added_tokens"][0]["id"] = 5000


@pytest.mark.parametrize("change", [_cut, _ordinary, _gap, lambda written: None])
def test_a_given_tokenizer_loses_no_text_and_ends_no_document(
    plain: str, tmp_path: Path, change: Change
) -> None:
    learned = given(plain, tmp_path, change)
    written = json.loads(learned.json)
    assert written["truncation"] is None
    assert written["padding"] is None
    tokenizer = loaded(learned, tmp_path)
    texts = [LONG, f"a page that spells {END_OF_TEXT} goes on", "short", ""]
    ids = encode(tokenizer, texts)
    assert [tokenizer.decode(one, skip_special_tokens=False) for one in ids] == texts
    assert all(learned.eos not in one for one in ids)
    assert all(0 <= number < learned.vocabulary for one in ids for number in [*one, learned.eos])


def test_the_vocabulary_reaches_to_the_largest_id(plain: str, tmp_path: Path) -> None:
    learned = given(plain, tmp_path, _gap)
    assert (learned.eos, learned.vocabulary) == (5000, 5001)
    assert vocabulary_size(loaded(learned, tmp_path)) == 5001
    whole = given(plain, tmp_path, lambda written: None)
    assert whole.vocabulary == Tokenizer.from_str(plain).get_vocab_size()


def test_a_tokenizer_without_an_end_gets_one(plain: str, tmp_path: Path) -> None:
    learned = given(plain, tmp_path, _without_end)
    assert learned.vocabulary > learned.eos
    assert learned.eos not in encode(loaded(learned, tmp_path), [END_OF_TEXT])[0]


def test_an_end_that_cannot_be_one_is_refused(plain: str, tmp_path: Path) -> None:
    def collide(written: dict[str, Any]) -> None:
        written["added_tokens"] = []
        del written["model"]["vocab"][END_OF_TEXT]  # the library numbers a new token by how many there are

    with pytest.raises(UserError, match=r"given\.json: id \d+ belongs to two tokens"):
        given(plain, tmp_path, collide)

    def huge(written: dict[str, Any]) -> None:
        written["model"]["vocab"]["zzz"] = 1 << 30

    with pytest.raises(UserError, match=r"its largest id is 1,073,741,824, above 16,777,216"):
        given(plain, tmp_path, huge)
    with pytest.raises(UserError, match=r"given\.json is no tokenizer\.json"):
        given("{}", tmp_path, lambda written: None)
