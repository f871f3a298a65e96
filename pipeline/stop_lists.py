"""Reads stop word lists: those that installed packages carry, and the recipe's own folders.

jusText's lists are named by language and hold the commonest words of its Wikipedia, the commonest first; spaCy's are
Python sets of words. A folder of the recipe holds a file for each language, a word a line, named `German.txt`, `de.txt`
or `deu_Latn.txt`; `#` at its beginning comments a line out. Words are kept in small letters, without marks around them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import UsageError, nearest
from pipeline.show import show_text

if TYPE_CHECKING:
    from filters.stop_words import StopWords

MOST = 500  # words of a list that is ordered by how common they are: jusText's hold 10 to 3,700

# Codes by jusText's names of lists, of which two are further lists of a language that has one.
_NAMES = """
af Afrikaans; sq Albanian; ar Arabic; an Aragonese; hy Armenian; rup Aromanian; ast Asturian; az
Azerbaijani; eu Basque; be Belarusian; be Belarusian_Taraskievica; bn Bengali; bpy Bishnupriya_Manipuri; bs
Bosnian; br Breton; bg Bulgarian; ca Catalan; ceb Cebuano; cv Chuvash; hr Croatian; cs Czech; da Danish; nl
Dutch; en English; eo Esperanto; et Estonian; fi Finnish; fr French; gl Galician; ka Georgian; de German; el
Greek; gu Gujarati; ht Haitian; he Hebrew; hi Hindi; hu Hungarian; is Icelandic; io Ido; ig Igbo; id
Indonesian; ga Irish; it Italian; jv Javanese; kn Kannada; kk Kazakh; ko Korean; ku Kurdish; ky Kyrgyz; la
Latin; lv Latvian; lt Lithuanian; lmo Lombard; nds Low_Saxon; lb Luxembourgish; mk Macedonian; ms Malay; ml
Malayalam; mt Maltese; mr Marathi; nap Neapolitan; ne Nepali; new Newar; no Norwegian_Bokmal; nn
Norwegian_Nynorsk; oc Occitan; fa Persian; pms Piedmontese; pl Polish; pt Portuguese; qu Quechua; ro
Romanian; ru Russian; sgs Samogitian; sr Serbian; sh Serbo_Croatian; scn Sicilian; en Simple_English; sk
Slovak; sl Slovenian; es Spanish; su Sundanese; sw Swahili; sv Swedish; tl Tagalog; ta Tamil; te Telugu; tr
Turkish; tk Turkmen; uk Ukrainian; ur Urdu; uz Uzbek; vi Vietnamese; vo Volapuk; wa Walloon; war
Waray_Waray; cy Welsh; fy West_Frisian; pnb Western_Panjabi; yo Yoruba
"""
NAMES = {name: code for code, name in map(str.split, _NAMES.split(";"))}
FURTHER = ("Belarusian_Taraskievica", "Simple_English")
JUSTEXT_FILES = tuple(f"stoplists/{name}.txt" for name in NAMES if name not in FURTHER)
# Languages that spaCy has a list for and jusText has not.
SPACY = "am bo dsb gd grc hsb ja lg lij sa si th ti tn tt zh".split()
SPACY_FILES = tuple(f"lang/{code}/stop_words.py" for code in SPACY)


def justext_lists(found: tuple[Path, ...]) -> StopWords:
    """jusText's lists, of each its commonest words."""
    from filters.stop_words import hashed

    return hashed({NAMES[path.stem]: _plain(_lines(path))[:MOST] for path in found})


def spacy_lists(found: tuple[Path, ...]) -> StopWords:
    """The sets of words in spaCy's files, read without running them."""
    from filters.stop_words import hashed

    return hashed({path.parent.name: _plain(_constants(path)) for path in found})


def own_lists(path: Path) -> StopWords:
    """A folder's lists, or the one of a file; UsageError for a file that is named like no language."""
    from filters.language_codes import code_of, codes
    from filters.stop_words import hashed

    files = sorted(one for one in path.iterdir() if one.suffix == ".txt") if path.is_dir() else [path]
    known = {name.lower(): code for name, code in NAMES.items()}
    lists: dict[str, list[str]] = {}
    for file in files:
        code = known.get(file.stem.lower()) or code_of(file.stem)
        if code not in codes() and code not in known.values():
            raise UsageError(
                f"{show_text(str(file))}: no language is called {show_text(file.stem)}"
                f"{nearest(file.stem, [*NAMES, *codes()])}; name a list after its language, such as de.txt"
            )
        lists.setdefault(code, []).extend(_plain(_lines(file)))
    return hashed(lists)


def _lines(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    return [line.strip() for line in lines if not line.startswith("#")]


def _constants(path: Path) -> list[str]:
    """Words of the strings in a Python file, its docstrings and comments apart."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    values = [node.value for node in tree.body if isinstance(node, ast.Assign)]
    constants = [node for value in values for node in ast.walk(value) if isinstance(node, ast.Constant)]
    return [word for node in constants if isinstance(node.value, str) for word in node.value.split()]


def _plain(words: Iterable[str]) -> list[str]:
    """Words with a letter, in small letters, without marks around them, each once."""
    small = (word.strip('.,;:!?()[]{}"„“”«»‘*/=|').lower() for word in words)
    return [word for word in dict.fromkeys(small) if any(map(str.isalpha, word))]
