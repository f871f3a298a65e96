"""The normal form of a text that both kinds of duplicates are judged on.

As FineWeb's MinHash does (datatrove, `simplify_text`): lower case, accents removed (NFD without Mn), every number one
`0`, everything else that is no letter a space. Characters of scripts written without spaces become words of their own.
All of it runs on Arrow columns with RE2, in time linear in the text.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_STEPS = (
    (r"\p{Mn}+", ""),
    (r"\p{N}+(?:[.,]\p{N}+)*", "0"),
    (r"[^\p{L}\p{M}0]+", " "),
    (r"([\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])", r" \1 "),
    (r" +", " "),
)


def normal_form(texts: pa.Array) -> pa.Array:
    """Normal forms (large_string), words separated by single spaces; a null text has an empty one."""
    column = pc.fill_null(texts.cast(pa.large_string()), "")
    column = pc.utf8_normalize(pc.utf8_lower(column), form="NFD")
    for pattern, replacement in _STEPS:
        column = pc.replace_substring_regex(column, pattern=pattern, replacement=replacement)
    return pc.utf8_trim(column, characters=" ")
