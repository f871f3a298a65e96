"""Text in Markdown that stays text: no markup, no HTML, no link, no end of a table's cell comes out of it.

Entities stand for characters and never for structure (CommonMark 0.31, section 2.5), and a code span holds no markup.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from pipeline.show import show_text

LONGEST = 300  # characters of one piece of text
_PLAIN = frozenset(" ,;.-+%()'")
# Labels that a card prints as they stand; whatever else a column holds may have come with a page.
_LABEL = re.compile(r"[A-Za-z0-9]+(?:[ _-][A-Za-z0-9]+){0,4}", re.ASCII)
OTHER = "other labels"


def inert(text: object) -> Markup:
    """`text` on one line, every character of it that Markdown or HTML could read as markup as an entity."""
    shown = show_text(text, LONGEST)
    escaped = "".join(
        one if one.isalnum() or one in _PLAIN or _inside(shown, at) else f"&#{ord(one)};"
        for at, one in enumerate(shown)
    )
    # A word that begins like an address would become a link.
    return Markup(re.sub(r"(?i)www\.", lambda found: f"{found[0][:3]}&#46;", escaped))


def _inside(text: str, at: int) -> bool:
    """Whether an underline stands within a word, where it emphasises nothing, or a colon at the end of one."""
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    return before.isalnum() and (after.isalnum() if text[at] == "_" else text[at] == ":" and after == " ")


def code(text: object) -> Markup:
    """A name of ours as a code span; as inert text where it holds what would end one, or a table's cell."""
    shown = show_text(text, LONGEST)
    return Markup(f"`{shown}`") if shown.strip() and not set("`|\\") & set(shown) else inert(text)


def fenced(text: str, language: str = "") -> Markup:
    """Lines as a block of code, in a fence that is longer than any run of backticks in them."""
    lines = [show_text(line, max(len(line), 1)) for line in text.splitlines()]
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return Markup("\n".join((fence + language, *lines, fence)))


def labels(counts: Mapping[str, int], most: int) -> list[tuple[str, int]]:
    """The `most` frequent labels and, last, the sum of the others and of those that are no plain words."""
    plain = {name: number for name, number in counts.items() if len(name) <= 40 and _LABEL.fullmatch(name)}
    ordered = sorted(plain.items(), key=lambda item: (-item[1], item[0]))[:most]
    rest = sum(counts.values()) - sum(number for _, number in ordered)
    return [*ordered, (OTHER, rest)] if rest else ordered


def finalize(value: Any) -> Any:
    """What a template prints: markup of ours and numbers as they are, everything else inert."""
    return value if isinstance(value, Markup | int | float) else inert(value)
