"""What the numbering plans of the world say of a telephone number: Google's metadata, by the package `phonenumbers`.

A look-up takes about 0.1 ms, so each number is asked about once and remembered, and callers screen what they ask.
"""

from __future__ import annotations

import functools
from typing import Any

TRUNK_REGIONS = (
    "GB DE FR IT AU JP NL BE CH AT SE FI TR ZA IN KR NZ IE RO BG RS HR UA PK BD ID MY TH VN PH EG NG KE IL TW CN "
    "IR SI SK MA DZ GH BR AR VE LK NP ET TZ UG ZW JO LB SA AE TN BA MK ME AL BY GE AM AZ UZ KZ KG MD LT"
).split()
"""Where numbers are written with a leading zero (or where many are)."""


@functools.lru_cache(1 << 16)
def international(number: str) -> str:
    """`valid`, `possible` or `` for the digits after the plus."""
    import phonenumbers

    try:
        parsed = phonenumbers.parse("+" + number, None)
    except phonenumbers.NumberParseException:
        return ""
    if phonenumbers.is_valid_number(parsed):
        return "valid"
    whole = phonenumbers.is_possible_number_with_reason(parsed) == phonenumbers.ValidationResult.IS_POSSIBLE
    return "possible" if whole else ""


@functools.lru_cache(1 << 16)
def first_group(number: str) -> frozenset[int]:
    """For a national number with its leading zero: how many digits its first written group has where it is valid.

    The number is screened by one pattern of all those regions; only the regions that it fits are asked.
    """
    import phonenumbers

    found = set()
    for region in _fitting(number):
        parsed = phonenumbers.parse(number, region)
        written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
        head = ""
        for character in written:
            if character.isdigit():
                head += character
            elif head:
                break
        found.add(len(head))
    return frozenset(found)


@functools.lru_cache(1 << 14)
def valid_in(number: str, regions: tuple[str, ...]) -> bool:
    """Whether a number without a leading zero is valid in one of the regions."""
    return any(_plan(region).fullmatch(number) is not None for region in regions)


def _fitting(number: str) -> list[str]:
    fits = []
    for region in TRUNK_REGIONS:
        prefix = "0" if region != "IT" else ""
        if number.startswith("0") and _plan(region).fullmatch(number.removeprefix(prefix)) is not None:
            fits.append(region)
    return fits


@functools.cache
def _plan(region: str) -> Any:
    """The pattern of all of a region's numbers, of whatever use."""
    import phonenumbers

    from filters.pii.patterns import compiled

    data = phonenumbers.PhoneMetadata.metadata_for_region(region)
    assert data is not None
    parts = [
        data.fixed_line, data.mobile, data.toll_free, data.premium_rate, data.shared_cost, data.personal_number,
        data.voip, data.uan,
    ]  # fmt: skip
    sources = [part.national_number_pattern for part in parts if part and part.national_number_pattern]
    return compiled("|".join(f"(?:{source})" for source in sources))
