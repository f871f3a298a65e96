"""What tests of single filters share: one document's signals and failing rules."""

from __future__ import annotations

from typing import Any

from filters.chain import Chain, chain_steps
from filters.document import from_rows


def decision(name: str, text: str, **values: Any) -> tuple[dict[str, Any], list[str]]:
    """A document's signals without their prefix and all failing rules of one filter without theirs."""
    applied = Chain(chain_steps([{name: values}])).apply(from_rows([{"id": "x", "url": "", "text": text}]))
    row, reasons = applied.documents.to_pylist()[0], applied.verdict.reasons.to_pylist()[0]
    signals = {
        key.removeprefix(f"{name}_"): value for key, value in row.items() if key.startswith(f"{name}_")
    }
    return {"text": row["text"], **signals}, [reason.removeprefix(f"{name}.") for reason in reasons]


def distinct(count: int, width: int = 4, start: int = 0) -> list[str]:
    """Distinct words of letters, all of one length."""
    letters = "bcdfghjklmnpqrstvwxz"
    words = []
    for number in range(start, start + count):
        word = ""
        for _ in range(width):
            number, digit = divmod(number, len(letters))
            word += letters[digit]
        words.append(word)
    return words


def exact_page(gram: list[str], characters: int) -> str:
    """A page that has an n-gram twice, and words that occur once, with exactly so many characters in words."""
    words = [*gram, "b", *gram, "c"]
    missing = characters - len("".join(words))
    fill = distinct(max(missing // 5 - 1, 0), width=5, start=9000)
    return " ".join([*words, *fill, "y" * (missing - len("".join(fill)))])
