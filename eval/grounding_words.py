"""The words that name relations, deny, hedge or compare, in Chinese and English: shared lists, no evidence."""

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise

Topics = frozenset[str]
# Topic: Chinese words, English words. A value beside a word of one topic must not be a fact of another.
_TOPICS: Mapping[str, tuple[str, str]] = {
    "purchase": (
        "(?:采购|购买|购置|购入|购进|订购|添置|引进|购得|选购)(?!中心|科|办|部|处|员|经理|总监|主管|意愿|意向"
        "|需求|计划)|买(?!断|单|方|家|卖)"
        r"|下单|订单|(?<!维保)(?<!续保)(?<!保养)(?<!服务)(?<!租赁)(?<!维护)合同(?!到期)|成交|(?<!重)签(?:的|下"
        r"|了|订|署)(?![^，。]{0,8}维保)"
        r"|(?<!预)(?<!征)(?<!签)(?<!修)(?<!制)订(?=的|了|过|货|[\d一二两三四五六七八九十])",
        r"bought|buy(?:s|ing)?\b|purchas\w+|acquir\w+|order(?:s|ed|ing)?\b|procured"
        r"|(?<!maintenance )(?<!service )(?<!support )(?<!lease )contracts?\b"
        r"|took delivery of an order",
    ),
    "install": (
        "安装|装机|装[好上完了](?!饰)|投入使用|启用|投用|调试完成",
        r"install\w*|commission(?:ed|ing)|(?:go(?:es)?|went|gone)[ -]live|(?:put|went|came) into (?:use|service"
        r"|operation)",
    ),
    "deliver": (
        r"交付|到货(?!速度|情况|周期|时间|及时)|发货|送货|收货|送达|送到|运到|交货|签收"
        r"|(?<!止)(?<!停)接收(?!投标|标书|报名|资料)|收到|先到(?=[\d一二三四五六七八九十])"
        r"|到齐|补齐|(?<=[日号\d])到了(?=[，。；;]|$)|到了?(?=[一二三四五六七八九十\d]+[台套件盒箱])",
        r"deliver\w*|shipped|shipment|arriv(?:ed|es?|ing)\b(?! (?:at|on site))|receiv\w+|reached|drop\b",
    ),
    "accept": ("验收", r"acceptance|signed off"),
    "warranty": (
        "质保|保修|三包|出保|过保|脱保|在保(?!护|障|证|持|密)",
        r"warrant(?:y|ies|ed)|guarantee\w*|cover(?:ed|age|s)?\b(?= (?:on|for|by|until|ends?|ending|runs?|asset"
        r"|has))|protected",
    ),
    "maintain": ("维保|保养|维护合同|续保|年保|开机率", r"maintenance|service contract|uptime|servic(?:ed|ing)\b"),
    "budget": (
        r"预算|列支|拨款|安排了?(?=人民币|约|[\d一二三四五六七八九])",
        r"budget\w*|earmark\w*|allocat\w*|set aside",
    ),
    "tender": ("招标|投标|中标|开标|标书|竞标|流标", r"tender\w*|award\w*|bid(?:s|ding|der)?\b"),
    "ceiling": (r"最?高?限价|控制价", r"(?:price )?ceiling|(?:price|upper) limit"),
    "certificate": ("注册证|备案|证号|注册号|许可证", r"certificat\w+|registration|registered|licen[cs]e\w*"),
    "price": (
        "报价|售价|目录价|标价|价格|报过",
        r"list price|pric(?:e|ed|es)\b|quot(?:e|ed|es|ation)\b",
    ),
    "ticket": ("报修|故障|工单|维修|服务单|投诉", r"tickets?\b|faults?\b|repair\w*|breakdown|complain\w*"),
    "post": (
        "担任|任职|上任|履新|就任|接任|到任|任命|出任|现任|职务|职位|升任|接手|离任|卸任",
        r"appointed|took (?:over|up|office)|in post|in office|post\b|serves? as|served as"
        r"|title\b|holds?\b|stepped down",
    ),
    "contact": ("拜访|来电|致电|回访|会面|通话|来访", r"visit\w*|phoned|met with|spoke|meeting"),
    "promise": ("承诺|答应", r"promis\w+|pledged"),
    "training": ("培训|开班|讲课|(?<=的)课(?![题程])|使用课|操作课", r"train(?:ed|ing|ings)\b|courses?\b"),
    "calibrate": ("校准|检定", r"calibrat\w+"),
    "pay": ("付款|回款|支付|预付|尾款|欠款|结清", r"payments?\b|prepa\w+|deposit|paid (?:off|back)"),
    "bed": ("床位|张床", r"beds?\b"),
    "discount": ("折扣|优惠", r"discount\w*"),
    "lease": ("租赁|租用", r"leas(?:e|ed|ing)\b|rent(?:ed|al)\b"),
    "donate": ("捐|赠(?!品)", r"donat\w+|gave|given by|gift"),
    "retire": ("报废|停用|淘汰", r"scrapped|retired|decommissioned|written off"),
    "refresher": ("复训", r"refreshers?\b"),
    "decision": ("批准|审批|决定|拍板|获批(?!日)", r"decid\w+|decision|approv\w+"),
    "renewal": ("续签|续约", r"renew\w*|next term"),
    "plan": ("意向|采购计划|计划采购", r"intent\w*|purchase[ _]?(?:intent\w*|plan)"),
    "loan": ("借(?!此|助|口|鉴)", r"on loan|lent|loan(?:ed)?\b|borrow\w*"),
    "return": ("归还|还回|退还", r"return\w*|gave back|given back"),
    "each": ("单价|每台|每套|每件", r"unit price|price per|per unit|apiece"),
    "total": ("合计|总价|总额|总金额|共计|总共", r"in total|total"),
    "stock": ("在库|现货|库存|现有", r"in stock|on hand|on the shelf|stocks?\b"),
    "transit": ("在途|路上", r"in transit|on the way|under way"),
    "attend": ("培训人数|参训|参加|到场|出席", r"attend\w*|participants?"),
    "pass": ("合格|通过考核", r"passed|certified staff"),
    "close": ("关闭|关单|结案", r"closed?\b"),
    "rate": ("有效率|治愈率|准确率|满意度|灵敏度|特异性", r"efficacy|cure rate|accuracy|sensitivity|specificity"),
}
_SIGNS = "".join(sorted(set(re.findall(r"[\u4e00-\u9fff]", "".join(zh for zh, _ in _TOPICS.values())))))
_CUES_ZH = re.compile(f"(?=[{_SIGNS}])(?:" + "|".join(f"(?P<{name}>{zh})" for name, (zh, _) in _TOPICS.items()) + ")")
_CUES_EN = re.compile(
    r"(?<![A-Za-z])(?:" + "|".join(f"(?P<{name}>{en})" for name, (_, en) in _TOPICS.items()) + ")", re.I
)
_LATIN = re.compile(r"[A-Za-z]{3}")
_ALSO = {  # words that only occur in the names of relations
    "post": re.compile(
        r"title|position|role|职称|岗位|院长|主任|科长|处长|经理|护士长|director|\bhead\b"
        r"|chief|president|manager|decision.?maker",
        re.IGNORECASE,
    ),
    "purchase": re.compile(r"(?<![a-z])order|contract|deal|订货|购", re.IGNORECASE),
    "price": re.compile(r"price|单价|价格|报价", re.IGNORECASE),
    "certificate": re.compile(r"licen|certif|regist|证", re.IGNORECASE),
    "maintain": re.compile(r"(?:svc|service)[ ._]contract", re.IGNORECASE),
}
# Of these a fact holds for a time: once it has ended, nobody may say it in the present.
LASTING = frozenset({"post", "warranty", "maintain", "price", "certificate", "lease", "discount"})

NEGATION = re.compile(
    r"从未|从来没有?|(?:先|请|千万)别|(?<![\u4e00-\u9fff])别(?=[\u4e00-\u9fff])|勿|不要(?!紧)|不用|暂不|尚未"
    r"|并未|未曾|没有"
    r"|没(?=[\u4e00-\u9fff])(?!关系|问题|事)|未(?!来|必"
    r"|免|关闭|完成|到期|结|处理|解决)|不再|不是|并非|并不|不含|不包含|不包括|不提供"
    r"|不需要?|不会|无人|无法|不能|不得|不可|不支持|不在|不具备|不存在"
    r"|无(?=质保|保修|记录|采购|预算|需|任何|合同|工单|有效|报修|故障|异常|投诉|库存|欠款)|取消了?|拒绝"
    r"|(?<![A-Za-z])(?:not|never|no longer|without|cannot|neither|nor|nobody|no one|none|pending|called off"
    r"|cancelled|withdrawn|no(?! later| less"
    r"| more| fewer| problem|\.))(?![A-Za-z])|n't\b",
    re.IGNORECASE,
)
_HEDGES = re.compile(
    r"可能|或许|也许|大概率|预计|计划|拟(?!合)|打算|考虑|有望|设想|构想|等[^，。]{0,8}意见|将(?!军)|准备|意向|尚待|待定"
    r"|(?<![A-Za-z])(?:may(?! 20| \d)|might|could|will|would|plans?|planned|planning"
    r"|intends?|expects?|expected|considering|likely"
    r"|possibly|perhaps|tentative\w*|to be|subject to|proposed|possibilit\w+|permitting|should reach|intended"
    r"|scheduled|due)(?![A-Za-z])",
    re.IGNORECASE,
)
_DUTIES = re.compile(
    r"必须|务必|应当|不得|强制|须(?!知)|(?<![A-Za-z])(?:must|shall|mandatory|obliged"
    r"|required to|has to|have to)(?![A-Za-z])",
    re.IGNORECASE,
)
COMPARISON = re.compile(
    r"优于|高于|低于|胜过|领先|更(?!换|新|改|正|名|迭|多信息)[\u4e00-\u9fff]"
    r"|比[\u4e00-\u9fffA-Za-z0-9]{1,12}[更高低好强快多少贵便]|第一(?=品牌|名|位)"
    r"|最[好佳高大强优低先]"
    r"|(?<![A-Za-z])(?:better|(?:the|our|its) best|superior|outperform\w*|faster|cheaper|stronger|safer"
    r"|higher|lower|leading|larger|smaller|more \w+ than|than)(?![A-Za-z])",
    re.IGNORECASE,
)
NEED = re.compile(
    r"希望|急需|迫切|需要(?!我|您签|我们)|担心|担忧|顾虑|头疼|困扰|不满|抱怨|痛点|意见很?大|苦于|急于|生怕"
    r"|怕(?=年底|被|来不及|[^，。]{0,6}收回)|缺钱|资金紧|头痛|吐槽|闹心"
    r"|催得|断货|应急|告急|失误|误操作|操心|犯愁|心急|压力"
    r"|焦虑|发愁|苦恼|看重|在意|关注(?!我)|想要|想换|想更换|急着|着急|吃力|难处|嫌|满意"
    r"|信任|青睐|不放心|最怕|受够|诉求"
    r"|(?<![A-Za-z])(?:needs?|wants?|wanted|hop(?:es|ed|ing)|worr(?:y|ies|ied)|concern(?:s"
    r"|ed)?|frustrat\w+|struggl\w+|dissatisf\w+|unhappy"
    r"|pain(?:s| points?)?|urgent\w*|complain\w*|fears?|afraid|eager|keen|priorit\w+"
    r"|pressure|anxious|satisfied|happy with|tired of|fed up|suffer\w*|cares? about"
    r"|desperate\w*|bothered|annoyed|short of (?:cash|staff|money|funds)|losing sleep|los\w+ sleep|sleepless"
    r"|overwhelm\w*|exhaust\w*|mistakes?|fatigue|nervous|unsettled|stress\w*|running out|desperat\w*|chas(?:ed"
    r"|ing) us|pressing)(?![A-Za-z])",
    re.IGNORECASE,
)
PLAN = re.compile(
    r"计划|打算|有意|考虑|准备(?=[采购更换升扩建新招])|拟(?!合)|(?<![A-Za-z])(?:plans? to"
    r"|planning to|intends? to|considering|about to|going to(?-i:(?! [A-Z])))(?![A-Za-z])",
    re.IGNORECASE,
)
CUSTOMER = re.compile(
    r"贵院|贵科|贵司|贵公司|贵单位|院领导|领导|同事|院里|您|你们|咱们|医院|科室|院方|客户|主任|院长|科长|护士"
    r"|医生|采购|老师|\[\["
    r"|(?<![A-Za-z])(?:you|your|hospital|customer|client|clinic|ward|department|director"
    r"|head|nurses?|doctors?|team|staff|they|their|dr\.?|mr\.?|ms\.?|mrs\.?|prof\.?)(?![A-Za-z])",
    re.IGNORECASE,
)
VOICED = re.compile(
    r"(?:客户|院方|医院|主任|科长|院长|护士长|护士|医生|负责人|科室|对方|老师|用户|处长"
    r"|部长|经理|工程师|\]\])[^。；\n]{0,12}"
    r"(?:反映|反馈|表示|提到|提出|说|希望|抱怨|询问|问到|要求|强调|告知|指出|坦言|担心|介绍)"
    r"|(?:客户|院方|甲方|买方|用户|来电人|医院|负责人|主任|科长|院长"
    r"|护士长)(?:[A-Za-z0-9一二三]|（客户）)?[：:]|（客户）[：:]"
    r"|发件(?:人)?[：:][^\n]*(?:医院|科|院|中心)"
    r"|(?<![A-Za-z])(?:customer|client|hospital|director|head|chief|nurse|doctor|buyer"
    r"|caller|dr\.?|prof\.?|department|manager|mr\.?|ms\.?|they|she|he)"
    r"[^.\n]{0,40}?\b(?:said|says|told|reported|mentioned|complained|asked|noted|explained"
    r"|stated|raised|wants?|hopes?|worr\w+|wrote|stressed|requested|pointed out)\b"
    r"|\((?:customer)\):|(?m:^(?:customer|client|buyer|caller|hospital|director|head nurse"
    r"|nurse|doctor)\s?[A-Z0-9]?:)|(?m:^from:)",
    re.IGNORECASE,
)
REPORTED = re.compile(
    r"您(?:之前|上次|当时)?(?:说|提|讲)|提[到起]|表示|告诉|反映|反馈|说过|说起|讲到"
    r"|(?<![A-Za-z])(?:mentioned|told|said|raised|complained|reported"
    r"|pointed out)(?![A-Za-z])",
    re.IGNORECASE,
)
OFFER = re.compile(
    r"我们?|咱们|可以|安排|如[果有需]|愿意|(?<![A-Za-z])(?:we|our|us|can|could|would|offer|i)(?![A-Za-z])",
    re.IGNORECASE,
)
MODAL = re.compile(
    r"可以|安排|如[果有需]|愿意|帮您|为您(?!院)|免费|随时|(?<![A-Za-z])(?:can|could|would|offer|shall|will"
    r"|happy to)(?![A-Za-z])",
    re.IGNORECASE,
)
OF_THE = re.compile(r" of (?:the|those|your|these) $")  # …of the sixteen
WEAK = re.compile(  # words that name an event only beside others
    r"receiv\w*|g[ai]ve\w*|given by|gift|reached|arriv\w*|drop|cover\w*|protected|收到|接收|签收|送到|先到|到齐"
    r"|补齐|到了?|赠|捐"
    r"|签.?|订|报过|价格|安排.*|earmark\w*|set aside|started",
    re.IGNORECASE,
)
PART_OF = re.compile(r" of (?:the|those|your|these|all)(?![A-Za-z])|[，,]?其中")  # two of the three
EVENTS = frozenset({"install", "lease", "donate", "retire", "deliver", "calibrate"})
STRICT = EVENTS | frozenset({"warranty", "maintain"})  # a text or fact that never speaks of it proves nothing of it
QUESTION = re.compile(r"[？?]\s*[”\"')）]*$|吗[？?。]?$|是否(?=.*[？?])")
PAST = re.compile(
    r"曾|此前|(?<![\u4e00-\u9fff])原(?=[\u4e00-\u9fff])|原(?=任|主任|院长|科长|处长"
    r"|负责人)|前任|已卸任|卸任|离任|调任|当时|时任|已到期|已过期|已失效"
    r"|已于?[^，。]{0,12}(?:到期|结束|过期|届满)|过期|到期|届满|截至|历史上"
    r"|(?<![A-Za-z])(?:former(?:ly)?|previous(?:ly)?|was|were|had|held|used to|until|ended"
    r"|expired|lapsed|left|stepped down|ran|then|at the time|"
    r"served|no longer|once)(?![A-Za-z])",
    re.IGNORECASE,
)
DONE = re.compile(
    r"已|了(?!解)|过(?=[，。的])|完毕|完成|全部|(?<![A-Za-z])(?:has|have|had|already|was|were|bought|took|won|got|went"
    r"|\w+ed)(?![A-Za-z])",
    re.IGNORECASE,
)
PRESENT = re.compile(
    r"目前|本月|这个月|现有|现存|依然|照此|请用|可[用按]|现在|现行|眼下|当前|如今|仍|还在"
    r"|(?<![A-Za-z])(?:now|currently|current|this month"
    r"|this year|at present"
    r"|today|right now|still|please use|we have|there (?:is|are))(?![A-Za-z])",
    re.IGNORECASE,
)
FORMER = re.compile(
    r"曾任|曾担任|原任|前任|卸任|离任|(?<=[，是为的])原(?=[\u4e00-\u9fff]{1,8}(?:主任|院长|科长))"
    r"|(?<![A-Za-z])(?:former(?:ly)?|previously|used to be|stepped down|until recently|ex-)(?![a-z])",
    re.IGNORECASE,
)
FUTURE = re.compile(
    r"将|即将|起任|计划|预计|拟|明年|(?<![A-Za-z])(?:will|from|starting|plans?|next|upcoming|going to)(?![A-Za-z])",
    re.I,
)
OVER = re.compile(
    r"已经?过[了期保]|过了|已经?到期|已经?过期|已经?失效|已经?结束|出保"
    r"|(?<![A-Za-z])(?:has|have|had|is|are) (?:already )?(?:expired|lapsed|over|ended"
    r"|run out)",
    re.I,
)
STILL = re.compile(
    r"(?:没|未|尚未|还没)(?:出保|过保|到期|过期|失效)|not (?:yet )?(?:expired|lapsed)|仍然?在|还在|仍然?有效"
    r"|目前有效|目前在|在有效期内|在保|期内"
    r"|仍?在质?保(?!护|障)|(?<![A-Za-z])(?:still"
    r"|currently|remains?) (?:valid|open|under|in force|covered|holds?|in)|in warranty|under (?:warranty|cover)",
    re.I,
)
PARTLY = re.compile(
    r"^(?:出保|过保|到期|过期|失效)|^ (?:yet )?(?:expired?|lapsed|ended|run out)|^到[^，。]{0,5}(?:时间|期|点)"
    r"|^[^，。]{0,6}(?:齐|全"
    r"|完)|^ (?:all|fully|yet (?:all|fully)|entirely)",
    re.IGNORECASE,
)
NOT_LESS = re.compile(
    r"^(?:超过|高于|低于|少于|多于|不足|超|越)|^ (?:more|less|(?:over|under|above|below)(?= (?:the )?(?:\d|budget|limit"
    r"|target))|exceed\w*)",
    re.IGNORECASE,
)
SUPERLATIVE = re.compile(
    r"最(?![高低]限价|高价|低价|近|后|新|终|晚|迟|长(?:[\d一二两三四五六七八九十]|不)|大[\u4e00-\u9fff]{1,3}压"
    r"|多(?:[\d一二两三四五六七八九十]|不)"
    r"|少(?:[\d一二两三四五六七八九十]|不)|高预算)"
    r"|比(?:其他|其它|别的|别家|所有|任何|同行|对手|竞品|同类)|历次|首家|首个|首位|唯一|独家|首屈一指|名列前茅"
    r"|行业第一|领先|压过|远超|(?:优|胜)于|所有[^，。]{0,8}都"
    r"|(?<![A-Za-z])(?:highest|lowest|largest|biggest|smallest|cheapest|fastest|(?:the|our|your|its|very) best"
    r"|safest|strongest|leading|superior"
    r"|number one|outperform\w*|undercut\w*|beat\w*|unrivalled|unmatched|first (?:in|of) (?:its|the)|ever had|only one"
    r"|better|the most(?! recent| part)|(?:every|any|all|other) (?:competitor|rival|hospital|supplier)s?)(?![A-Za-z])",
    re.IGNORECASE,
)
CAUSE = re.compile(
    r"因为|由于|起因|原因|缘于|源于|是因|因(?=[\u4e00-\u9fff]{2,}[，。])|主要是|为了解决|之所以"
    r"|(?<![A-Za-z])(?:because|due to|as a result of|owing to|after \w+ (?:had|have|kept|repeatedly)|driven by"
    r"|prompted by|which explains|explains why|so that)(?![A-Za-z])",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"[，；。！？：、（）\n]|[,;!?:()](?!\d)|(?<!\d)[,;](?=\d)|\.(?=\s|$)|(?<=[\w)])\s(?=(?:and|but|while"
    r"|whereas|with|which)\s)"
)


def meets(said: Topics, told: Topics) -> bool:
    """Whether words of the one relation may stand for the other; a total is any price but that of one piece."""
    if said & told - {"price"} or (said & told and not {"each", "total"} <= said ^ told):
        return True
    if said | told == frozenset({"price", "each"}):
        return True
    total, other = (said, told) if "total" in said else (told, said)
    return "total" in total and "each" not in other and bool(other & {"price", "purchase", "tender", "budget", "pay"})


@lru_cache(maxsize=20_000)
def cues(text: str) -> tuple[tuple[int, int, str], ...]:
    """Start, end and topic of every word that names a relation."""
    found = [(m.start(), m.end(), m.lastgroup or "") for m in _CUES_ZH.finditer(text)]
    if _LATIN.search(text):
        found += [(m.start(), m.end(), m.lastgroup or "") for m in _CUES_EN.finditer(text)]
    return tuple(sorted(found))


@lru_cache(maxsize=20_000)
def topics_of(relation: str) -> Topics:
    """The topics that the name of a relation names: warranty_months, 采购数量."""
    plain = relation.replace("_", " ").replace("-", " ")
    found = {topic for _, _, topic in cues(plain)} | {name for name, words in _ALSO.items() if words.search(plain)}
    return frozenset(found - {"purchase"} if "plan" in found else found)  # what is planned is not bought


@lru_cache(maxsize=20_000)
def clauses(text: str) -> tuple[tuple[int, int], ...]:
    """Start and end of the clauses of `text`; thousands separators cut nothing."""
    cuts = [0, *(match.end() for match in _CLAUSE.finditer(text)), len(text)]
    return tuple((start, end) for start, end in pairwise(cuts) if end > start)


def hedged(text: str) -> bool:
    """Whether `text` says that something is planned, likely or possible."""
    return _HEDGES.search(text) is not None


def demands(text: str) -> bool:
    """Whether `text` says that something must be."""
    return _DUTIES.search(text) is not None
