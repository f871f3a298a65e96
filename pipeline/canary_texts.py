"""The texts of canaries: for each rule a document that it must drop at its published threshold.

Rules on block lists of hosts and addresses have none, as what such a list holds is its own matter; nor has the score
of a language, which no text has for sure.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

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


def _unnamed() -> str:
    return "boats ropes sails cranes masts decks barrels wheels nets lamps " * 8


_QUALITY = ("short", "long", "short_words", "long_words", "bullet_lines", "ellipsis_lines", "stop_words")

# What Gopher's rules drop, by whoever's definitions.
_GOPHER: dict[str, Callable[[], str]] = {
    "short": lambda: "The boat and the rope have to be that of the harbour.",
    "long": lambda: _lines(9_000),
    "short_words": lambda: "it is to be of an ox he is on at by " * 12,
    "long_words": lambda: "extraordinarily incomprehensible telecommunications of " * 30,
    "bullet_lines": lambda: "\n".join(f"- {line}" for line in _sentences(20)),
    "ellipsis_lines": lambda: "\n".join(line[:-1] + "..." for line in _sentences(20)),
    "stop_words": _unnamed,
    "dup_line_frac": lambda: "\n".join([_sentences(1)[0]] * 5 + _sentences(8, 5)),
    "dup_line_char_frac": lambda: "\n".join([_sentences(1)[0]] * 5 + _sentences(8, 5)),
    "dup_para_frac": lambda: "\n\n".join([_sentences(1)[0]] * 5 + _sentences(8, 5)),
    "dup_para_char_frac": lambda: "\n\n".join([_sentences(1)[0]] * 5 + _sentences(8, 5)),
    "top_2_gram": lambda: "\n".join(f"{i} of administrative responsibilities." for i in range(40)),
    **{f"top_{n}_gram": partial(_ngrams, n + 2) for n in (3, 4)},
    **{f"dup_{n}_gram": partial(_ngrams, n) for n in range(5, 11)},
}


TEXTS: dict[str, Callable[[], str]] = {
    "extract.empty": lambda: "",
    "language.language": lambda: (
        "Vanhan sataman rakensivat kauppiaat, jotka tarvitsivat puuta ja suolaa. " * 6
    ),
    **{f"gopher_quality.{name}": text for name, text in _GOPHER.items() if name in _QUALITY},
    **{f"gopher_repetition.{name}": text for name, text in _GOPHER.items() if name not in _QUALITY},
    "gopher_quality.hashes": lambda: "# the # harbour # of # stones " * 30,
    "gopher_quality.ellipses": lambda: "the harbour... of stones... have boats... " * 20,
    "gopher_quality.alphabetic_words": lambda: "the 10 20 30 of 40 50 60 and 70 80 90 " * 20,
    **{f"gopher_dclm.{name}": text for name, text in _GOPHER.items()},
    "gopher_dclm.few_characters": lambda: "The boat and the rope have to be that of the harbour.",
    "gopher_dclm.symbols": lambda: "# the # harbour # of # stones " * 30,
    "gopher_dclm.non_alphabetic_words": lambda: "the 10 20 30 of 40 50 60 and 70 80 90 " * 20,
    **{f"gopher_dolma.{name}": text for name, text in _GOPHER.items() if not name.startswith("top")},
    "gopher_dolma.symbol_words": lambda: "# the # harbour # of # stones " * 30,
    "gopher_dolma.alphabetic_words": lambda: "the 10 20 30 of 40 50 60 and 70 80 90 " * 20,
    "gopher_dolma.required_words": _unnamed,
    "gopher_dolma.ellipsis_lines": lambda: "\n".join(line[:-1] + "…" for line in _sentences(20)),
    "gopher_dolma.bullet_lines": lambda: "\n".join(f"* {line}" for line in _sentences(20)),
    "gopher_dolma.dup_lines": lambda: "\n".join([_sentences(1)[0]] * 5 + _sentences(8, 5)),
    "gopher_dolma.dup_line_chars": lambda: "\n".join([_sentences(1)[0]] * 5 + _sentences(8, 5)),
    "refinedweb_lines.removed_words": lambda: (
        _lines(3) + "\n1234\nSHARE THIS STORY WITH FRIENDS\n12 likes\n" * 3
    ),
    "ccnet.short": lambda: "The boat and the rope have to be that of the harbour.",
    "madlad.sentences": lambda: "The boat waits. It has to. ",
    "madlad.questionable": lambda: "\n".join(
        f"The Old Harbour Master Of The Island Town Sold {i} Boats And Nets And Ropes Today."
        for i in range(20)
    ),
    "pii.hits": lambda: PLAIN + " ".join(f"keeper{i}@harbour{i}.org" for i in range(8)),
    "c4.lorem_ipsum": lambda: PLAIN + "Here stands lorem ipsum for a text that nobody wrote.\n",
    "c4.curly_bracket": lambda: (
        PLAIN + "The function harbour() { returns the number of boats } and says so.\n"
    ),
    "c4.long": lambda: _lines(3_000),
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


def addresses(lists: Any) -> dict[str, str]:
    """For rules on words in addresses one that they must drop, from the loaded lists (`filters.url.UrlLists`)."""
    base = "https://www.example.org/"
    found = {"url_words.curated_source": "https://en.wikipedia.org/wiki/Harbour"}
    if lists is not None:
        hard, soft, part = sorted(lists.banned_words)[0], sorted(lists.soft_words)[:2], lists.subwords[0]
        found |= {"url.banned_words": f"{base}{hard}/", "url_words.hard": f"{base}{hard}/"}
        found |= {name: f"{base}{'/'.join(soft)}/" for name in ("url.soft_words", "url_words.soft")}
        found |= dict.fromkeys(("url.subwords", "url_words.strict"), f"{base}x{part}x/")
    return found
