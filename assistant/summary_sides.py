"""Which side of a conversation a label, a name or a mail belongs to. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from governance.vault import TOKEN
from rag.turns import role_of

Side = Literal["ours", "customer", "both", "unclear"]
OURS = re.compile(
    r"我方|我司|我公司|本公司|(?<![贵子分总])公司|乙方|供方|卖方|供应商"
    r"|经销商|贵司|贵公司|(?:售后|销售|市场|培训|商务|客服|技术)部"
    r"|备件(?:库|中心)|客服中心|维修中心"
    r"|(?<!院方)(?<!医院)(?:工程师|售后(?!服务费)|应用专家|应用培训师|技术支持|客服)"
    r"|\b(?:supplier|vendor|distributor|seller|our (?:engineer|team"
    r"|company|service|sales)|(?:field|service|field service) engineers?"
    r"|application specialist|our \w+ lead|account manager|sales|rep|for us|our side|us\b(?= [:(,]))\b",
    re.IGNORECASE,
)
CUSTOMER = re.compile(
    r"院方|我院|我办(?![理好完妥])|我中心|贵院|贵科|贵处|贵单位|本院"
    r"|我科|我处|本科室|客户(?!部|经理|服务|代表|成功)|甲方|买方|用户方|用户单位|使用方|医院"
    r"|卫生院|诊所|保健院"
    r"|(?:(?![到给送去在的把和与向发交我你您他前后内请让由及、])[\u4e00-\u9fff]){1,4}科(?!技"
    r"|学|长|室|普|研)|科室|护理部|护士站|护士长|手术室|监护室|药房"
    r"|财务(?:处|部)?|院办|总务|后勤(?:处|部)?|招标办|医务处|设备处"
    r"|医工[部处]|(?:采购|信息|财务|后勤|审计|医工|器械)(?:办|处|科"
    r"|中心|部)"
    r"|\b(?:hospital|customer|clinic|infirmary|buyer|ward|pharmacy"
    r"|matron|purchasing office|procurement(?: office| team)?"
    r"|(?:device|purchasing|it|nursing|radiology|biomedical|finance"
    r"|estates|facilities) (?:department|office|team|engineering))\b",
    re.IGNORECASE,
)
_TITLE = (
    r"(?:副?(?:主任|科长|院长|处长|部长|护士长|老师|经理|总监|总|工程师|工|医生|教授|技师|药师|会计|主管|秘书|书记))"
)
_CUSTOMER_TITLE = re.compile(
    r"主任|科长|院长|护士|医生|医师|老师|处长|书记|教授|药师|技师|会计"
    r"|\b(?:dr|doctor|nurse|sister|matron|professor|prof|consultant"
    r"|buyer|registrar|radiographer|sonographer|physio\w*|midwife|anaesthetist"
    r"|stores|porter|procurement|charge nurse|clinician)\b",
    re.IGNORECASE,
)
_OUR_TITLE = re.compile(
    r"销售|商务|调度|客户经理|工程师|售后|客服|\b(?:rep|sales|account manager"
    r"|us|coordinator|dispatcher|service desk|help ?desk|hotline|technician"
    r"|field engineer)\b",
    re.IGNORECASE,
)
_ATTENDANCE = re.compile(
    r"^\W*(?:参加(?:人员?)?|参会(?:人员?|方)?|与会(?:人员?)?|出席(?:人员?)?"
    r"|到会|人员|在场|in the room|on the call|there|present|attendees"
    r"|participants|attending|in attendance)\W*[：:]?\s*(?P<who>.+)$"
    r"|(?:^|\s)(?:被访人?|受访人?|访谈对象)\W*[：:]\s*(?P<who3>.+)$"
    r"|^\W*(?P<who2>(?:医院|院方|客户(?!部|经理|服务|代表|成功)|甲方|我方|我司|乙方|供应商|公司"
    r"|(?:the )?hospital|customer|supplier|us|our side)[^：:\n]{0,12}[：:](?=[^。\n]{1,80}$)[^。\n]+)$",
    re.IGNORECASE | re.MULTILINE,
)
_NAME_EN = re.compile(
    r"\b(?:(?:Mr|Mrs|Ms|Miss|Dr|Prof|Sister)\.?\s+)?([A-Z][a-z\u00c0-\u024f'-]{1,20}(?:\s[A-Z][a-z\u00c0-\u024f'-]{1,20})?)\b"
)
_NO_NAME = frozenset(
    [
        "For",
        "Us",
        "The",
        "Hospital",
        "Customer",
        "Supplier",
        "Mr",
        "Mrs",
        "Ms",
        "Miss",
        "Dr",
        "Prof",
        "And",
        "Present",
        "Our",
        "Side",
        "Sales",
        "Service",
        "Head",
        "Director",
        "Finance",
        "Purchasing",
    ]
)
_SIGNED = 4  # lines at the end of a mail in which its author stands


def side_in(text: str) -> Side:
    """Whom a label or a cell names."""
    if re.search(r"双方|各方|\bboth\b", text, re.IGNORECASE):
        return "both"
    ours, customer = OURS.search(text), CUSTOMER.search(text)
    if ours and customer:
        return "ours" if ours.start() < customer.start() else "customer"
    return "ours" if ours else "customer" if customer else "unclear"


def other(side: Side) -> Side:
    """The other side of a conversation."""
    return "customer" if side == "ours" else "ours" if side == "customer" else side


def side_of_label(label: str, people: Mapping[str, Side]) -> Side:
    """Of who speaks: a role, what stands in brackets, a title, or a name of the list of who was there."""
    bare = TOKEN.sub("", label).strip() or label
    if bracket := re.search(r"[（(\[]([^（）()\[\]]{1,20})[）)\]]", bare):
        inside = _plain_side(bracket[1])
        if inside != "unclear":
            return inside
    role = role_of(bare)
    if role:
        return "ours" if role == "rep" else "customer"
    named = _plain_side(bare)
    if named != "unclear":
        return named
    met: list[Side] = [side for name, side in people.items() if name in label]
    return met[0] if met else "unclear"


def _plain_side(text: str) -> Side:
    if re.fullmatch(r"\s*(?:我|me|us|我们|我们这边|our side)\s*", text, re.IGNORECASE):
        return "ours"
    named = side_in(text)
    if _OUR_TITLE.search(text) and named == "unclear":
        return "ours"
    return "customer" if named == "unclear" and _CUSTOMER_TITLE.search(text) else named


def settled(labels: Mapping[str, Side]) -> dict[str, Side]:
    """With the sides that follow: who speaks beside a side that is known is of the other one."""
    known = set(labels.values()) - {"unclear", "both"}
    rest: Side = other(known.pop()) if len(known) == 1 else "unclear"
    return {label: _same_person(label, labels) or rest if side == "unclear" else side for label, side in labels.items()}


def _same_person(label: str, labels: Mapping[str, Side]) -> Side | None:
    """程 is who is called 程（我方） elsewhere."""
    bare = re.sub(r"[（(\[].*", "", label).strip()
    alike: list[Side] = [side for each, side in labels.items() if re.sub(r"[（(\[].*", "", each).strip() == bare]
    named: list[Side] = [side for side in alike if side != "unclear"]
    return named[0] if named else None


_MET = re.compile(
    r"\b(?:i|we) (?:met(?: with)?|saw|spoke (?:to|with)|visited|sat down with) (?P<a>[^.\n]{3,80})"
    r"|(?:与|和|同|跟|拜访了?)(?P<b>[^，。；\n]{2,24}?)(?:面谈|会面|见面|沟通|交流|座谈)",
    re.IGNORECASE,
)
_TITLED = re.compile(r"\b(?:Dr|Prof|Sister)\b")
_ROLE = re.compile(
    r"(?:^|[；;\s])(?P<role>[^：:；;\s。，,]{2,12})[：:]\s*(?P<who>[^：:；;\n。，,]{1,16})(?=$|[；;\n])", re.MULTILINE
)
_FIELDS = re.compile(r"日期|时间|地点|主题|电话|编号|备注")


def people_of(text: str) -> dict[str, Side]:
    """Names of those who were there → their side; a name is a surname, a token or the words of a Latin name."""
    found: dict[str, Side] = {}
    for match in _ATTENDANCE.finditer(text[:6_000]):
        side: Side = "customer" if match["who3"] else "unclear"
        for part in re.split(
            r"[；;。]|(?<=[，,])\s*(?=(?:我方|我司|院方|医院|公司|for ))|\.\s",
            match["who"] or match["who2"] or match["who3"],
        ):
            named: Side = side_in(part) if not re.search(r"\bfor us\b|\bus:", part, re.IGNORECASE) else "ours"
            if named == "unclear" and found and not _TITLED.search(part):
                named = other(side)  # the other group of two
            side = named if named != "unclear" else side
            for person in re.split(r"(?<=[）)])\s*[,，、]\s*|(?<=[）)])\s+and\s+", part):
                bracket = re.search(r"[（(]([^（）()]{1,40})[）)]", person)
                own = _plain_side(bracket[1]) if bracket else "unclear"
                if own == "unclear" and side == "unclear" and re.search(r"\b(?:Dr|Prof|Sister)\b", person):
                    own = "customer"
                own = own if own != "unclear" else side
                if own in ("ours", "customer"):
                    for name in _names_in(person):
                        found.setdefault(name, own)
    for match in _MET.finditer(text[:2_000]):
        for name in _names_in(match["a"] or match["b"]):
            found.setdefault(name, "customer")
    for match in _ROLE.finditer("\n".join(text.split("\n")[:10])):
        named = _plain_side(match["role"])
        if named in ("ours", "customer") and not _FIELDS.search(match["role"]):
            for name in _names_in(match["who"]):
                found.setdefault(name, named)
    return found


_POSTS = re.compile(
    r"售后|销售|商务|客服|技术(?:支持|员)?|实施|项目(?:经理)?|主管"
    r"|经理|财务|设备|科长|主任|工程师|信息(?:科|中心)|负责人|参加"
    r"|人员"
)


def _names_in(part: str) -> Iterator[str]:
    for token in TOKEN.finditer(part):
        yield token[0]
    listed = re.sub(r"[（(][^（）()]*[）)]", " ", re.sub(r"^.*?[：:]", "", TOKEN.sub("", part)))
    for piece in re.split(r"[、,，和及—\s]+", listed):
        if not re.search(r"[\u4e00-\u9fff]", piece):
            continue
        bare = re.sub(rf"{_TITLE}$", "", re.sub(r"[（(].*", "", piece))
        left = _POSTS.sub("", CUSTOMER.sub("", OURS.sub("", bare)))
        if left and len(left) <= 3:
            yield from dict.fromkeys((left, left[0]))
        elif bare:
            yield bare[-1]
    for match in _NAME_EN.finditer(listed):
        yield from (word for word in match[1].split() if word not in _NO_NAME)


def named_person(text: str, people: Mapping[str, Side]) -> tuple[int, Side] | None:
    """Where the first of these people is named, and his side."""
    found: list[tuple[int, Side]] = []
    for name, side in people.items():
        if re.fullmatch(r"[\u4e00-\u9fff]", name):
            pattern = rf"{name}{_TITLE}|小{name}|老{name}"
        elif re.fullmatch(r"[\u4e00-\u9fff]+", name):
            pattern = name
        else:
            pattern = rf"(?<!\w){re.escape(name)}(?!\w)"
        if match := re.search(pattern, text):
            found.append((match.start(), side))
    return min(found) if found else None


_AUTHOR = re.compile(
    r"^\W*(?:发件[人方]|寄件人|发自|发信人|from|sender)\s*[：:]\s*(?P<who>.+)$", re.IGNORECASE | re.MULTILINE
)
_ADDRESSEE = re.compile(r"^\W*(?:收件[人方]|致|收信人|to)\s*[：:]\s*(?P<who>.+)$", re.IGNORECASE | re.MULTILINE)
_GREETED = re.compile(
    r"^\s*(?:尊敬的|亲爱的)?(?P<zh>[\u4e00-\u9fff]{0,12}(?:主任|科长"
    r"|院长|护士长|处长|老师|教授|经理|总|工|您好|医生))(?:[，,]?(?:您好"
    r"|你好))?\s*[：:，,！!]"
    r"|^\s*(?:dear|hi|hello|good (?:morning|afternoon))\s+(?P<en>[^,\n]{1,60}),",
    re.IGNORECASE | re.MULTILINE,
)
_FIRM = re.compile(
    r"医疗(?!中心|集团医院)|器械(?!科)|科技|商贸|贸易|售后|销售|客服"
    r"|有限公司|\b(?:medical|medi\w+|trading|supplies|healthcare ltd"
    r"|sales|ltd|gmbh|inc|devices|service team|account manager|technologies)\b",
    re.IGNORECASE,
)
_WARD = re.compile(
    r"科|医院|院办|采购|护理|\b(?:hospital|clinic|general|infirmary"
    r"|department|procurement|purchasing|buyer|dr|university|nhs|trust)\b",
    re.IGNORECASE,
)


def author_of(mail: str) -> Side:
    """Of a mail the side that wrote it, by its header, its signature or whom it greets; of anything else unclear."""
    author, addressee = _AUTHOR.search(mail), _ADDRESSEE.search(mail)
    greeted = _GREETED.search(mail)
    if author is None and (
        greeted is None or re.search(r"^[^\n：:]{1,20}[：:].*\n[^\n：:]{1,20}[：:].*\n[^\n：:]{1,20}[：:]", mail)
    ):
        return "unclear"
    said: Sequence[tuple[str, bool]] = [
        (author["who"] if author else "", True),
        (addressee["who"] if addressee else "", False),
        (_signature(mail), True),
        ((greeted["zh"] or greeted["en"]) if greeted else "", False),
    ]
    for words, its_own in said:
        side = _side_of_firm(words)
        if side != "unclear":
            return side if its_own else other(side)
    return "ours" if author else "unclear"


def _side_of_firm(words: str) -> Side:
    named = side_in(words)
    if named in ("ours", "customer"):
        return named
    if _FIRM.search(words) and not _WARD.search(words):
        return "ours"
    if re.search(r"经理|总$|\bmanager\b", words) and not _WARD.search(words):
        return "ours"
    return "customer" if _WARD.search(words) or _CUSTOMER_TITLE.search(words) else "unclear"


def _signature(mail: str) -> str:
    """The short lines below the last sentence."""
    lines = [line.strip() for line in mail.strip().split("\n") if line.strip()]
    found: list[str] = []
    for line in reversed(lines[-_SIGNED:]):
        if len(line) > 40 or re.search(r"[。！？?!；：:;]$|[.,，]$(?<!Ltd\.)", line):
            break
        found.append(line)
    return " ".join(reversed(found))
