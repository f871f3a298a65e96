"""Golden documents: what each rule must drop, and a plain page that every rule must keep.

A canary tells at once that a rule has stopped working: a renamed signal, a comma that is missing in a list, a threshold
typed with one zero too many. `check` runs a recipe's chain over the canaries of its rules; a recipe may bring its own
(`canaries:`). The texts are made here, so that each speaks of one rule.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from filters.document import from_rows
from pipeline.lint import Finding

if TYPE_CHECKING:
    from filters.chain import Chain
    from pipeline.recipe import Recipe

URL = "https://www.example.org/articles/harbour"

PLAIN = """\
The old harbour of the town was built by merchants who wanted to bring timber and salt to the islands in the north.
For two centuries it was the largest of the coast, and the houses around it still have the doors of the warehouses.
In the spring of every year the river brings sand into the basin, so that ships of any size have to wait for the tide.
The council decided in the end that a new quay should be built outside the walls, where the water is deep enough.
Engineers came from the capital with their drawings, and the work began before the first snow of that long winter.
Most people who live there today work in offices, but on Sundays they walk along the stones that their families laid.
A small museum shows the tools of the builders, the letters of captains and a model of the whole town as it once was.
Visitors are asked not to touch the ropes, which are older than they look and would not bear the weight of a child.
"""


class Canary(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A document and what must become of it: `drop` names a rule that must fail; null: every rule must keep it."""

    text: str = PLAIN
    url: str = URL
    drop: str | None = None


def _sentences(count: int, first: int = 0) -> list[str]:
    """Different plain sentences: a number word apart each."""
    things = "boat rope sail crane mast deck barrel wheel net lamp anchor oar plank chain bell flag".split()
    places = "harbour market tower garden bridge street church island quay river".split()
    verbs = "stood hung lay rested waited".split()
    return [
        f"The {things[i % 16]} that they have with the {places[i // 16 % 10]} {verbs[i % 5]} for {i} days of rain."
        for i in range(first, first + count)
    ]


def _lines(count: int, first: int = 0) -> str:
    return "\n".join(_sentences(count, first))


def _ngrams(n: int) -> str:
    """Different sentences around one phrase of `n` words, so that only n-grams of up to that length repeat."""
    phrase = "lanterns above cobbled market squares glowing amber through winter evenings".split()[:n]
    return "\n".join(f"{i} of the {' '.join(phrase)} and {i + 500} have to be that." for i in range(40))


TEXTS: dict[str, Callable[[], str]] = {
    "extract.empty": lambda: "",
    "language.language": lambda: (
        "Vanhan sataman rakensivat kauppiaat, jotka tarvitsivat puuta ja suolaa. " * 6
    ),
    "gopher_quality.short": lambda: "The boat and the rope have to be that of the harbour.",
    "gopher_quality.long": lambda: _lines(9_000),
    "gopher_quality.short_words": lambda: "it is to be of an ox he is on at by " * 12,
    "gopher_quality.long_words": lambda: "the of extraordinarily incomprehensible telecommunications " * 30,
    "gopher_quality.hashes": lambda: "# the # harbour # of # stones " * 30,
    "gopher_quality.ellipses": lambda: "the harbour... of stones... have boats... " * 20,
    "gopher_quality.bullet_lines": lambda: "\n".join(f"- {line}" for line in _sentences(20)),
    "gopher_quality.ellipsis_lines": lambda: "\n".join(line[:-1] + "..." for line in _sentences(20)),
    "gopher_quality.alphabetic_words": lambda: "the 10 20 30 of 40 50 60 and 70 80 90 " * 20,
    "gopher_quality.stop_words": lambda: (
        "boats ropes sails cranes masts decks barrels wheels nets lamps " * 8
    ),
    "gopher_repetition.dup_line_frac": lambda: "\n".join([_sentences(1)[0]] * 5 + _sentences(8, 5)),
    "gopher_repetition.dup_line_char_frac": lambda: "\n".join([_sentences(1)[0]] * 5 + _sentences(8, 5)),
    "gopher_repetition.dup_para_frac": lambda: "\n\n".join([_sentences(1)[0]] * 5 + _sentences(8, 5)),
    "gopher_repetition.dup_para_char_frac": lambda: "\n\n".join([_sentences(1)[0]] * 5 + _sentences(8, 5)),
    "gopher_repetition.top_2_gram": lambda: "\n".join(
        f"{i} of administrative responsibilities." for i in range(40)
    ),
    **{f"gopher_repetition.top_{n}_gram": partial(_ngrams, n + 2) for n in (3, 4)},
    **{f"gopher_repetition.dup_{n}_gram": partial(_ngrams, n) for n in range(5, 11)},
    "c4.lorem_ipsum": lambda: PLAIN + "Here stands lorem ipsum for a text that nobody wrote.\n",
    "c4.curly_bracket": lambda: (
        PLAIN + "The function harbour() { returns the number of boats } and says so.\n"
    ),
    "c4.sentences": lambda: "One line of the harbour stands here.",
    "fineweb.line_punct": lambda: "\n".join(line[:-1] for line in _sentences(20)),
    "fineweb.short_lines": lambda: "\n".join(f"The boat number {i} waits." for i in range(40)),
    "fineweb.char_dup": lambda: "\n".join([_sentences(1)[0]] * 3 + _sentences(30, 5)),
    "fineweb.newline_ratio": lambda: "\n".join(["The boat waits", "It has sailed"] * 30),
    "nemo.non_alphanumeric": lambda: "the; of: the-harbour_ (and) have/ " * 20,
    "nemo.symbols": lambda: "the harbour of # have ... " * 20,
    "nemo.numbers": lambda: "the harbour of 1850 and 1860 and 1870 " * 20,
    "nemo.urls": lambda: "the boats of https://www.harbour.example/ have " * 20,
    "nemo.bullets": lambda: "\n".join(f"• {line}" for line in _sentences(20)),
    "nemo.white_space": lambda: "the   harbour   of   the   boats " * 20,
    "nemo.parentheses": lambda: "(the) [boats] (of) [ropes] " * 30,
    "nemo.longest_word": lambda: PLAIN + "rope" * 300,
    "nemo.short": lambda: "The boat and the rope have to be that of the harbour.",
    "nemo.long": lambda: _lines(9_000),
    "nemo.boilerplate": lambda: _lines(10) + "\n\nRead our privacy policy.",
    "nemo.short_words": lambda: "it is to be of an ox he is on at by " * 12,
    "nemo.long_words": lambda: "the of extraordinarily incomprehensible telecommunications " * 30,
    "nemo.no_end_mark": lambda: "\n".join(line[:-1] for line in _sentences(20)),
    "nemo.ellipsis": lambda: "\n".join(line[:-1] + "..." for line in _sentences(20)),
    "nemo.common_words": lambda: "Boats ropes sails cranes masts decks barrels wheels nets lamps " * 8,
    "nemo.with_letter": lambda: "the 10 20 30 of 40 50 60 and 70 80 90 " * 20,
    "nemo.unique_lines": lambda: "\n".join([_sentences(1)[0]] * 8 + _sentences(8, 5)),
    "nemo.unique_line_chars": lambda: "\n".join([_sentences(1)[0]] * 8 + _sentences(8, 5)),
    "nemo.unique_paragraphs": lambda: "\n\n".join([_sentences(1)[0]] * 8 + _sentences(8, 5)),
    "nemo.unique_paragraph_chars": lambda: "\n\n".join([_sentences(1)[0]] * 8 + _sentences(8, 5)),
    "nemo.top_2_gram": lambda: "\n".join(f"{i} of administrative responsibilities." for i in range(40)),
    **{f"nemo.top_{n}_gram": partial(_ngrams, n + 2) for n in (3, 4)},
    **{f"nemo.dup_{n}_gram": partial(_ngrams, n) for n in range(5, 11)},
    "code.long_lines": lambda: "total = boats + ropes + " * 20,
    "code.longest_line": lambda: "total = 0\n" * 40 + "total = boats + ropes + " * 60,
    "code.many_lines": lambda: "total += 1\n" * 100_001,
    "code.alphanumeric": lambda: "{ (); [] }; a ();\n" * 20,
    "code.alphabetic": lambda: "0x10, 200, 300, 400\n" * 20,
    "code.xml": lambda: '<?xml version="1.0"?>\n<boats></boats>\n',
    "code.generated": lambda: "// Code generated by a tool. DO NOT EDIT.\ntotal = 0\n",
    "code.encoded_run": lambda: "data = '" + "QUJD" * 300 + "'\n",
    "code.encoded": lambda: "data = '" + "QUJD" * 300 + "'\n",
    "dirty.share": lambda: PLAIN + "Der Fischer fÃ¤hrt Ã¼ber die groÃŸe BrÃ¼cke am Hafen. " * 10,
}


def canaries_of(recipe: Recipe, chain: Chain) -> list[Canary]:
    """The canaries of the recipe's rules that are switched on, the plain page, and the recipe's own."""
    active = [name for name, rule in chain.rules if rule.threshold is not None]
    found = [Canary(), *(Canary(text=TEXTS[name](), drop=name) for name in active if name in TEXTS)]
    return [*found, *recipe.canaries]


def check(recipe: Recipe, chain: Chain) -> list[Finding]:
    """What the chain (loaded) does to its canaries that it must not do."""
    canaries = canaries_of(recipe, chain)
    rows: list[dict[str, object]] = [
        {"id": f"canary-{i}", "url": one.url, "text": one.text} for i, one in enumerate(canaries)
    ]
    verdict = chain.apply(from_rows(rows)).verdict
    found = []
    for one, reasons in zip(canaries, verdict.reasons.to_pylist(), strict=True):
        if one.drop is not None and one.drop not in reasons:
            problem = "does not drop the document that it must drop"
            found.append(Finding(severity="error", where=one.drop, problem=problem))
        elif one.drop is None:
            which = (
                "the plain English page"
                if one.text == PLAIN
                else "a document that the recipe says must be kept"
            )
            for rule in reasons:
                if one.text == PLAIN and rule.startswith("language."):
                    continue  # a recipe for other languages
                found.append(Finding(severity="warning", where=rule, problem=f"drops {which}"))
    return found


def unknown(canaries: tuple[Canary, ...], rules: list[str]) -> tuple[int, str] | None:
    """The first canary that names no rule of the recipe: its number and the name."""
    return next(
        ((i, one.drop) for i, one in enumerate(canaries) if one.drop is not None and one.drop not in rules),
        None,
    )
