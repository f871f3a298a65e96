"""Addresses of crypto wallets: Bitcoin and its relatives (Base58Check, Bech32), Ethereum (40 digits after 0x)."""

from __future__ import annotations

from collections.abc import Iterator

from filters.pii.checksums import base58check, bech32
from filters.pii.kinds import Found
from filters.pii.patterns import compiled, said_before, stands_alone

_WALLET = r"(?:bc1|tb1|ltc1|BC1)[02-9A-Za-z]{11,71}|[13LDMXt][1-9A-HJ-NP-Za-km-z]{25,34}|0x[0-9a-fA-F]{40}"
GATE = r"(?:bc1|tb1|ltc1|BC1)[02-9A-Za-z]{11}|[13LDMXt][1-9A-HJ-NP-Za-km-z]{25}|0x[0-9a-fA-F]{40}"
_VERSIONS = frozenset([0x00, 0x05, 0x30, 0x32, 0x1E, 0x16, 0x4C])  # Bitcoin, Litecoin, Dogecoin, Dash
_ETHEREUM = (
    r"(?i)(?:eth|ether|erc|wallet|donat|address|send|token|contract|usdt|bsc|0x|metamask|account|from|to)"
)


def find(text: str) -> Iterator[Found]:
    """The wallet addresses of a text whose checksum is right; of Ethereum, those that a word announces."""
    for match in compiled(_WALLET).finditer(text):
        start, end = match.span()
        value = match.group()
        if not stands_alone(text, start, end):
            continue
        if value[:2] == "0x":
            if len(set(value)) > 8 and said_before(text, start, _ETHEREUM, 64):
                yield Found("wallets", start, end, value, "ethereum")
        elif value[:2].lower() in ("bc", "tb", "lt"):
            if bech32(value):
                yield Found("wallets", start, end, value, "bech32")
        else:
            payload = base58check(value)
            if payload is not None and len(payload) in (21, 22) and payload[0] in _VERSIONS:
                yield Found("wallets", start, end, value, "base58")
