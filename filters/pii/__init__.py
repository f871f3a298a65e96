"""Personal data in text: found, counted, masked.

Eleven kinds (`KINDS`), each in a module of its own: e-mail addresses, telephone numbers, public IP addresses, payment
cards, bank accounts, US social security numbers, other identity numbers, API keys, private keys, wallets, hardware
addresses. Candidates come from RE2, which takes linear time on any text; check digits, numbering plans and the words
beside a candidate decide. All kinds are counted for every document; a recipe says which are masked, and in which of
three styles: FineWeb's, Dolma's, or tags. A mask depends on kind and style alone, and masking again changes nothing.

Left alone: private and reserved addresses, versions such as v1.2.3.4, dates, times, prices, plain whole numbers, ISBN,
DOI, numbers with wrong check digits, bare digits that no word announces, and the masks themselves.
"""

from __future__ import annotations

from filters.pii.finding import find
from filters.pii.kinds import EMAIL, IP, IPV6, KINDS, PHONE, Found, Kind, replacement
from filters.pii.masking import SPANS, Masked, apply, mask
from filters.pii.settings import Settings, masked, resolved
from filters.pii.spec import SPEC

__all__ = [
    "EMAIL",
    "IP",
    "IPV6",
    "KINDS",
    "PHONE",
    "SPANS",
    "SPEC",
    "VERSION",
    "Found",
    "Kind",
    "Masked",
    "Settings",
    "apply",
    "find",
    "mask",
    "masked",
    "replacement",
    "resolved",
]

VERSION = 4  # of what is found, and of what is put in its place
