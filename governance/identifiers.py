"""Numbers, accounts and addresses that point to a person, as patterns: mainland China, in both languages."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from governance.china_ids import is_bank_card, is_resident_id, is_uscc

# Full-width ASCII and the ideographic space → ASCII, one character for one: offsets into the original stay valid.
HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
SPELLED = str.maketrans("一二三四五六七八九零〇幺", "123456789001")
# CJK characters are \w, so \b is no boundary next to them. Presidio compiles with the `regex` module, where a
# look-behind may have variable length.
LEFT, RIGHT = r"(?<![0-9A-Za-z])", r"(?![0-9A-Za-z])"
GAP = r"[-\s.·–—‑]"  # between the groups of a number
ROAD = "路|街|大道|道|巷|弄|胡同|里|村|小区|花园|新村|公寓|社区"
# No verb before a place is part of it: 寄到杭州市 begins at 杭
PLACE_CHAR = "(?:(?![寄到至在是为址往去送发给的把了从由位住于将请按快递货票样机])[\u4e00-\u9fff])"
PLACE = (
    rf"(?:{PLACE_CHAR}{{2,7}}?(?:省|自治区|市|区|县|州|盟|旗)\s?){{1,4}}"
    rf"(?:{PLACE_CHAR}{{1,6}}?(?:街道|镇|乡|开发区|园区|新区)\s?)?"
)
HOUSE = (
    r"\s?(?:\d{1,5}|[一二三四五六七八九十百]{1,4})(?:[-－]\d+)?\s?(?:号院?|弄|组)"
    r"(?:\s?[\u4e00-\u9fffA-Za-z0-9]{0,12}?(?:\d+|[A-Za-z一二三四五六七八九十])(?:[-－]\d+)*\s?"
    r"(?:号楼|号|栋|幢|座|单元|楼|层|室|房|区|门|户|库|仓))*"
    r"(?:\s?[\u4e00-\u9fff]{0,8}?(?:大厦|大楼|广场|花园|小区|公寓|科技园|产业园|创业园|写字楼|商务楼|门诊楼|住院楼|综合楼|病房楼|行政楼|苑|仓库))?"
    r"[甲乙丙丁]?(?:\s?[A-Za-z]?\d{1,4}(?:[-－]\d+)*\s?(?:号楼|栋|幢|座|单元|楼|层|室|房|号)?)*"
)
LATIN_UNIT = (
    r"(?:(?:Room|Rm|Flat|Apt|Apartment|Unit|Suite|Ste|Building|Bldg|Block|Floor|Fl|Level|Tower|Gate|Warehouse|"
    r"House|Door)\.? ?"
    r"(?:No\.? ?)?#?[0-9A-Z]{1,5}(?:-[0-9A-Z]+)?\b|\d{1,3}(?:st|nd|rd|th)? Floor|\d{1,3}/F)"
)
LATIN_STREET = (
    r"(?:(?:(?:No|Nr)\.? ?)?\d{1,5}[A-Za-z]?(?:[-/]\d{1,4}[A-Za-z]?)?,? (?:[A-ZÀ-Þ][\w'’.-]+ ){1,4}"
    r"(?:Road|Street|Avenue|Lane|Boulevard|Way|Drive|Court|Square|Place|Crescent|Terrace|Highway|Parkway|Close|"
    r"Row|Quay|Gardens|"
    r"Alley|Hill|Rd|St|Ave|Blvd|Ln|Dr)\b\.?"
    r"|\d{1,5}(?: ?(?:bis|ter))?,? (?i:rue|avenue|boulevard|place|quai|chemin|via|viale|piazza|calle|avenida|"
    r"plaza|rua|jalan)"
    r"(?: (?:de|des|du|la|le|les|del|della|dei|da|do|dos|l')){0,2}(?: [A-ZÀ-Þ][\w'’-]+){1,3}"
    r"|(?i:rue|via|viale|piazza|calle|avenida|plaza|rua)(?: (?:de|des|du|la|le|les|del|della|dei|da|do|dos)){0,2}"
    r"(?: [A-ZÀ-Þ][\w'’-]+){1,3},? \d{1,4}"
    r"|(?:[A-ZÀ-Þ][\w-]+ ?)(?:straße|strasse|str\.|Straße|Strasse|weg|platz|allee|gasse|straat|laan|plein|"
    r"gracht|gatan|vägen|vej|gade) \d{1,4}[a-z]?"
    r"|(?:No\.? ?\d{1,5},? )?Lane \d{1,5},? (?:(?:No\.? ?)?\d{1,5},? )?(?:[A-Z][\w'’-]+ ){1,4}(?:Road|Street|"
    r"Avenue|Rd|St)\b\.?|P\.? ?O\.? Box \d{1,6})"
)
POSTCODE = r"(?:[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}|\d{4,6}(?:-\d{4})?|\d{4} [A-Z]{2})"
LATIN_TAIL = (
    rf"(?:,? {LATIN_UNIT}|,? {POSTCODE}(?: [A-ZÀ-Þ][a-zß-ÿ]+)?\b|, (?:[A-ZÀ-Þ][\w'’-]+ ){{1,3}}(?:District|City|"
    rf"Province|County|State|Town|"
    rf"New Area|Zone|Park)\b|, [A-ZÀ-Þ][a-zß-ÿ]+(?:-[A-Z][a-z]+)?\b(?: {POSTCODE})?(?! [A-ZÀ-Þ][a-z])|, "
    rf"[A-Z]{{2}} \d{{5}})"
)
EXTENSION = r"(?:\s?(?:-|–|—|转|,?\s?(?:转?分机号?|内线)|\(转?|,?\s?(?i:ext(?:ension)?\.?|x)|#)\s?[:：]?\s?\d{1,6}\)?)?"
WECHAT = (
    r"(?:微信|企微|企业微信|薇信|威信|[Vv]信|[加我]个?[Vv](?=[:：\s是])|"
    r"(?i:wechat|weixin|wecom|(?<![A-Za-z])(?:vx|wx)(?![A-Za-z])))"
)
COUNTED = r"(?!\s?(?:元|台|套|个|件|万|人|次|年|%))"
PROVINCE_SIGN = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"


@lru_cache(maxsize=8)
def half_width(text: str) -> str:
    """The text with ASCII for full-width characters, of the same length."""
    return text.translate(HALF_WIDTH)


def is_mobile(value: str) -> bool:
    """Eleven digits that begin with 13 to 19, with or without 86 before; spelled out counts too."""
    digits = "".join(char for char in value.translate(SPELLED) if char.isdigit())
    return bool(re.fullmatch(r"(?:00)?(?:86)?1[3-9]\d{9}", digits))


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
        (
            (
                LEFT + rf"(?:\(?(?:\+|00)?86\)?{GAP}{{0,2}})?"
                rf"1{GAP}?[3-9]\d{GAP}?\d{{1,3}}(?:{GAP}?\d{{2,5}}){{1,3}}" + RIGHT,
                0.75,
            ),
            (r"(?<![一二三四五六七八九零〇幺])[一幺][三四五六七八九][一二三四五六七八九零〇幺]{9}"
             r"(?![一二三四五六七八九零〇幺十百千万])", 0.7),
        ),
        context=("手机", "电话", "联系", "mobile", "tel"),
        is_invalid=lambda value: not is_mobile(value),
    ),
    Rule(
        "IntlPhone", "PHONE",
        (
            (
                r"(?<![0-9A-Za-z+-])\(?(?:\+|(?<=(?:电话|手机|(?i:phone|tel|call|mobile|dial|ring|whatsapp|fax|"
                r"cell))\W{0,3}(?i:is |at |on |no\.? ?|number "
                r")?\(?)00)(?!\(?86)[1-9]\d{0,2}\)?[-\s.]?(?:\(?\d{1,4}\)?[-\s.]?){2,4}\d{2,4}"
                r"(?:\s?(?:ext\.?|x|extension|#)\s?\d{1,5})?" + RIGHT,
                0.6,
            ),
            (r"(?<![0-9A-Za-z)+-])(?:\((?!0)\d{3}\)\s?|(?!0|400|800)\d{3}[-.])\d{3}[-.]\d{4}(?:\s?(?:ext\.?|"
            r"x)\s?\d{1,5})?" + RIGHT + r"(?!-)", 0.6),
            (LEFT + r"(?<!\d[- ])0(?:\d{4} \d{6}|\d{4} \d{3} \d{3}|\d{3} \d{3} \d{4})" + RIGHT, 0.6),
        ),
        is_invalid=lambda value: sum(char.isdigit() for char in value) < 8,
    ),
    Rule(
        "CnLandline", "LANDLINE",
        (
            (
                LEFT + r"(?<!\d[- ])(?:\(?(?:\+|00)?86\)?[-\s]?)?(?:[(\[]0[1-9]\d{1,2}[)\]]\s?[-–—]?\s?|"
                r"0[1-9]\d{1,2}\s?[-–—/.\s]{1,2}\s?)"
                rf"\d{{3,4}}[-\s.–—]?\d{{4}}{EXTENSION}" + RIGHT,
                0.6,
            ),
            (LEFT + rf"\(?(?:\+|00|(?<=(?:(?i:tel|phone|fax)|电话|座机|"
            rf"传真)[:：.\s]{{0,3}}))86\)?[-\s]?\(?0?\)?[-\s]?\(?[1-9]\d{{1,2}}\)?[-\s]"
             rf"\d{{3,4}}[-\s]?\d{{4}}{EXTENSION}" + RIGHT, 0.6),
            (LEFT + rf"0(?:10|2\d|[3-9]\d\d)\d{{7,8}}{EXTENSION}" + RIGHT, 0.35),
            (
                rf"(?<=(?:电话|座机|固话|总机|直线|传真|办公室|值班室|科室电话|(?i:tel|fax|phone|landline))(?:号码?|是|为|打)?\s?[:：.]?\s?)"
                rf"[2-8]\d{{2,3}}[-\s]?\d{{4}}{EXTENSION}" + RIGHT + r"(?!\s?[元台套个件年月])",
                0.6,
            ),
            (rf"(?<=0[1-9]\d{{1,2}}[-)]\s?\d{{7,8}}\s?[/、或和]\s?)[2-8]\d{{6,7}}{EXTENSION}" + RIGHT, 0.6),
        ),
        context=("电话", "座机", "固话", "传真", "总机", "直线", "tel", "fax", "phone", "landline", "打", "拨"),
        is_invalid=lambda value: is_mobile(value),
    ),
    Rule(
        "CnResidentId", "CN_ID",
        ((
            LEFT + r"[1-9](?:[- ]?\d){16}[- ]?[0-9Xx]" + RIGHT,
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
            (LEFT + r"(?:62|60|4\d|5[1-5]|9[58])(?:[ -]?\d){13,17}" + RIGHT, 0.5),
            (LEFT + r"3[5-7]\d{2}[ -]?\d{4}[ -]?\d{4}[ -]?\d{3,4}" + RIGHT, 0.5),
        ),
        is_valid=is_bank_card,
    ),
    Rule(
        "CnPassport", "PASSPORT",
        (
            (
                r"(?<![0-9A-Za-z-])(?:[A-Z]\d{8}|[A-Z]{2}\d{7}|[A-Z]\d{10})" + RIGHT
                + r"(?<=(?:护照|通行证|台胞证|回乡证|(?i:passports?|travel document))[^。\n]{0,61})",
                0.8,
            ),
            (r"(?<![0-9A-Za-z-])(?:[A-Z]\d{8}|[A-Z]{2}\d{7})(?=[^0-9A-Za-z。\n]{0,6}(?:是|为|"
            r"is)?[^0-9。\n.]{0,20}(?:护照|(?i:passport)))", 0.8),
            (
                r"(?<=(?:护照|通行证|台胞证|回乡证|(?i:passports?))(?:号码?|(?i: no\.?| number|# ?))?"
                r"(?:是|为|(?i: is))?[:：\s]{0,3})"
                r"(?:[A-Za-z]{1,2}\d{6,8}|\d{8,9})" + RIGHT,
                0.7,
            ),
        ),
    ),
    Rule(
        "CnPlate", "PLATE",
        ((
            LEFT
            + rf"[{PROVINCE_SIGN}](?i:[A-HJ-NP-Z]\s?[·•・.\-]?\s?(?:[DF][A-HJ-NP-Z0-9]\d{{4}}|\d{{5}}[DF]|"
            rf"[A-HJ-NP-Z0-9]{{5}}|"
            r"[A-HJ-NP-Z0-9]{4}[挂学警港澳]))" + RIGHT,
            0.7,
        ),),
        is_invalid=lambda value: sum(char.isdigit() for char in value) < 2,
    ),
    Rule(
        "CnWechat", "WECHAT",
        (
            (
                rf"(?<={WECHAT}(?:\s?(?:号码?|ID|id|账号|帐号))?\s{{0,2}}(?:[:：]|是|为|叫|号是?[:：]?|(?<=号码?|ID|id|账号|帐号)|"
                rf"\s?is|\s?ID:?|\s?[-—]{{1,2}})\s{{0,2}})"
                r"(?!WeChat|ID\b)[A-Za-z][-_A-Za-z0-9]{5,19}(?![0-9A-Za-z_@.-]*@)" + RIGHT,
                0.8,
            ),
            (r"(?<![0-9A-Za-z._@-])(?=[-_A-Za-z]{0,19}\d|[a-z]+[_-][a-z])(?=[-_A-Za-z0-9]*(?-i:[a-z]))"
             r"[A-Za-z][-_A-Za-z0-9]{5,19}(?![-_A-Za-z0-9]*[@.][a-z])" + RIGHT
             + rf"(?<={WECHAT}[^。.!?！？\n]{{0,60}})", 0.8),
            (r"(?<![0-9A-Za-z._@-])(?=[-_A-Za-z0-9]*(?-i:[a-z]))(?=[-_A-Za-z]{0,19}\d|"
            r"[a-z]+_[a-z])[A-Za-z][-_A-Za-z0-9]{5,19}"
             rf"(?=[)）\s,，]{{0,2}}(?:(?:就?是|为|这个是?)?(?:我|他|她|对方|本人|你)?的?|"
             r"(?:is |on |via )?(?:my |his |her "
             rf")?){WECHAT})", 0.8),
            (LEFT + r"(?:wxid|wx)_[a-z0-9_]{5,20}" + RIGHT, 0.9),
        ),
    ),
    Rule(
        "CnQQ", "QQ",
        (
            (r"(?<=(?<![A-Za-z])(?i:QQ|扣扣|企鹅号)[^0-9。.\n@]{0,14})(?<![0-9-])[1-9]\d{4,10}" + RIGHT + COUNTED, 0.8),
            (r"(?<![0-9A-Za-z-])[1-9]\d{5,10}(?=[)）\s]{0,2}(?:(?:就?是|为|这个是?)?(?:我|他|她|对方|本人|你)?的?|"
             r"(?:is |on |"
            r"via )?(?:my |his |her )?)(?i:QQ|扣扣)(?!邮箱|\.|@))", 0.8),
        ),
        is_invalid=lambda value: is_mobile(value),
    ),
    Rule(
        "CjkSafeEmail", "EMAIL",
        ((
            r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9][A-Za-z0-9._%+-]*@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}(?![A-Za-z0-9])",
            0.9,
        ),),
    ),
    Rule(
        "CnAddress", "ADDRESS",
        (
            (rf"{PLACE}[\u4e00-\u9fffA-Za-z0-9]{{1,12}}?(?:{ROAD})(?:[东西南北中][一二]?段)?{HOUSE}", 0.6),
            (rf"{PLACE_CHAR}{{2,6}}(?:路|街|大道|巷|胡同)(?:[东西南北中][一二]?段)?{HOUSE}", 0.55),
        ),
        languages=("zh",),
    ),
    Rule(
        "LatinAddress", "ADDRESS",
        ((rf"(?-i:(?<![0-9A-Za-z])(?:{LATIN_UNIT},? ){{0,3}}{LATIN_STREET}{LATIN_TAIL}{{0,6}})", 0.6),),
    ),
)  # fmt: skip
