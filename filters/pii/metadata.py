"""What the numbering plans of the world say of a telephone number: Google's metadata, by the package `phonenumbers`.

Its own parsing takes a millisecond a number, because it compiles more patterns than Python remembers. The same patterns
are compiled once here, by RE2, and a question takes some microseconds. `tests/filters/test_pii_phones.py` compares the
answers with the package's.
"""

from __future__ import annotations

import functools
from typing import Any

from filters.pii.patterns import compiled

TRUNK_REGIONS = (
    "GB DE FR IT AU JP NL BE CH AT SE FI TR ZA IN KR NZ IE RO BG RS HR UA PK BD ID MY TH VN PH EG NG KE IL TW CN "
    "IR SI SK MA DZ GH BR AR VE LK NP ET TZ UG ZW JO LB SA AE TN BA MK ME AL BY GE AM AZ UZ KZ KG MD LT"
).split()
"""Where numbers are written with a leading zero (or where many are)."""


def international(number: str) -> str:
    """`valid`, `possible` (of a length that the country has) or `` for the digits after the plus."""
    import phonenumbers

    for size in (1, 2, 3):
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(number[:size] or 0))
        if regions is None or number[0] == "0":
            continue
        national = number[size:]
        for region in regions:
            data = _data(region, int(number[:size]))
            trunk = data.national_prefix or ""
            if _fits(data, national) or (trunk and _fits(data, national.removeprefix(trunk))):
                return "valid"
        return (
            "possible"
            if len(national) in _data(regions[0], int(number[:size])).general_desc.possible_length
            else ""
        )
    return ""


@functools.lru_cache(1 << 14)
def first_group(number: str) -> frozenset[int]:
    """For a national number with its leading zero: how many digits its first written group has where it is valid."""
    found = set()
    for index in _trunk_plans().Match(number) or ():
        region = TRUNK_REGIONS[index]
        national = number if region == "IT" else number[1:]
        size = _first_written(region, national)
        if size:
            found.add(size + len(number) - len(national))
    return frozenset(found)


def valid_in(number: str, regions: tuple[str, ...]) -> bool:
    """Whether a number without a leading zero is valid in one of the regions."""
    return any(_fits(_data(region, 0), number) for region in regions)


def _fits(data: Any, national: str) -> bool:
    return compiled(_plan(data.id, data.country_code)).fullmatch(national) is not None


@functools.cache
def _data(region: str, code: int) -> Any:
    """The metadata of a region; `001` is that of numbers of a country code without a country."""
    import phonenumbers

    if region == "001":
        return phonenumbers.PhoneMetadata.metadata_for_nongeo_region(code)
    return phonenumbers.PhoneMetadata.metadata_for_region(region)


@functools.cache
def _plan(region: str, code: int) -> str:
    """The pattern of all of a region's numbers, of whatever use."""
    data = _data(region, code)
    parts = [
        data.fixed_line, data.mobile, data.toll_free, data.premium_rate, data.shared_cost, data.personal_number,
        data.voip, data.uan, data.pager, data.voicemail,
    ]  # fmt: skip
    sources = [part.national_number_pattern for part in parts if part and part.national_number_pattern]
    return "|".join(f"(?:{source})" for source in sources)


@functools.cache
def _trunk_plans() -> Any:
    """The plans of `TRUNK_REGIONS` with their leading zero as one automaton that tells which of them fit."""
    import re2

    options = re2.Options()
    options.max_mem = 256 << 20
    plans = re2.Set.FullMatchSet(options)
    for region in TRUNK_REGIONS:
        plans.Add(("" if region == "IT" else "0") + f"(?:{_plan(region, 0)})")
    plans.Compile()
    return plans


@functools.cache
def _formats(region: str) -> list[tuple[str, str]]:
    """How a region writes its numbers: pattern of the digits that each format is for, and of its groups."""
    return [
        (one.leading_digits_pattern[-1] if one.leading_digits_pattern else "", one.pattern)
        for one in _data(region, 0).number_format
        if one.format is not None and one.format.lstrip("(").startswith(r"\1")
    ]


def _first_written(region: str, national: str) -> int:
    """Digits of the first group of a number as its region writes it, the zero not counted; 0 if it has no format."""
    for leading, pattern in _formats(region):
        if leading and compiled(f"(?:{leading})").match(national) is None:
            continue
        match = compiled(pattern).fullmatch(national)
        if match is not None:
            return len(match.group(1)) if match.re.groups else len(national)
    return 0
