"""The kinds of personal data, what was found of them, and the masks of each in three styles."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

Kind = Literal[
    "emails",
    "phones",
    "ips",
    "cards",
    "ibans",
    "ssns",
    "national_ids",
    "api_keys",
    "private_keys",
    "wallets",
    "macs",
]
Style = Literal["fineweb", "dolma", "tags"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Found(NamedTuple):
    """One piece of personal data: `text[start:end] == value`. `detail` says which sort of its kind, such as `v6`."""

    kind: Kind
    start: int
    end: int
    value: str
    detail: str = ""


FINEWEB_EMAILS = ("email@example.com", "firstname.lastname@example.org")
FINEWEB_IPS = (
    "22.214.171.124", "126.96.36.199", "188.8.131.52", "184.108.40.206", "220.127.116.11", "18.104.22.168",
)  # fmt: skip
"""Every mask of datatrove's PIIFormatter. The first of each is used here; the others are left alone."""

EMAIL = FINEWEB_EMAILS[0]
IP = FINEWEB_IPS[0]
IPV6 = "2001:db8::1"  # the documentation prefix, RFC 3849
PHONE = "+1-202-555-0100"  # set aside for fiction

_FINEWEB: dict[str, str] = {  # FineWeb masks the first two; the others are values that nobody can have
    "emails": EMAIL,
    "ips": IP,
    "ips.v6": IPV6,
    "phones": PHONE,
    "cards": "0000-0000-0000-0000",
    "ibans": "XX00-0000-0000-0000",
    "ssns": "000-00-0000",
    "national_ids": "000000000",
    "api_keys": "API_KEY",
    "private_keys": "PRIVATE_KEY",
    "wallets": "WALLET_ADDRESS",
    "macs": "00:00:00:00:00:00",
}
_NAMES: dict[Kind, tuple[str, str]] = {  # in Dolma's style (the first three are Dolma's own), and as a tag
    "emails": ("EMAIL_ADDRESS", "EMAIL"),
    "phones": ("PHONE_NUMBER", "PHONE"),
    "ips": ("IP_ADDRESS", "IP"),
    "cards": ("CREDIT_CARD", "CREDIT_CARD"),
    "ibans": ("IBAN_CODE", "IBAN"),
    "ssns": ("US_SSN", "US_SSN"),
    "national_ids": ("NATIONAL_ID", "NATIONAL_ID"),
    "api_keys": ("API_KEY", "API_KEY"),
    "private_keys": ("PRIVATE_KEY", "PRIVATE_KEY"),
    "wallets": ("CRYPTO_WALLET", "CRYPTO_WALLET"),
    "macs": ("MAC_ADDRESS", "MAC"),
}


def replacement(kind: Kind, style: Style, detail: str = "") -> str:
    """What stands in for a piece of personal data. It depends on kind, style and sort alone."""
    if style == "dolma":
        return f" |||{_NAMES[kind][0]}||| "
    if style == "tags":
        return f"<{_NAMES[kind][1]}>"
    return _FINEWEB.get(f"{kind}.{detail}", _FINEWEB[kind])


OURS: tuple[str, ...] = tuple(
    dict.fromkeys([*FINEWEB_EMAILS, *FINEWEB_IPS, "192.0.2.1", IPV6, PHONE, *_FINEWEB.values()])
)
"""Every mask that reads like what it stands for: it is found in no text, so that masking again changes nothing."""
