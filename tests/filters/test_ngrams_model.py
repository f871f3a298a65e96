"""N-gram models: scores, training, files."""

from __future__ import annotations

import math
import random
from collections import Counter
from typing import Any

import numpy as np
import pytest

from filters.models.arpa import ArpaError, read_arpa
from filters.models.ngram_model import NgramModel, read_model
from filters.models.ngram_training import estimated, train_ngrams
from filters.models.tensors_file import TensorsError, pack, unpack
from tests.growth import assert_linear

ARPA = """\
\\data\\
ngram 1=5
ngram 2=5
ngram 3=2

\\1-grams:
-99\t<s>\t-0.5
-1.25\t</s>
-0.75\ta\t-0.25
-0.875\tb\t-0.125
-1.5\tça

\\2-grams:
-0.25\t<s> a\t-0.0625
-0.5\ta b\t-0.375
-0.625\tb a
-0.125\ta </s>
-1\tb b\t-0.75

\\3-grams:
-0.0625\t<s> a b
-0.03125\ta b a

\\end\\
"""
WITH_UNKNOWN = ARPA.replace("ngram 1=5", "ngram 1=6").replace("-99\t<s>", "-2\t<unk>\n-99\t<s>")


# Scores of kenlm 0.3.0 for the same model, which are also the sums by hand.
@pytest.mark.parametrize(
    ("text", "without", "with_unknown"),
    [
        ("a", -0.4375, -0.4375),  # <s> a; after it, back-off of `<s> a` and `a </s>`
        ("b", -2.75, -2.75),
        ("a b", -2.0625, -2.0625),
        ("a b a", -0.46875, -0.46875),
        ("b b b a", -5.625, -5.625),
        ("ça a b", -5.0, -5.0),
        ("z", -101.75, -3.75),
        ("a z b", -102.8125, -4.8125),
        ("z z", -201.75, -5.75),
        ("b ça", -4.25, -4.25),
    ],
)
def test_scores_are_kenlms(text: str, without: float, with_unknown: float) -> None:
    for arpa, wanted in ((ARPA, without), (WITH_UNKNOWN, with_unknown)):
        found, counts, unknown = read_arpa(arpa.splitlines()).log_probabilities([text, "a b"])
        assert found.tolist() == [wanted, -2.0625]
        assert counts.tolist() == [len(text.split()) + 1, 3]
        assert unknown.tolist() == [text.count("z"), 0]


def test_each_line_is_a_sentence_and_blank_ones_are_none() -> None:
    model = read_arpa(ARPA.splitlines())
    perplexity, unknown = model.perplexities(["a\n\n a b \n", "\n \n", "", "z a"])
    assert perplexity[0] == pytest.approx(10 ** ((0.4375 + 2.0625) / 5))
    assert perplexity[1:3].tolist() == [0, 0]
    assert unknown.tolist() == [0, 0, 0, pytest.approx(1 / 3)]


@pytest.mark.parametrize(
    ("arpa", "message"),
    [
        ("", r"no line `\\data\\`"),
        ("\\data\\\nngram 2=1\n", r"line 2: expected `ngram 1=COUNT`"),
        ("\\data\\\nngram 1=1\n", "ends in its header"),
        ("\\data\\\nngram 1=1\n\n\\2-grams:\n", r"line 4: expected `\\1-grams:`"),
        ("\\data\\\nngram 1=2\n\n\\1-grams:\n-1 a\n", "ends before all 2 1-grams"),
        ("\\data\\\nngram 1=1\n\n\\1-grams:\nx a\n", "line 5: expected a number, 1 words"),
        ("\\data\\\nngram 1=1\n\n\\1-grams:\nnan a\n", "not finite"),
        ("\\data\\\nngram 1=1\n\n\\1-grams:\n-1 a\x0bb\n", "has white space in it"),
    ],
)
def test_what_is_no_arpa_model_is_named(arpa: str, message: str) -> None:
    with pytest.raises(ArpaError, match=message):
        read_arpa(arpa.removesuffix("\n").split("\n"))


class Reference:
    """Interpolated modified Kneser-Ney smoothing over dictionaries, by its definition."""

    def __init__(self, texts: list[str], order: int, prune: int) -> None:
        lines = [
            ["<s>", *line.split(), "</s>"] for text in texts for line in text.split("\n") if line.split()
        ]
        self.order = order
        raw = [
            Counter(tuple(line[i : i + size]) for line in lines for i in range(len(line) - size + 1))
            for size in range(1, order + 1)
        ]
        self.vocabulary = {word for line in lines for word in line[1:]} | {"<unk>"}
        self.kept: list[set[tuple[str, ...]]] = []
        self.counts: list[dict[tuple[str, ...], int]] = []
        for size in range(1, order + 1):
            if size == order:
                counts = dict(raw[size - 1])
            else:
                before = Counter(gram[1:] for gram in raw[size])
                counts = {
                    gram: raw[size - 1][gram] if gram[0] == "<s>" else before[gram] for gram in raw[size - 1]
                }
            counts.pop(("<s>",), None)
            self.counts.append(counts)
            least = prune if size == order and size > 1 else 0
            self.kept.append({gram for gram, count in counts.items() if count > least})
        self.discounts = [self._discounts(counts) for counts in self.counts]

    @staticmethod
    def _discounts(counts: dict[tuple[str, ...], int]) -> list[float]:
        of = Counter(counts.values())
        if not all(of[size] for size in (1, 2, 3, 4)):
            return [0, 0.5, 1, 1.5]
        share = of[1] / (of[1] + 2 * of[2])
        found = [size - (size + 1) * share * of[size + 1] / of[size] for size in (1, 2, 3)]
        sound = all(0 < one <= size for size, one in enumerate(found, 1))
        return [0, *found] if sound else [0, 0.5, 1, 1.5]

    def probability(self, history: tuple[str, ...], word: str) -> float:
        history = history[-(self.order - 1) :] if self.order > 1 else ()
        counts, kept = self.counts[len(history)], self.kept[len(history)]
        total = sum(count for gram, count in counts.items() if gram[:-1] == history)
        lower = self.probability(history[1:], word) if history else 1 / len(self.vocabulary)
        if not total:
            return lower
        discounts = self.discounts[len(history)]
        taken = {
            gram: count - discounts[min(count, 3)]
            for gram, count in counts.items()
            if gram[:-1] == history and gram in kept
        }
        return (taken.get((*history, word), 0) + (total - sum(taken.values())) * lower) / total

    def log10(self, line: str) -> float:
        words, found = ["<s>"], 0.0
        for word in [*line.split(), "</s>"]:
            known = word if word in self.vocabulary else "<unk>"
            found += math.log10(self.probability(tuple(words), known))
            words.append(known)
        return found


def corpus() -> list[str]:
    draw = random.Random(3)
    words = [draw.choices("abcdefg", weights=[9, 5, 4, 3, 2, 1, 1], k=draw.randint(1, 9)) for _ in range(60)]
    return [" ".join(line) for line in words]


@pytest.mark.parametrize(("order", "prune"), [(1, 0), (2, 0), (3, 0), (3, 1), (4, 1)])
@pytest.mark.parametrize("texts", [corpus(), ["a b c", "a b d\na c", "c b a", "a b c"]])
def test_training_is_kneser_neys(texts: list[str], order: int, prune: int) -> None:
    reference = Reference(texts, order, prune)
    for history in ((), ("<s>",), ("<s>", "a"), ("a", "b", "c"), ("g", "g", "g"), ("<unk>",)):
        total = sum(reference.probability(history, word) for word in reference.vocabulary)
        assert total == pytest.approx(1)
    model = estimated(texts, order=order, max_tokens=10_000, prune=prune)
    assert model.order == order
    draw = random.Random(5)
    lines = [" ".join(draw.choices("abcdefgz", k=draw.randint(1, 8))) for _ in range(40)]
    found, _, _ = model.log_probabilities(lines)
    np.testing.assert_allclose(found, [reference.log10(line) for line in lines], rtol=1e-6)


def test_training_is_deterministic_bounded_and_reads_any_iterable() -> None:
    texts = corpus() * 9
    whole = train_ngrams(texts)
    assert whole == train_ngrams(iter(texts))
    assert train_ngrams(texts, max_tokens=50) == train_ngrams([*texts[:20], "never read"] * 2, max_tokens=50)

    def endless() -> Any:
        while True:
            yield "a b c"

    train_ngrams(endless(), max_tokens=1000)
    with pytest.raises(ValueError, match="no token to count"):
        train_ngrams(["", "\n"])
    with pytest.raises(ValueError, match="an order from 1 to 8, got 9"):
        train_ngrams(texts, order=9)


def test_good_text_is_less_surprising_than_bad() -> None:
    good = ["The cat sat on the mat in 2019.", "The dog sat on the cat in 2020.", "A cat and a dog sat."] * 3
    model = estimated(good, order=3, max_tokens=10_000, prune=1)
    perplexity, unknown = model.perplexities(
        ["the cat sat on the dog in 2024.", "mat the 2019 on. cat", "qx zz"]
    )
    assert perplexity[0] < perplexity[1] < perplexity[2]
    assert unknown.tolist() == [0, 0, pytest.approx(2 / 3)]


def test_files_are_read_back_and_damage_is_refused() -> None:
    whole = train_ngrams(corpus())
    model = read_model(bytearray(whole))
    assert model.file() == whole
    for size in (0, 8, 100, len(whole) - 8):
        with pytest.raises(TensorsError):
            read_model(bytearray(whole[:size]))
    arrays, settings = unpack(bytearray(whole), "ngrams")

    def packed(**changes: Any) -> NgramModel:
        return read_model(bytearray(pack({**arrays, **changes}, settings)))

    full = arrays["table"].copy()
    full[:, 0] |= np.uint64(1)
    with pytest.raises(TensorsError, match="a table that is full"):
        packed(table=full)
    with pytest.raises(TensorsError, match="not as long as it says"):
        packed(slots=arrays["slots"] + 1)
    with pytest.raises(TensorsError, match="not as long as it says"):
        packed(table=arrays["table"][:-1])
    wrong = arrays["table"].copy()
    wrong.view(np.float32)[0, 2] = np.nan
    with pytest.raises(TensorsError, match="no numbers"):
        packed(table=wrong)
    with pytest.raises(TensorsError, match="of version 2, not 1"):
        read_model(bytearray(pack(arrays, {**settings, "version": 2})))


def test_cost_of_scoring_is_linear() -> None:
    model = estimated(corpus(), order=3, max_tokens=10_000, prune=0)
    assert_linear(lambda size: model.perplexities(["a " * size, "z" * size, "a\n" * size]), 10_000)
