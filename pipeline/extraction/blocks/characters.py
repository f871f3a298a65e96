"""Classes and small letters of the characters of the Basic Multilingual Plane, as tables for compiled loops."""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

OTHER, SMALL, CAPITAL, LETTER, IDEOGRAPH, DIGIT, FULL_STOP, COMMA, COLON, MARK, SEPARATOR, QUOTE = range(12)
_FULL_STOPS = ".!?…。！？．؟۔।॥։።៕"
_COMMAS = ",;،、，；؛·፣"
_COLONS = ":：：፦"
_SEPARATORS = "|»«›‹•/\\→←>©®#@*"
_QUOTES = "\"'“”„‟‘’「」『』《》"


def _ideograph(code: int) -> bool:
    return 0x3040 <= code <= 0x30FF or 0x3400 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF


def _class(character: str) -> int:
    for known, marks in (
        (FULL_STOP, _FULL_STOPS),
        (COMMA, _COMMAS),
        (COLON, _COLONS),
        (SEPARATOR, _SEPARATORS),
        (QUOTE, _QUOTES),
    ):
        if character in marks:
            return known
    if _ideograph(ord(character)):
        return IDEOGRAPH
    category = unicodedata.category(character)
    if category == "Nd":
        return DIGIT
    if category in ("Lu", "Lt"):
        return CAPITAL
    if category == "Ll":
        return SMALL
    if category[0] in "LM":
        return LETTER
    return MARK if category[0] in "PS" else OTHER


def tables() -> tuple[Array, Array]:
    """(class uint8[65536], small letter uint16[65536])."""
    classes, small = np.zeros(65536, np.uint8), np.arange(65536, dtype=np.uint16)
    for code in range(65536):
        if not 0xD800 <= code <= 0xDFFF:
            character = chr(code)
            classes[code] = _class(character)
            lower = character.lower()
            if len(lower) == 1 and ord(lower) < 65536:
                small[code] = ord(lower)
    return classes, small
