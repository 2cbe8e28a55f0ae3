"""People, titles, departments and organisations named in a sentence, and whether a text names them too."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

COMMON_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹"
    "孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔汤温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟申欧耿关兰焦俞左柳甘祝包宁尚符舒阮"
    "柯纪梅童凌毕单季裴霍涂苗谷曲盛翁冉骆蓝路游辛靳管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳穆农司卓古吉缪简车连芦麦褚娄窦戚岑景党宫费卜冷晏席卫米柏宗"
    "瞿桂佟臧闵苟邬边卞姬师仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟邝官封谈匡鞠惠荆冀郁胥班储栗楚鄢谌奚冼蔺楼盘厉伊郜阚练廉禹井祖漆支狄宣晋柔云庾郗璩雍滕钮冼於訾母费计习戚甄邬闻仲宗令相琚逄缑麴亓蹇仉督晁暴竺逯莘党翟蒯濮卞郏浦缪鄂索咸籍赖卓蔺屠蒙池乔阴郁胥能苍双闻莘党"
)
_COMPOUND = (
    "亓官|闻人|仲孙|钟离|濮阳|淳于|单于|太叔|公冶|宗政|赫连|呼延|相里|段干|百里|东郭|南门|羊舌|微生|欧阳|上官"
    "|司马|诸葛|司徒|皇甫|慕容|端木|令狐|东方|独孤|南宫|夏侯|尉迟|长孙|宇文|轩辕|公孙|澹台|申屠"
)
_NOT_GIVEN = (
    "工科部处室院中心区员任长务目域用面副的是为与和在了对由本该其他级司厂台套说有不也都就到从已将及或们你我"
    "她这那个次家年月日元万号被把请让给向去来问答自吗您从于呢吧啊见谈约聊找跟走"
)
_RANKS = (
    "副?院长|主任医师|副?主任|副?科长|副?处长|副?部长|副?护士长|副?总经理|副?经理|副?总监|副?董事长|副?书记"
    "|副?主管|科员|工程师|采购员|专员"
    "|教授|院士|副?所长|副?校长|检验师|技师|药师|秘书|厂长|副?总裁"
)
_GIVEN = rf"(?!{_RANKS}|老师|担任|接任|现任|负责)[\u4e00-\u9fff](?<![{_NOT_GIVEN}])"
PERSON = (
    rf"(?!(?<=[感致答谢])谢)(?:(?:{_COMPOUND})|(?<![主担现曾接时出原历就])任|[{COMMON_SURNAMES}])(?:{_GIVEN}){{1,2}}"
)
_POLITE = "老师|医生|女士|先生|同志|医师|总|工(?![作程具艺厂业人会期序况资夫地伤龄商信])"
_ORGS = (
    "人民医院|中医院|中心医院|附属医院|妇幼保健院|保健院|医院|卫生院"
    "|卫生服务中心|疾控中心|体检中心|诊所|门诊部|医学院|大学|研究所|研究院|有限公司|公司|集团|药业|药房"
    "|[一二三四五六七八九十]院(?!长)"
)
_GENERIC = re.compile(
    r"^(?:贵|本|我|该|各|这家?|那家?|此|两|几|多|某|其他|其它|别的|同级|同类|大型|三甲"
    r"|周边|兄弟|附近|全国|省内|市内|很多|许多|不少|有些|部分|一家|咱们|你们|我们|他们"
    r"|咱)*(?:的)?(?:医院|公司|集团|大学|人民医院|中医院|诊所|厂家|有限公司)$"
)
BARE_ORG = re.compile(  # the kind alone names nobody
    r"(?:省|市|县|区|镇)?(?:医疗|器械|设备|科技|生物|贸易|医药|用品|技术|股份|限)*(?:人民医院|中医院|中心医院"
    r"|附属医院|妇幼保健院|保健院|医院|卫生院|有限公司|限公司|公司|集团|司)"
)
_GIVEN_TO = re.compile("[给向]")
_VERBED = re.compile(
    "(?:回|到|来|去|给|向|跟|咱们|咱|各|这家|那家|某|其他|兄弟|同级|大型|三甲|周边|贵|本|该|总(?!医)|分|子|母|你们|我们|我|他|她|由|为|让|请)(?:公司|医院|集团)$"
)
KIND = re.compile("人民|中医|中心|附属|妇幼|妇产|儿童|肿瘤|口腔|传染|康复|骨科|眼科|胸科|精神|保健")
EDGE = re.compile(
    r"(?:[是在与和为给任向到至从由对把被据自及的了解访往助过问经兼同跟说对系来家即就赴约示有甲乙方]|请问|您好"
    r"|来自|关于|根据|目前|现任|担任|出任|就任|接任|新任|[日月]出任|调任|了解|看到|联系|拜访"
    r"|[年月日号，。：、（(“\"《\s])$"
)
DEPARTMENTS = re.compile(
    r"(?:医学装备|医疗设备|医用设备|设备|器械|采购|招标|招采|检验|超声|放射|影像|医学影像"
    r"|心血管内|心内|神经内|神经外|重症医学|呼吸|消化|内镜|手术|急诊|信息|后勤|财务|药剂"
    r"|院感|感染管理|麻醉|骨|儿|妇产|妇|产|肿瘤|眼|口腔|护理|医务|总务|审计|纪检|质控"
    r"|质量管理|病理|输血|康复|透析|血液净化|消毒供应|体检|门诊|国际医疗|装备|物资|基建"
    r"|核医学|新生儿|老年病|泌尿外|普外|胸外|内分泌|肾内|科教|人事|党政|市场|售后|商务"
    r"|研发)(?:管理)?"
    r"(?:科(?![技学研目普室])|部|处(?!理)|中心|办公室|办(?![理公法])|室)"
)
_TITLE = re.compile(
    rf"(?P<dept>(?:{DEPARTMENTS.pattern}|[\u4e00-\u9fff]{{2}}[科室部处])?)(?P<extra>常务|代理|执行"
    rf"|名誉)?(?P<rank>{_RANKS})"
)
_ADDRESS = re.compile(
    rf"(?P<name>(?:{_COMPOUND})|[{COMMON_SURNAMES}])(?P<rank>{_RANKS}|{_POLITE}(?![体共计部裁监经之是算结价额量分务]))"
)
_CALLED = re.compile(
    rf"(?P<name>{PERSON})(?P<after>{_RANKS}|老师|女士|先生|同志|医生|担任|任(?!何|务)|接任"
    rf"|出任|现任|曾任|负责|分管|接手|就任|上任|履新|签字|离任|调任|卸任)"
)
_AFTER_ROLE = re.compile(
    rf"(?:{_RANKS}|联系人|负责人|决策人|经办人|对接人|签字人|授课人|主讲人?|讲师|讲者|采购人|经手人|责任人"
    rf"|验收人|申请人|报修人|培训师|销售|客服|秘书)(?:是|为|：|:|仍是|仍为"
    rf"|由)?(?P<name>{PERSON})(?![\u4e00-\u9fff]?(?:科|部|处|室|院))"
)
_SINCE = re.compile(
    rf"(?P<name>{PERSON})(?=(?:自|从|于)[^，。；]{{2,14}}?(?:担任|任|出任|就任|接任|上任"
    rf"|起|履新)|\d{{4}}\s?[年/-]|[，,](?:{DEPARTMENTS.pattern})?(?:{_RANKS})|(?:是"
    rf"|为)[^，。；]{{0,14}}?(?:{_RANKS}))"
)
_OPENS = re.compile(  # 汤志远今年8月在…; 严丽娟到医院讲了…
    rf"(?:^|[，。：:；,])(?:您好，)?(?P<name>{PERSON})(?=(?:今年|去年|前年|上月|上个月|本月|\d|在|于|给|到"
    rf"|为(?!了|期|主)|接替|把|已|将|持有|会同)[^，。]{{2,}})"
)
_ROLE_END = re.compile(
    rf"(?:{_RANKS}|讲师|授课人|联系人|签字人|签约人|负责人)(?:是|为|："
    rf"|:)?(?P<name>[{COMMON_SURNAMES}][\u4e00-\u9fff]{{2}})(?=[，。；,;、）)]|$)"
)
_BY = re.compile(
    rf"(?:由|是(?=[\u4e00-\u9fff]{{4,6}}的)|请|与|找|致电|转告|告知|通知)(?P<name>{PERSON})(?=担任|任|接任|负责|主持|分管|修复|维修|处理|安装"
    rf"|主讲|带队|培训|送达|送货|签收|完成|上门|跟进|承担|提供|接手|操作|验收"
    rf"|签|确认|主任|院长|科长|老师|沟通|联系|，|。)"
)
_WORD_NOT_NAME = (
    "方便|方式|安排|安装|高兴|高端|高效|高度|马上|关于|关注|连续|连接|连同|金额|金属|单价|单位|单独|单子|平均"
    "|成交|曾经|温度|温州|许多|包括|包含|明年|明确|程序|何时|何种|江苏|江西"
    "|云南|周[一二三四五六日末期边]|白天|万一|尚未|尚待|易用|严格|齐全|武汉|常州|常用|常规|常见|路上|路径|容易"
    "|车间|车辆|管理|管路|强调|党委|费用|席位|祝您|解决|解释|师傅"
    "|冷链|冷藏|花费|房间|季度|季节|毛利|孔径|龙头|麻醉|余额|余下|于是|舒适|简单|简要|符合|查看|查询|查了|官方"
    "|谈[到谈]|景|石油|黄色|古老|宫腔|米|柴油|和|梅花|沙|江|汤|范围"
)
_LOOSE = re.compile(rf"(?!{_WORD_NOT_NAME})(?P<name>{PERSON})")  # any name at all; counts only beside a title
_NO_NAME = re.compile(
    r"谢信|随时|高级|项目|区域|应用|安全|常务|方面|万元|任何|马上|支持|成本|计量|关于|时任|曾任|华东"
    r"|华南|华北|相关|平台|信息|公司|经理|主任|采购|全院|元|原任|和设|应由|明年|来年|安排"
    r"|连续|单独|强调|计划|向贵|由贵|国械|门诊|平时|成为|全年|都由|由您|应当|支付|明确"
    r"|何时|解决|管理|当时|金额|包括|文件|马上|从未|单价|和科|解释|计算|通常|平均|和检"
    r"|商务"
)

_EN_RANK = (
    r"head nurse|head|director|chief|president|dean|manager|superintendent|chair(?:man"
    r"|woman|person)?|engineer|officer|supervisor|secretary|professor|chief executive"
)
_EN_TITLE = re.compile(
    rf"(?<![A-Za-z])(?P<extra>(?:deputy|vice|associate|acting|assistant|senior|clinical"
    rf"|chief)[ -])*(?P<rank>{_EN_RANK})(?![A-Za-z])(?!-)"
    r"(?: of (?:the )?(?P<dept>(?-i:[A-Z][A-Za-z&-]*(?: (?:and |of "
    r"|& )?[A-Z][A-Za-z&-]*)*)|[a-z]+(?: (?:medicine|equipment|devices|imaging|care"
    r"|nursing|centre|center|laboratory|technology|department))+|[a-z]+))?",
    re.IGNORECASE,
)
HOUSE = re.compile("医?院|科[室，]|公司|集团|中心")
RANKED = re.compile(rf"(?:{_RANKS}|老师|医院|院长|医生|总|女士|先生|公司|中心)")
HAN_ONLY = re.compile(r"[\u4e00-\u9fff]+")
NOT_PERSON = re.compile(
    r"^(?:Dr|Mr|Ms|Mrs|Prof|Professor|Sister|Director|Manager|The|And|With|By|From|To|Is|When|If|Did|Has|Head"
    r"|Chief|Hello|Hi"
    r"|Dear|Thank|Please|Nurse|Engineer|Officer|Congratulations|President|Dean|Deputy|Lead|Then|After|Before"
    r"|Since|For|As|But|That) "
)
_RANKED_AT_ALL = re.compile(_RANKS)
_CAPITALS = re.compile(r"(?<![A-Za-z0-9])[A-Z][a-z]+(?:[-'’][A-Za-z]+)*(?:'s)?(?![A-Za-z0-9])")
_COMMON = frozenset(
    re.findall(
        r"\w+",
        "January February March April May June July August September October November December Jan Feb Mar "
        "Apr Jun Jul Aug Sep Sept Oct Nov Dec Monday Tuesday Wednesday Thursday Friday Saturday Sunday Dr Mr "
        "Mrs Ms Prof Professor Madam Sir I We Our You Your Rmb Yuan Chinese China English Ltd Co Inc Company "
        "Director Deputy Vice Head Chief President Dean Manager Nurse Engineer Officer Department Hospital "
        "Centre Center The A An In On At To Of And For From Since Until By With Is Are Was Were It Its This "
        "That These Those They Their He She His Her As If When While After Before According Our There Here "
        "Now Today Currently Under Per No Not Yes Please Thank Thanks Hello Good Hi Dear Based Records Record "
        "Would Could Can May Might Shall Should Will Did Do Does Has Have Had Also Both All Each Any One Two "
        "Three So But Yet Then Thus What Which Who Where Why How First Second Third Fourth Fifth People "
        "Peoples Quarter Half Year Month Warranty Budget Contract Order Purchase Certificate Registration "
        "Model Tender Class Grade Level Number Signed Dated Section Article Law Regulation Medical Equipment "
        "Installed Bought Back Last Next Over About Around Roughly Nearly Almost Some Up During Between Only "
        "Just Still Already Recently Together Delivery Acceptance Maintenance Training Service Total Amount "
        "Price Value Quantity Unit Units Set Sets Start Starting Effective Coverage Valid Application "
        "Applications Australian American British Canadian Swiss Japanese European "
        "Let For Their New Christmas Easter Fda Ce Iso Eur Usd Gbp Cny Icu Ecg Ct Mri Mr Or Aed Spo ",
    )
)
ORDINALS = {"first": "第一", "second": "第二", "third": "第三", "fourth": "第四", "fifth": "第五", "sixth": "第六"}
_ORDERED = re.compile(r" (?:People|Affiliated|Hospital|Municipal|Central|County|Clinic)")
_ORG_WORD = re.compile(
    r"(?:Hospital|Clinic|Centre|Center|University|College|Institute|Group|Company|Ltd|Inc|Corporation)\b"
)
NameKind = Literal["person", "address", "title", "organisation", "department", "name"]


@dataclass(frozen=True, slots=True)
class Name:
    """`text` as said; of a title `rank` and `department` apart; of an address (王主任) the surname and the rank."""

    kind: NameKind
    text: str
    start: int
    end: int
    rank: str = ""
    department: str = ""
    sure: bool = True  # False: it may be no name at all


@lru_cache(maxsize=20_000)
def names(text: str) -> tuple[Name, ...]:
    """Who and what is named in `text`, by the words around it; what has no such words is not seen."""
    han = re.search(r"[\u4e00-\u9fff]", text) is not None
    found = [*_chinese(text)] if han else []
    found += _titles_en(text) if re.search(r"[A-Za-z]{4}", text) else []
    titled = [(name.start, name.end) for name in found if name.kind == "title"]
    found += [
        name
        for name in _capitals(text)
        if name.kind != "person" or not any(a < name.end and name.start < b for a, b in titled)
    ]
    return tuple(sorted(found, key=lambda name: name.start))


def _chinese(text: str) -> list[Name]:
    found: list[Name] = []
    for match in re.finditer(_ORGS, text):
        run = re.search(r"[\u4e00-\u9fff（）()]*$", text[: match.end()])
        tail = _GIVEN_TO.split(run.group())[-1] if run else ""
        if tail and BARE_ORG.fullmatch(tail):
            continue  # 市妇联给保健院
        if (
            run
            and not _VERBED.search(run.group())
            and not _GENERIC.match(run.group()[-12:])
            and len(run.group()) > len(match.group())
        ):
            found.append(Name("organisation", run.group()[-24:], match.end() - len(run.group()[-24:]), match.end()))
    ranked = _RANKED_AT_ALL.search(text) is not None
    for match in _TITLE.finditer(text) if ranked else ():
        found.append(Name("title", match.group(), *match.span(), (match["extra"] or "") + match["rank"], match["dept"]))
    people: list[tuple[int, int]] = []
    for pattern in (_CALLED, _SINCE, _AFTER_ROLE, _BY, _OPENS, _ROLE_END):
        for match in pattern.finditer(text):
            person = match["name"]
            span = match.span("name")
            if not _NO_NAME.search(person) and not any(a < span[1] and span[0] < b for a, b in people):
                people.append(span)
                found.append(Name("person", person, *span))
    if any(name.kind == "title" for name in found):
        kept = [(_core(name, text), name.end) for name in found if name.kind in ("organisation", "title")] + people
        for match in _LOOSE.finditer(text):
            if not any(a < match.end() and match.start() < b for a, b in kept):
                found.append(Name("person", match["name"], *match.span(), sure=False))
    for match in _ADDRESS.finditer(text):
        span = match.span()
        named = any(a < span[1] and span[0] < b for a, b in people)
        before = text[max(0, span[0] - 1) : span[0]]
        if (
            not named
            and (not before or re.search(r"[^\u4e00-\u9fff]|[是和与给向请找对跟同到为您院科部处室问院由]", before))
            and match["name"] not in "任时应项区原计都相普全"
        ):
            found.append(Name("address", match.group(), *span, match["rank"], match["name"]))
    found += [Name("department", m.group(), *m.span()) for m in DEPARTMENTS.finditer(text)]
    return found


def _core(name: Name, text: str) -> int:
    """Where an organisation begins, as far as the words before it tell; of a title its start."""
    if name.kind != "organisation":
        return name.start
    cuts = [at for at in range(name.start + 1, name.end - 3) if EDGE.search(text, max(name.start, at - 4), at)]
    return cuts[-1] if cuts else name.start


def _titles_en(text: str) -> list[Name]:
    return [
        Name(
            "title",
            match.group(),
            *match.span(),
            f"{(match['extra'] or '').strip()} {match['rank']}".strip().lower(),
            match["dept"] or "",
        )
        for match in _EN_TITLE.finditer(text)
        if match["dept"]
        or match["extra"]
        or match["rank"].lower() not in ("head", "officer", "engineer", "secretary", "manager", "chair", "chief")
    ]


def _capitals(text: str) -> list[Name]:
    """Capitalised words that no sentence start and no common use explains; sequences count as one name."""
    found: list[Name] = []
    matches = list(_CAPITALS.finditer(text))
    for index, match in enumerate(matches):
        word = match.group().removesuffix("'s").removesuffix("’s")
        if word in _COMMON and not (word.lower() in ORDINALS and _ORDERED.match(text, match.end())):
            continue
        starts = not text[: match.start()].strip() or re.search(r"[.!?:;。！？：]\s*[\"'“]?$", text[: match.start()])
        follows = index + 1 < len(matches) and matches[index + 1].start() - match.end() == 1
        initial = re.search(r"(?<![A-Za-z])[A-Z]\. ?$", text[: match.start()]) is not None
        if starts and not initial and not (follows and matches[index + 1].group() not in ("I",)):
            continue
        found.append(Name("name", word, match.start(), match.start() + len(word)))
    return [*found, *_people_en(found, text)]


def _people_en(words: Sequence[Name], text: str) -> list[Name]:
    """Two or three such words in a row, unless they begin the name of a place of work."""
    found: list[Name] = []
    at = 0
    while at < len(words):
        end = at
        while end + 1 < len(words) and text[words[end].end : words[end + 1].start] == " ":
            end += 1
        place = any(_ORG_WORD.match(word.text) for word in words[at : end + 1])
        if (
            1 <= end - at <= 2
            and not place
            and not re.match(r"'s\b| (?:[A-Z]|Hospital|clinic)", text[words[end].end :])
        ):
            found.append(Name("person", text[words[at].start : words[end].end], words[at].start, words[end].end))
        at = end + 1
    return found


_RARE = (
    "贝伏茅强娄危童颜凌霍虞昝经房裘缪干解应宣贲杭洪诸嵇滑荀羊家芮羿汲邴糜松富乌巴弓牧隗山宓蓬全仰秋暴钭戎"
    "詹束幸韶薄印宿怀邰从鄂双贡劳逄姬扶堵宰郦却通扈燕别阎充慕茹宦鱼容向慎戈终暨居衡步都满弘国文广禄阙东殳"
    "沃利蔚越夔隆厍勾融那空毋乜养须丰巢后红权益桓揭亢邸鄢漆敬衣湛佘漏佴"
)


SURNAMES = frozenset(["任", *_RARE, *COMMON_SURNAMES, *_COMPOUND.split("|")])
