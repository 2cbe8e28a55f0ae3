"""Where names of people stand in Chinese text, as patterns; what they match has yet to be believed."""

import re

from governance.surnames import (
    COMPOUND_SURNAMES,
    FOREIGN,
    HAN,
    NAME,
    SHORT_TITLES,
    SURE_COMPOUNDS,
    SURNAMES,
    TITLES,
)

HAN_CHAR = re.compile(HAN)
END = r"(?=\s*(?:[,，、;；。.!！?？:：/|）)（(\[\]<>\n→“”\"+]|$|[0-9A-Za-z])|\s)"
# Who is named after these words, with or without a colon; a role alone (司机) says less than a form's field (姓名).
FIELD = (
    "联系人|经办人|收件人|收货人|签收人|发件人|寄件人|报修人|投诉人|递交人|来电人|申请人|填表人|制表人|审核人|"
    "复核人|验收人|记录人|"
    "主持人|委托人|受托人|代理人|被授权人|授权人|持证人|持卡人|负责人|法定代表人|代表人|法人|授权代表|投标代表|"
    "代表|签字人|姓名|户名|"
    "开户名|中文名|英文名|曾用名|全名|本名|真名|昵称|花名|落款|署名|甲方|乙方|丙方|买方|卖方|供方|需方|讲者|房东|业主|户主|"
    "组长|成员|评委|评审专家|专家|讲师|主讲|主持|记录|经办|项目经理|客户经理|组员|委员|代理|收件|抄送|"
    "主送|起草人|接替者|签名|证明人|经手|批准|审批|助教|主刀|"
    "接任者|继任者|联络人|对接人|采购人|技术员|介绍人|推荐人|担保人|监护人|紧急联系人|工程师|安装|调试|经理"
)
ROLE = (
    "队长|班长|领队|保安|门卫|保洁|会计|出纳|前台|店长|厂长|老板|总裁|董秘|顾问|规培生|实习生|研究生|学生|徒弟|护工|陪护|"
    "母亲|父亲|丈夫|妻子|妹妹|弟弟|哥哥|姐姐|"
    "司机|驾驶员|家属|患者|病人|同事|秘书|助理|客户|"
    "女儿|儿子|爱人|专家|翻译|书记|院长|处长|科长|主任|护士长|教授|来电登记|来电|代表"
)
ROLE_ACTS = re.compile(rf"(?:{FIELD}|{ROLE})(?P<name>{NAME})(?=陪同|说|主讲|介绍|来电|在|已|把|将|会|和|与|也|的)")
# Verbs and titles as well as fields: without a colon, what follows may be anything.
UNSURE_FIELD = re.compile(
    "(?:主持|批准|审批|经手|助教|主刀|记录|安装|调试|代理|代表|经办|收件|抄送|主送|主讲|专家|翻译)$"
)
RANK = re.compile("(?:书记|院长|处长|科长|主任|护士长|教授|组长|经理|助理|秘书)$")
INTRODUCED = re.compile(
    rf"(?P<field>{FIELD}|{HAN}{{1,3}}人(?=[:：])|{ROLE})"
    rf"(?P<colon>[为是]?[ \t]*[:：]\s*|为|是|[ \t]*)(?P<name>{NAME}){END}"
)
CALLS = re.compile(
    r"(?:我是|我叫|我姓名|本人|致|请|推荐找|直接找|要找|去找|就找|来找|找|联系|拜访|约见|转告|通知|告诉|转发给|"
    r"发给|转给|转|由|经|兹委托|"
    rf"委托|授权|兹授权|推荐|让|派|叫|问|给|跟|和|与|同|被|新来的叫|接任的是)(?P<name>{NAME})"
    r"(?=\s*(?:[,，;；。.!！?？（(\n]|$)|处[。，]|代表|审阅|签发|说|送|来|去|做|上门|同意|授课|统计|处理|接手|"
    r"保管|提供|检查|负责|汇总|汇报|主讲|联系|对接|先生|收|本人|的|护照|身份证)"
)
SAYS = "表示|说|问|答|指出|提出|提醒|认为|强调|同意|要求|希望|建议"
SPEAKS = re.compile(
    rf"(?:[\n，。；,;→\]】:：]|^|客户|患者|家属|司机|听说)\s?(?P<name>{NAME})"
    "(?=(?:主动|已经|已|也|都|会|将|再|表示|说|问|答|回复|指出|提出|提醒|认为|要求|希望|补充|建议|同意|负责|"
    "反映|强调|介绍|汇报|确认|"
    "签收|到场|复核|代管|记录|翻译|主讲|审阅|签发|认可|偏好|喜欢|不喜欢|退休|升任|调任|接替|接任|关心|担心|"
    "觉得|想要|来电|跟进|牵头|"
    "参加|出席|缺席|请假|做|收|签收|亲启|转交|升|调|离职|陪同|主持|下周|本周|昨天|今天|明天)[^额量度])"
)
DEPARTMENT = rf"[（(]{HAN}{{1,8}}[科室部处院办组][）)]"
OF_A_PERSON = "的?(?:电话|手机|微信|邮箱|生日|身份证|护照|银行卡|名片|联系方式|号码)"
BEFORE_OWN = re.compile(rf"(?P<name>{NAME})(?={DEPARTMENT}|{OF_A_PERSON})")
IN_BRACKETS = re.compile(rf"[（(]\s*(?P<name>{NAME})\s*[)）]|(?<=[0-9])[,，]\s*(?P<after>{NAME})(?=[,，。\n]|$)")
SHORT_MENTION = re.compile(rf"(?:[老小]?[{SURNAMES}](?:{TITLES}|{SHORT_TITLES})|[老小][{SURNAMES}])")
PAIR = re.compile(rf"(?:[\n，。；,;:：]|^)\s?(?P<name>{NAME})(?:和|与|及|、)(?P<other>{NAME})(?={HAN}|\s|[，。]|$)")
TURN = re.compile(rf"(?:(?<=\n)|^)[\[【]?(?P<name>{NAME})[\]】]?\s*[:：]")
MENTION = re.compile(rf"(?<![0-9A-Za-z])@(?P<name>{HAN}{{2,4}})(?=[\s,，:：]|$)")
BESIDE_NUMBER = re.compile(rf"(?<=[0-9Xx]\s|.[0-9Xx])[（(]\s*(?P<name>{NAME})\s*[)）]")
SIGNED = re.compile(
    rf"(?:祝好|敬礼|此致|谢谢|顺颂商祺|商祺|敬上|礼)[。!！,，]?\s*\n?\s*(?P<name>{NAME})(?=[,，|｜\n]|$)"
)
HEADER = re.compile(
    r"(?:参会|与会|出席|到会|列席|参加|缺席|请假|主持|记录|评委|评审|专家|成员|抄送|主送|收件|发件|联系|经办|"
    r"签到|签收|组长|委员|讲师|主讲|授课|"
    r"人员|名单|代表|负责|安装|调试|陪同|接待|见证|审核|复核|值班|代理机构|工程师|"
    r"译员)[^\s:：，。；、\n]{0,5}[:：]\s*(?P<list>[^。\n]{2,160})"
)
UNIT = (
    rf"(?:{HAN}{{0,10}}?(?:科|部|室|处|院|司|办|组|中心|站|局|委|我司|我方|院方|厂家|后勤|护理|"
    "财务|信息|设备|采购|销售))"
)
MEMBER = re.compile(
    rf"(?:^|[、,，;；/|和与及])\s*(?:{UNIT})?(?P<name>{NAME}|[{FOREIGN}]{{3,7}})"
    rf"(?=\s*(?:[、,，;；/|（(]|$|和|与|及|(?:副)?(?:{TITLES})|两位|三位|四位|等))"
)
NEIGHBOUR_AFTER = re.compile(
    rf"(?:[、/|]|和|与|及)\s?(?P<name>{NAME})(?=[、，。,;；/|）)\s]|和|与|及|意见|[二两三四五六七八九]位|等人|$)"
)
NEIGHBOUR_BEFORE = re.compile(rf"(?P<name>{NAME})(?:[、/|]|和|与|及)$")
TITLE = re.compile(
    rf"(?:副)?(?:{TITLES})(?!{HAN}*医院|(?<=工)[作单程具时序业人厂期资艺伤会]|(?<=总)[计额价数量体部共是会之])"
)
SURNAMES_WITH_TITLE = re.compile(
    rf"(?P<names>[{SURNAMES}](?:(?:[、/]|和|与)[{SURNAMES}]){{1,3}})(?=(?:两位|二位|三位|几位|四位)?副?(?:{TITLES})(?!{HAN}*医院))"
)
TWO_PEOPLE = re.compile(rf"(?P<name>{NAME})(?:和|与|及|、)(?P<other>{NAME})(?=[两二]位|二人|两人|俩)")
IS_SOMEBODY = re.compile(  # 温暖是我们新来的商务专员，
    rf"(?:^|[\n，。；,;：:]\s?)(?P<name>{NAME})(?=是{HAN}{{0,9}}(?:专员|经理|主任|护士|护士长|医生|老师|同事|工程师|负责人|助理|秘书|代表|"
    r"学生|同学|朋友|爱人|老婆|老公|女儿|儿子|科长|处长|院长|会计|司机|师傅|主管|总监)(?:[,，。；;!！\n]|$))"
)
SURNAME_ONLY = re.compile(rf"姓(?P<name>{COMPOUND_SURNAMES}|[{SURNAMES}])(?=[,，。；;!！\s）)]|$|的(?!人))")
# 应先生, 能女士: before these even a surname that is hardly ever one
ADDRESSED = re.compile(rf"(?P<name>[{SURNAMES}])(?P<title>先生|女士|小姐|阿姨)(?![们人])")
# Somebody speaks: no 说明, 问题, 答复
SPOKEN = re.compile(r"(?:说(?![明法服])|问(?![题卷诊世])|答应|讲(?![座课解义])|回复说|表示|觉得|认为|告诉|提醒)")
# Who speaks and is spoken of without being a name
NOBODY = re.compile(
    r"[位司局厅委处科部室院组店厂站所]$|家属|家人|家长|海关|国家|司机|后勤|商务|施工|经理|经办|代表|平台|居民|老人|老板|师傅|"
    r"员工|职工|车间|保安|别人|何人|双方|院长|主任|护士|同事|严重|应该|明确|相关|有关|关于|于是|那么|首先|但是|过程"
)
NO_GENTLEMAN = frozenset("有来自从向和都经后但问首过次那与由")  # 和先生, 那先生
SHORT_OFFICE = re.compile(  # 联系人是宁科
    rf"(?:(?:{FIELD})(?:是|为|[:：])|找|问|给|跟|请示过?|听)\s?(?P<name>[{SURNAMES}][科处局院])(?=[,，。;；、!！?？\s]|了|说|$)"
)
LONE_SURNAME_TURN = re.compile(rf"(?:^|\n)[\[【]?(?P<name>[{SURNAMES}])[\]】]?\s*[:：](?=.)")
# 老李也说, 佘工打电话: what follows is no part of the name
OVERLONG = re.compile(
    rf"(?P<name>[老小阿][{SURNAMES}]|[{SURNAMES}](?:{TITLES}|处|局|董|哥|姐))(?P<rest>[也都还就又才刚在去来说问打回已会要想把给让帮不没是做看走送])$"
)
HAN_RUN = re.compile(f"{HAN}+")
NAME_BEFORE_SHORT_TITLE = re.compile(rf"[{SURNAMES}](?:{SHORT_TITLES})(?![长理员置方级部分位科室务女妹])")
LINKS = frozenset("和与由让请找给向从对于经同跟被及是有在为")  # never a surname before 小明
PROFESSIONS = (
    "主任医师|主治医师|住院医师|医师|主任护师|主管护师|主任技师|教授|高级工程师|工程师|经办人为|联系人为|专员|技师"
)
NAME_AFTER_PROFESSION = re.compile(
    rf"(?:{PROFESSIONS})[:：]?(?P<name>{NAME})"
    r"(?=[\s,，;；。、()（）0-9A-Za-z]|$|的|说|表示|反映|来电|电话|手机|主刀|出诊|团队)"
)
NICKNAME = re.compile(
    rf"阿(?![姨里胶片斗拉]){HAN}(?!{HAN})|[老小阿][{SURNAMES}](?:(?:{SHORT_TITLES}|总|工)(?!{HAN})|(?=[说在又问把给的也让送开来去发今昨])|"
    rf"(?!{HAN}))"
)
SURE_COMPOUND = re.compile(
    rf"(?:{SURE_COMPOUNDS})(?:{HAN}{{1,2}}){END}|(?:{SURE_COMPOUNDS}){HAN}{{1,2}}(?=(?:副)?(?:{TITLES}))"
)
DOTTED = re.compile(rf"{HAN}+(?:[·•]{HAN}+)+")
FOREIGN_RUN = re.compile(rf"[{FOREIGN}]{{3,7}}")
ALONE_IN_LATIN = re.compile(rf"(?:^|(?<=[A-Za-z,.:]\s)|(?<=\())(?P<name>{NAME})(?=(?:'s)?(?:[\s,.)]|$))")
LATIN_WORD = r"[A-ZÀ-Þ][a-zß-ÿ'’-]+"
LATIN_BEFORE_TITLE = re.compile(
    rf"(?<![A-Za-z])[A-ZÀ-Þ][a-zß-ÿ'’-]{{2,}}(?: {LATIN_WORD}){{0,2}}(?=\s?(?:医生|先生|女士|小姐|教授|主任|"
    rf"博士|经理|总|老师))"
)
LATIN_MEMBER = re.compile(
    rf"(?:^|[、,，;；/|])\s*(?P<name>{LATIN_WORD} {LATIN_WORD}(?: {LATIN_WORD})?)(?=\s*(?:[、,，;；/|（(]|$))"
)
FIELDS = frozenset(FIELD.split("|"))
AFTER_FIELD = re.compile(rf"(?:{FIELD}|{ROLE})$")
ROLE_BEFORE = re.compile(r"司机|联系人|经办人|负责人|客户|患者|医师|医生(?=..)|我是|叫")
TAIL = re.compile(r"(?<=.(?:总|处|工|局|哥|姐))了$|(?<=..)(?:说|吗|呢|吧)$")
PLACE_OR_COMPANY_FOLLOWS = re.compile(
    r"医疗(?!科|处|组|队|费|纠纷|保险|机构)|器械(?!科|处|组)|科技(?!科|处|部)|生物(?!科|实验)|制药|仪器(?!科)|影像(?!科|室|中心|组)|实业|商贸|"
    r"[)）]\s?(?:医疗|科技|有限|股份|集团|公司)|"
    r"医院|公司|药监|集团|大学|学院|路|大道|街|山|氏|注准|注进|注许|备字|之号|定律|效应|药业|院区|分院|小学|中学"
)
COMPANY_END = re.compile("(?:公司|医院|集团|学院|大学)$")
PLACE_END = re.compile(r"[省市县区州镇乡村路街院山河江湖岛港]$")
WORDS = frozenset(
    ["n", "v", "vn", "a", "ad", "an", "d", "c", "p", "r", "m", "q", "u", "f", "s", "t", "xc", "vd", "TIME"]
)  # LAC's tags of ordinary words
NEVER_ALONE = frozenset(
    "有来自从向和都经公那后应于平全相能初但么长何任家满管问首过次年种言双单高万"
)  # 和主任 names nobody
PARTICLES = frozenset("有来自从向和都经那后应于么但问首过次")
LIKELY = 0.25  # LAC's probability of a name that is enough without a cue
POSSIBLE = 0.08  # with a weak cue
