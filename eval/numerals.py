"""Numbers in words, Chinese and English, as digits: 三十六, 叁拾肆万伍仟陆佰元整, two hundred and five."""

import re
from decimal import Decimal

HAN = "零〇一二两三四五六七八九十百千"
HAN_DIGITS = {char: value for value, char in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
FORMAL_DIGITS = "零壹贰貳叁參肆伍陆陸柒捌玖拾佰仟萬億万亿"
HAN_LARGE = rf"[{HAN}]+[万亿](?:[{HAN}]+[万]?)*[{HAN}]*"
CENT = "[壹贰叁肆伍陆柒捌玖]"
_FORMAL = str.maketrans("壹贰貳叁參肆伍陆陸柒捌玖拾佰仟萬億圆", "一二二三三四五六六七八九十百千万亿元")
_SMALL = {
    word: number
    for number, word in enumerate(
        [
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ],
        1,
    )
} | {"a dozen": 12, "dozen": 12}
_TENS = {
    word: number * 10
    for number, word in enumerate("twenty thirty forty fifty sixty seventy eighty ninety".split(), 2)  # noqa: SIM905
}
_LARGE = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_ONES = "|".join(sorted(_SMALL, key=len, reverse=True))
_UNDER_100 = rf"(?:(?:{'|'.join(_TENS)})(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?|{_ONES})"
# A number in words, up to hundreds of thousands: twelve, twenty-four, two hundred and five, a dozen.
WORDS = (
    rf"(?:(?:{_UNDER_100} |a )(?:hundred|thousand)(?: (?:and )?{_UNDER_100}(?: hundred(?: (?:and )?{_UNDER_100})?)?)?"
    rf"(?: thousand(?: (?:and )?{_UNDER_100} hundred)?)?|{_UNDER_100})"
)


def whole(number: str) -> str:
    """Digits of a number in digits or words, without thousands separators."""
    lower = number.lower()
    if lower[:1].isascii() and lower[:1].isalpha():
        return str(english(lower))
    return han_number(number) if re.fullmatch(rf"[{HAN}]+", number) else number.replace(",", "")


def english(words: str) -> int:
    """two hundred and five → 205."""
    total = part = 0
    for word in re.findall(r"[a-z]+", words.lower()):
        if word in _SMALL or word in _TENS:
            part += _SMALL.get(word) or _TENS[word]
        elif word in _LARGE:
            size = _LARGE[word]
            part = (part or 1) * size
            if size >= 1000:
                total, part = total + part, 0
    return total + part


def spelled(written: str, text: str) -> str | None:
    """叁拾肆万伍仟陆佰元整 and 三十四万五千六百元 → 345600; `text` is all of it, with its 角 and 分."""
    simple = written.translate(_FORMAL)
    if not re.fullmatch(rf"[{HAN}万亿]+", simple):
        return None
    total, part = 0, ""
    for char in simple:
        if char == "亿":
            total, part = (total + int(han_number(part or "一"))) * 10**8, ""
        elif char == "万":
            total, part = total + int(han_number(part or "一")) * 10**4, ""
        else:
            part += char
    if total and len(part) == 1 and simple[-2] in "万亿":  # 四十三万五: 五千
        part += "千"
    cents = Decimal(total + int(han_number(part)))
    for digit, sign in re.findall(r"([壹贰叁肆伍陆柒捌玖])([角分])", text):
        cents += Decimal(han_number(digit.translate(_FORMAL))) / (10 if sign == "角" else 100)
    return plain(str(cents))


def plain(number: str) -> str:
    """No thousands separators, no trailing zeros, no leading zeros."""
    value = Decimal(number.replace(",", "")).normalize()
    return format(value, "f")


def han_number(text: str) -> str:
    """Chinese numerals up to 9999: 两 → 2, 三十六 → 36; 一二三 is read digit by digit, 两百五 is 250."""
    if len(text) > 1 and not re.search("[十百千]", text):
        return str(int("".join(str(HAN_DIGITS[char]) for char in text)))
    total, digit, size = 0, 0, 0
    for at, char in enumerate(text):
        if char in "十百千":
            size = {"十": 10, "百": 100, "千": 1000}[char]
            total += (digit or 1) * size
            digit = 0
        else:
            digit = HAN_DIGITS[char]
            if at == len(text) - 1 and size > 10 and text[at - 1] in "百千":  # 两百五: fifty
                digit *= size // 10
    return str(total + digit)
