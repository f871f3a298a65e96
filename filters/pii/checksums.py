"""The check digits of identity numbers, bank accounts, cards and wallets. All take strings of a few characters."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

_VERHOEFF_PRODUCT = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_VERHOEFF_PERMUTATION = (
    "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def luhn(number: str) -> bool:
    """ISO/IEC 7812-1: every second digit from the right doubled, the sum of all digits divisible by 10."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def weighted(number: str, weights: Sequence[int]) -> int:
    """The sum of digits times weights, over as many as there are weights."""
    return sum(int(digit) * weight for digit, weight in zip(number, weights, strict=False))


def mod97(text: str) -> int:
    """Letters as 10 to 35, the whole number modulo 97 (ISO 7064)."""
    return int("".join(str(int(character, 36)) for character in text)) % 97


def iso11_10(number: str) -> bool:
    """ISO 7064 MOD 11,10, the last digit being the check digit."""
    product = 10
    for digit in number[:-1]:
        product = ((product + int(digit)) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(number[-1])


def verhoeff(number: str) -> bool:
    """Verhoeff's check over the dihedral group D5."""
    state = 0
    for place, digit in enumerate(reversed(number)):
        state = int(_VERHOEFF_PRODUCT[state][int(_VERHOEFF_PERMUTATION[place % 8][int(digit)])])
    return state == 0


def base58check(text: str) -> bytes | None:
    """The payload of a Base58Check string with its version byte, None where letters or checksum are wrong."""
    value = 0
    for character in text:
        place = _BASE58.find(character)
        if place < 0:
            return None
        value = value * 58 + place
    data = value.to_bytes((value.bit_length() + 7) // 8, "big")
    data = bytes(len(text) - len(text.lstrip("1"))) + data
    if len(data) < 5 or hashlib.sha256(hashlib.sha256(data[:-4]).digest()).digest()[:4] != data[-4:]:
        return None
    return data[:-4]


def bech32(text: str) -> bool:
    """Whether a string is valid Bech32 (BIP 173) or Bech32m (BIP 350)."""
    if text.lower() != text and text.upper() != text:
        return False
    prefix, _, data = text.lower().rpartition("1")
    values = [_BECH32.find(character) for character in data]
    if not prefix or len(values) < 6 or -1 in values:
        return False
    check = 1
    for value in [*(ord(c) >> 5 for c in prefix), 0, *(ord(c) & 31 for c in prefix), *values]:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    return check in (1, 0x2BC830A3)
