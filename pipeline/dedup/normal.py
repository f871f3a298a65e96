"""The normal form of a text that both kinds of duplicates are judged on.

As FineWeb's MinHash does (datatrove, `simplify_text`): lower case, accents removed (NFD without Mn), every number one
`0`, everything else that is no letter a space. Characters of scripts written without spaces become words of their own.
This is the definition, on Arrow columns with RE2, in time linear in the text; `pipeline.dedup.forms` does the same in
one compiled pass, with tables made from the patterns here.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

DELETED = r"\p{Mn}"
NUMBER = r"\p{N}"
SEPARATING = r"[^\p{L}\p{M}0]"
ALONE = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"

_STEPS = (
    (rf"{DELETED}+", ""),
    (rf"{NUMBER}+(?:[.,]{NUMBER}+)*", "0"),
    (rf"{SEPARATING}+", " "),
    (rf"({ALONE})", r" \1 "),
    (r" +", " "),
)


def decomposed(texts: pa.Array) -> pa.Array:
    """Lower case, then NFD."""
    return pc.utf8_normalize(pc.utf8_lower(texts), form="NFD")


def normal_form(texts: pa.Array) -> pa.Array:
    """Normal forms (large_string), words separated by single spaces; a null text has an empty one."""
    column = decomposed(pc.fill_null(texts.cast(pa.large_string()), ""))
    for pattern, replacement in _STEPS:
        column = pc.replace_substring_regex(column, pattern=pattern, replacement=replacement)
    return pc.utf8_trim(column, characters=" ")
