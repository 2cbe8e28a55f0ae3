"""Check digits of mainland-China identifiers: validators for the recognizers, generators for fictional test data."""

import re
from datetime import date

# two digits each, GB/T 2260; 91: foreigners with permanent residence
PROVINCES = frozenset(re.findall("..", "111213141521222331323334353637414243444546505152535461626364657181828391"))
ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def resident_id(first17: str) -> str:
    """Append the check character (GB 11643-1999, ISO 7064 MOD 11-2)."""
    total = sum(int(digit) * weight for digit, weight in zip(first17, ID_WEIGHTS, strict=True))
    return first17 + "10X98765432"[total % 11]


def is_resident_id(value: str) -> bool:
    """Province code, a real birth date from 1900 to 2099, and the check character; spaces and dashes are ignored."""
    value = re.sub(r"[- ]", "", value).upper()
    if len(value) != 18 or not value[:17].isdecimal() or value[:2] not in PROVINCES:
        return False
    try:
        born = date(int(value[6:10]), int(value[10:12]), int(value[12:14]))
    except ValueError:
        return False
    return 1900 <= born.year <= 2099 and resident_id(value[:17]) == value


def uscc(first17: str) -> str:
    """Append the check character of a unified social credit code (GB 32100-2015, modulus 31, weights 3^i)."""
    total = sum(USCC_ALPHABET.index(char) * pow(3, i, 31) for i, char in enumerate(first17))
    return first17 + USCC_ALPHABET[(31 - total % 31) % 31]


def is_uscc(value: str) -> bool:
    """True for a valid credit code that is not also a valid resident ID; spaces and dashes are ignored."""
    value = re.sub(r"[- ]", "", value).upper()
    try:
        return uscc(value[:17]) == value and not is_resident_id(value)
    except ValueError:
        return False


def _luhn_sum(digits: list[int]) -> int:
    """Digits are given from the right; the first one is not doubled."""
    return sum(d if i % 2 == 0 else (d * 2 - 9 if d > 4 else d * 2) for i, d in enumerate(digits))


def bank_card(prefix: str) -> str:
    """Append the Luhn check digit."""
    return prefix + str(-_luhn_sum([0, *(int(digit) for digit in reversed(prefix))]) % 10)


def is_bank_card(value: str) -> bool:
    """15 to 19 digits that pass Luhn; spaces and dashes are ignored."""
    digits = [int(char) for char in value if char.isdigit()][::-1]
    return 15 <= len(digits) <= 19 and _luhn_sum(digits) % 10 == 0
