"""Presidio recognizers for the names of people in Chinese (LAC and rules) and in English (spaCy and rules) text."""

import re
from collections.abc import Iterator

from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from governance.nlp_engine import half_width

HAN = r"[\u4e00-\u9fff]"
HAN_CHAR = re.compile(HAN)
SURNAMES = (
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任袁柳"
    "酆鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄和穆萧尹姚邵湛汪祁毛禹狄米贝明臧计伏成戴谈宋茅庞"
    "熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯昝管卢莫经房裘缪干解应宗丁宣贲邓"
    "郁单杭洪包诸左石崔吉钮龚程嵇邢滑裴陆荣翁荀羊於惠甄曲家封芮羿储靳汲邴糜松井段富巫乌焦巴弓牧隗山谷车侯宓蓬全郗班仰秋仲伊宫"
    "宁仇栾暴甘钭厉戎祖武符刘景詹束龙叶幸司韶郜黎蓟薄印宿白怀蒲邰从鄂索咸籍赖卓蔺屠蒙池乔阴胥能苍双闻莘党翟谭贡劳逄姬申扶堵冉"
    "宰郦雍却璩桑桂濮牛寿通边扈燕冀郏浦尚农温别庄晏柴瞿阎充慕连茹习宦艾鱼容向古易慎戈廖庾终暨居衡步都耿满弘匡国文寇广禄阙东欧"
    "殳沃利蔚越夔隆师巩厍聂晁勾敖融冷訾辛阚那简饶空曾毋沙乜养鞠须丰巢关蒯相查后荆红游竺权逯盖益桓公肖付代闫涂覃邸仝帅"
)
COMPOUND_SURNAMES = "欧阳|司马|上官|诸葛|东方|皇甫|尉迟|公孙|慕容|司徒|令狐|夏侯|长孙|宇文|端木|轩辕|南宫|独孤"
TITLES = (
    "院长|主任|处长|科长|局长|经理|总监|总|教授|医生|医师|护士长|护士|"
    "老师|先生|女士|小姐|师傅|工程师|工|博士|部长|书记|所长|主管|专员|同志"
)
NAME_BEFORE_TITLE = re.compile(
    rf"(?P<name>(?:{COMPOUND_SURNAMES}){HAN}{{0,2}}|[{SURNAMES}]{HAN}{{0,2}}?)(?:副)?(?:{TITLES})(?!{HAN}*医院)"
)
NAME_AFTER_LEAD_WORD = re.compile(
    r"(?:联系人|经办人|收件人|法定代表人|授权代表|被授权人|持证人|户名|姓名|代表|签字人|负责人|项目经理|司机|致|请)\s*[:：]?\s*"
    rf"(?P<name>(?:{COMPOUND_SURNAMES}){HAN}{{1,2}}|[{SURNAMES}]{HAN}{{1,2}})"
    r"(?=[\s，,。；;、（(0-9A-Za-z]|$|院长|主任|总监|教授|的|收|代表|签字|护照|身份证)"
)
NAME_IN_LIST = re.compile(rf"(?<=[、])(?P<name>[{SURNAMES}]{HAN}{{1,2}})(?=[、，。]|三位|两位|等人)")
PROFESSIONS = "主任医师|主治医师|住院医师|医师|主任护师|主管护师|主任技师|教授|高级工程师|工程师|经办人为|联系人为"
NAME_AFTER_PROFESSION = re.compile(
    rf"(?:{PROFESSIONS})[:：]?(?P<name>(?:{COMPOUND_SURNAMES}){HAN}{{1,2}}|[{SURNAMES}]{HAN}{{1,2}})"
    r"(?=[\s,;。、()0-9A-Za-z]|$|的|说|表示|反映|来电|电话|手机|主刀|出诊|团队)"
)
# Surnames that are far more often ordinary words: a rule believes them only where LAC sees one word.
WEAK_SURNAMES = frozenset("经公和都从向全相能那后应于平常安明成时方万单高何任家满管路连空通查干解计易双许")
LATIN_BEFORE_TITLE = re.compile(r"(?<![A-Za-z])[A-Z][a-z]{2,}(?=\s?(?:医生|先生|女士|小姐|教授|主任|博士|经理|总监))")
ROLE = re.compile(r"司机|联系人|经办人|负责人|客户|患者|医师|医生(?=..)")
REST_OF_FOREIGN_NAME = re.compile(rf"[·•]{HAN}{{1,6}}?(?=医生|主任|教授|先生|女士|院长|$|[，。、\s])")
PLACE_OR_COMPANY_FOLLOWS = re.compile(r"医院|公司|药监|集团|大学|路|大道|街|山|氏|注准|注进|注许|备字")
# Common words whose first character is also a surname.
NOT_NAMES = frozenset(
    re.findall(
        r"\S+",
        "代码 高达 司机 公司 科里 院里 高频 白平 温度 马鞍 双肩 高通 黄金 严格 温馨 周一 周二 周三 周四 周五 周六 周日 "
        "明年 成本 全自 全部 平均 安全 常规 单位 经办 那个 应急 从业 方案 计划 江路 华东 东省 施工 员工 职工 "
        "化工 手工 加工 汇总 总总 班主 何老 家属 应用 经理 都经 常务 时间 双方 任何 单价 成套 高级 万元 安装 "
        "安排 明确 能力 计算 相关 那边 白班 全程 平台 权限 和平 ",
    )
)

LATIN_NAME = re.compile(r"[A-Z][a-z]+(?: [A-Z][a-z'-]+){1,3}")
NAME_AFTER_HONORIFIC = re.compile(
    r"\b(?:Dr|Mr|Ms|Mrs|Prof|Professor)\.? (?:[A-Z][a-z'-]+|[A-Z]\.)(?: [A-Z][a-z'-]+){0,2}"
)
# spaCy takes many a capitalised word for a person; a single one needs a neighbour that only people have
SPOKEN_OF = re.compile(r"(?i)\b(?:with|by|from|and|ask|tell|told|call|called|contact|met|dear|hi|hello|regards,?)\s$")
SPEAKS = re.compile(
    r"(?:'s\b|:)|\s(?:said|says|asked|asks|called|wrote|will|would|told|agreed|confirmed|thinks|wants)\b"
)
ORGANISATION_FOLLOWS = re.compile(
    r"(?:'s)?(?: [A-Z][\w'’]*)* (?:Hospitals?|Clinic|University|School|Company|Group|Medical|Co\.|Ltd)"
)
NOT_A_PERSON = re.compile(
    r"(?i)\b(hospital|clinic|inc|ltd|corp|co|&|medical|healthcare|imaging|technology|pharma|biotech|instruments?|group|"
    r"systems?|pump|monitor|analy[sz]er|center|centre|department|committee|university|tender|mindray|siemens|abbott|"
    r"roche|wechat)\b"
    r"|\d|[\u4e00-\u9fff]"
)

Span = tuple[int, int, float]  # start, end, score


class ZhPersonRecognizer(EntityRecognizer):
    """LAC person spans + surname-title rule + lead-word rules + list rule, vetoed inside organisation names."""

    def __init__(self) -> None:
        super().__init__(supported_entities=["PERSON"], supported_language="zh", name="ZhPerson")

    def load(self) -> None: ...

    def analyze(self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts) -> list[RecognizerResult]:
        text = half_width(text)
        tagged = list(_tagged(text, nlp_artifacts))
        spans = [*tagged, *_after_profession(text, nlp_artifacts), *_introduced(text, nlp_artifacts)]
        for start, end, score in _titled(text, nlp_artifacts):  # 和李伟院长: 和 is a surname, but LAC knows better
            if not any(start < first < end for first, _, _ in tagged):
                spans.append((start, end, score))
        spans += [(*match.span(), 0.7) for match in LATIN_BEFORE_TITLE.finditer(text)]
        for match in NAME_IN_LIST.finditer(text):  # only next to a name that is already known
            start, end = match.span("name")
            if any(abs(start - other) <= 1 for _, other, _ in spans) and not text[start:end].endswith("氏"):
                spans.append((start, end, 0.6))
        return [RecognizerResult("PERSON", *span) for span in spans]


def _tagged(text: str, artifacts: NlpArtifacts) -> Iterator[Span]:
    joined: list[tuple[int, int]] = []
    people = sorted((span.start_char, span.end_char) for span in artifacts.entities if span.label_ == "PERSON")
    for start, end in people:
        if joined and text[joined[-1][1] : start] in ("·", "•"):  # a foreign name that LAC split at the interpunct
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    for start, end in joined:
        if rest := REST_OF_FOREIGN_NAME.match(text[end:]):
            end += rest.end()
        if role := ROLE.match(text[start:end]):
            start += role.end()
        name = text[start:end].strip()
        start += text[start:end].index(name)
        end = start + len(name)
        if len(name) < 2 or not HAN_CHAR.search(name) or name in NOT_NAMES:  # Latin words are left to spaCy
            continue
        if any(char.isdigit() for char in name) or name.endswith(("药监", "氏", "委", "局", "厅")):
            continue
        if not PLACE_OR_COMPANY_FOLLOWS.match(text[end:]):
            yield start, end, 0.85


def _titled(text: str, artifacts: NlpArtifacts) -> Iterator[Span]:
    words = dict(zip(artifacts.tokens_indices, artifacts.lemmas, strict=True))
    organisations = [(span.start_char, span.end_char) for span in artifacts.entities if span.label_ == "ORGANIZATION"]
    for match in NAME_BEFORE_TITLE.finditer(text):
        start, end = match.span("name")
        name, title = match["name"], text[end : match.end()]
        if start not in words and not re.match(COMPOUND_SURNAMES, name):
            continue
        if name[0] in WEAK_SURNAMES and len(name) > 1 and words.get(start) not in (name, match.group()):
            continue
        if any(first <= start < last and last >= match.end() for first, last in organisations):
            continue
        if name[:2] in NOT_NAMES or match.group()[:2] in NOT_NAMES or (title in ("工", "总") and len(name) > 1):
            continue
        yield start, match.end() if len(name) == 1 else end, 0.7  # a bare surname is masked with its title


def _after_profession(text: str, artifacts: NlpArtifacts) -> Iterator[Span]:
    """副主任医师钱学兵: LAC reads such a name as an ordinary word of its own, or as two."""
    boundaries = {*artifacts.tokens_indices, len(text)}
    for match in NAME_AFTER_PROFESSION.finditer(text):
        start, end = match.span("name")
        if start in boundaries and end in boundaries and match["name"][:2] not in NOT_NAMES:
            yield start, end, 0.6


def _introduced(text: str, artifacts: NlpArtifacts) -> Iterator[Span]:
    words = dict(zip(artifacts.tokens_indices, artifacts.lemmas, strict=True))
    for match in NAME_AFTER_LEAD_WORD.finditer(text):
        name = match["name"]
        doubtful = name[0] in WEAK_SURNAMES and words.get(match.start("name")) != name
        if name[:2] not in NOT_NAMES and not doubtful:
            yield *match.span("name"), 0.65


class EnPersonRecognizer(EntityRecognizer):
    """spaCy person spans and names after an honorific, minus what looks like a company, a model number or Chinese."""

    def __init__(self) -> None:
        super().__init__(supported_entities=["PERSON"], supported_language="en", name="EnPerson")

    def load(self) -> None: ...

    def analyze(self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts) -> list[RecognizerResult]:
        spans = [(match.start(), match.end(), 0.8) for match in NAME_AFTER_HONORIFIC.finditer(text)]
        for span in nlp_artifacts.entities:
            if span.label_ == "PERSON" and (part := person_part(span.text)):
                start, end = span.start_char + part[0], span.start_char + part[1]
                if ORGANISATION_FOLLOWS.match(text[end:]):
                    continue
                if " " in text[start:end].strip() or SPOKEN_OF.search(text[:start]) or SPEAKS.match(text[end:]):
                    spans.append((start, end, 0.8))
        return [RecognizerResult("PERSON", *span) for span in spans]


def person_part(name: str) -> tuple[int, int] | None:
    """Where the person is in what spaCy calls one: Mindray [Zhang Wei]; None for a company or a model number."""
    vetoes = list(NOT_A_PERSON.finditer(name))
    if not vetoes:
        return 0, len(name)
    rest = LATIN_NAME.search(name, vetoes[-1].end())  # a company's words come first: Hexin Medical Zhang Wei
    return rest.span() if rest else None
