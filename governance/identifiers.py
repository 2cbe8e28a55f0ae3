"""Numbers, accounts and addresses that point to a person, as patterns: mainland China, in both languages."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from governance.china_ids import is_bank_card, is_resident_id, is_uscc

# Full-width ASCII and the ideographic space → ASCII, one character for one: offsets into the original stay valid.
HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
# CJK characters are \w, so \b is no boundary next to them. Presidio compiles with the `regex` module, where a
# look-behind may have variable length.
LEFT, RIGHT = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
ROAD = "路|街|大道|道|巷|弄|胡同|里|村|小区|花园|新村|公寓|社区"
PLACE = r"(?:[\u4e00-\u9fff]{2,7}?(?:省|自治区|市|区|县)){1,3}(?:[\u4e00-\u9fff]{1,6}?(?:街道|镇|乡))?"
HOUSE = (
    r"\d{1,5}(?:[-－]\d+)?(?:号|弄)"
    r"(?:[\u4e00-\u9fffA-Za-z0-9]{0,10}?\d+[-－]?\d*(?:号楼|栋|幢|座|单元|楼|层|室|房|号))*(?:\d{1,4}(?:室|房)?)?"
)
PROVINCE_SIGN = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"


def half_width(text: str) -> str:
    """The text with ASCII for full-width characters, of the same length."""
    return text.translate(HALF_WIDTH)


@dataclass(frozen=True, slots=True)
class Rule:
    """One pattern recognizer. A validator that says yes sets the score to 1.0, one that says no drops the match."""

    name: str
    entity: str
    patterns: tuple[tuple[str, float], ...]
    context: tuple[str, ...] = ()
    is_valid: Callable[[str], bool] | None = None
    is_invalid: Callable[[str], bool] | None = None
    languages: tuple[str, ...] = ("zh", "en")


RULES = (
    Rule(
        "CnMobile", "PHONE",
        ((LEFT + r"(?:(?:\+|00)?86[-\s]?)?1[3-9]\d[-\s]?\d{4}[-\s]?\d{4}" + RIGHT, 0.75),),
        context=("手机", "电话", "联系", "mobile", "tel"),
    ),
    Rule(
        "IntlPhone", "PHONE",
        ((r"(?<![0-9A-Za-z+])\+(?!86)[1-9]\d{0,2}[-\s]?(?:\(?\d{1,4}\)?[-\s]?){2,4}\d{2,4}" + RIGHT, 0.6),),
    ),
    Rule(
        "CnLandline", "LANDLINE",
        (
            (
                LEFT + r"(?<!\d[- ])(?:\+86[-\s]?)?(?:\(0[1-9]\d{1,2}\)\s?|0[1-9]\d{1,2}[-\s])"
                r"\d{3,4}[-\s]?\d{4}(?:\s?(?:-|转|ext\.?)\s?\d{1,5})?"
                + RIGHT,
                0.6,
            ),
            (LEFT + r"\+86[-\s]\d{2,3}[-\s]\d{4}[-\s]?\d{4}" + RIGHT, 0.6),
        ),
        context=("电话", "座机", "传真", "tel", "fax"),
        is_invalid=lambda value: bool(re.match(r"(?:\+86[-\s]?)?1[3-9]\d{9}", re.sub(r"[-\s]", "", value))),
    ),
    Rule(
        "CnResidentId", "CN_ID",
        ((
            LEFT + r"[1-9]\d{5}[- ]?(?:19|20)\d{2}[- ]?(?:0[1-9]|1[0-2])[- ]?(?:0[1-9]|[12]\d|3[01])[- ]?\d{3}[0-9Xx]"
            + RIGHT,
            0.5,
        ),),
        is_valid=is_resident_id,
    ),
    Rule(
        "CnUscc", "USCC",
        ((
            LEFT + r"(?i:[1-9A-HJ-NPQRTUWXY][1-9ABC][- ]?(?:\d[- ]?){6}(?:[0-9A-HJ-NPQRTUWXY][- ]?){9}"
            r"[0-9A-HJ-NPQRTUWXY])"
            + RIGHT,
            0.5,
        ),),
        is_valid=is_uscc,
    ),
    Rule(
        "CnBankCard", "BANK_CARD",
        (
            (LEFT + r"(?:62|60|4\d|5[1-5]|9[58])\d{2}[ -]?\d{4}[ -]?\d{4}[ -]?\d{3,4}(?:[ -]?\d{1,3})?" + RIGHT, 0.5),
            (LEFT + r"62\d{4}[ -]?\d{13}" + RIGHT, 0.5),
            (LEFT + r"3[47]\d{2}[ -]?\d{6}[ -]?\d{5}" + RIGHT, 0.5),
            (LEFT + r"3[5-7]\d{2}[ -]?\d{4}[ -]?\d{4}[ -]?\d{3,4}" + RIGHT, 0.5),
        ),
        is_valid=is_bank_card,
    ),
    Rule(
        "CnPassport", "PASSPORT",
        ((
            r"(?<=(?:护照|通行证|台胞证|回乡证|(?i:passports?))[^0-9A-Za-z]{0,6}(?i:no\.?|number|is)?[:：\s]{0,3}"
            r"|(?i:passport) (?i:of|holder)[^0-9,;\n]{2,40} (?i:is|no\.?|number)[:\s]{0,3})"
            r"(?:[A-Za-z]\d{8}|[A-Za-z]{2}\d{7})" + RIGHT,
            0.8,
        ),),
    ),
    Rule(
        "CnPlate", "PLATE",
        ((
            LEFT
            + rf"[{PROVINCE_SIGN}][A-HJ-NP-Z][·•\s]?(?:[A-HJ-NP-Z0-9]{{5}}|[DF][A-HJ-NP-Z0-9]\d{{4}}|\d{{5}}[DF])"
            + RIGHT,
            0.7,
        ),),
        is_invalid=lambda value: sum(char.isdigit() for char in value) < 2,
    ),
    Rule(
        "CnWechat", "WECHAT",
        (
            (
                r"(?<=(?:微信号?|企微号?|WeChat(?:\s?ID)?|vx|wx)\s{0,2}[:：是为]\s{0,2}|[微信企]号\s{0,2}|"
                r"微信号是\s{0,2}"
                r"|企微号\s{0,2}|WeChat\s?(?:ID|is)\s{0,2})"
                r"[A-Za-z][-_A-Za-z0-9]{5,19}" + RIGHT,
                0.8,
            ),
            (r"(?<=(?:微信|企微|WeChat|vx|wx)\s{0,2}[(（]?)(?=\D{0,19}\d)[A-Za-z][-_A-Za-z0-9]{5,19}" + RIGHT, 0.8),
            (LEFT + r"(?:wxid|wx)_[a-z0-9_]{5,20}" + RIGHT, 0.9),
        ),
    ),
    Rule("CnQQ", "QQ", ((r"(?<=(?:QQ)(?:号码?)?\s{0,2}[:：是为]?\s{0,2})[1-9]\d{4,10}" + RIGHT, 0.8),)),
    Rule(
        "CjkSafeEmail", "EMAIL",
        ((
            r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9][A-Za-z0-9._%+-]*@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}(?![A-Za-z0-9])",
            0.9,
        ),),
    ),
    Rule(
        "CnAddress", "ADDRESS",
        ((rf"{PLACE}[\u4e00-\u9fffA-Za-z0-9]{{1,12}}?(?:{ROAD})(?:[东西南北中][一二]?段)?{HOUSE}", 0.6),),
        languages=("zh",),
    ),
    Rule(
        "LatinAddress", "ADDRESS",
        ((
            LEFT + r"(?-i:(?:(?:No|Nr)\.? ?)?\d{1,5}[A-Za-z]?,? (?:[A-Z][A-Za-z]+ ){1,4}"
            r"(?:Road|Street|Avenue|Lane|Boulevard|Rd|St|Ave)\b\.?"
            r"(?:, ?(?:Building|Bldg|Block|Unit|Room|Floor|Suite|Apt|Flat)\.? ?[0-9A-Z]+)*"
            r"(?:, ?[A-Z][a-z]+\b(?! [A-Z])){0,3})",
            0.6,
        ),),
    ),
)  # fmt: skip
