"""Where names of people stand in English text, as patterns and lists of words; what they match is to be believed."""

import re

WORD = r"(?:[A-ZÀ-Þ]['’])?[A-ZÀ-Þ][a-zß-ÿ]+(?:[-'’][A-Za-zÀ-ÿ][a-zß-ÿ]+)*"
PARTICLE = r"(?:(?:de|da|di|del|la|van|von|der|den|bin|al|el|ter) ){0,2}"
FULL = rf"{WORD}(?: {PARTICLE}(?:{WORD}|[A-Z]\.)){{1,3}}"
LATIN_NAME = re.compile(rf"(?<![A-Za-zÀ-ÿ]){FULL}")
NAME_AFTER_HONORIFIC = re.compile(
    rf"\b(?:Dr|Mr|Ms|Mrs|Prof|Professor|Nurse|Sister)\.? (?:{WORD}|[A-Z]\.)(?: {PARTICLE}{WORD}){{0,2}}"
)
# spaCy takes many a capitalised word for a person; a single one needs a neighbour that only people have
SPOKEN_OF = re.compile(
    r"(?i)\b(?:with|by|from|and|ask|tell|told|call|called|contact|met|dear|hi|hello|hey|thanks|regards,?|ping|"
    r"@|to|cc|see)\s?$"
)
ACTS = (
    r"said|says|asked|asks|told|called|calls|wrote|replied|agreed|confirmed|promised|thinks|wants|prefers|"
    r"sends|sent|complained|"
    r"abstained|disagreed|voted|joined|signed|mentioned|suggested|approved|presented|insisted|sounded|moved|retired|"
    r"(?:will|would) (?:join|send|call|decide|sign|bring|review|ask|answer|confirm|visit|attend|be)|to (?:send|"
    r"call|check|confirm)|"
    r"(?:is|was) (?:covering|handling|leading|running|visiting|coming|joining|travell?ing|waiting|working|"
    r"asking|calling|leaving|replacing|"
    r"retiring|moving|taking|looking)|is (?:on leave|away|out|sick|back|responsible|in charge)"
)
SPEAKS = re.compile(rf"(?:'s\b|:)|\s(?:{ACTS}|will|would)\b")
# A first name alone: who is greeted or thanked, and who does what only people do.
GREETED = re.compile(
    rf"(?:(?:^|(?<=[\n.;!?]))\s*|(?<=, ))(?:[Dd]ear|[Hh]i|[Hh]ello|[Hh]ey|[Tt]hanks,?|[Tt]hank you,?|"
    rf"[Cc]heers,?|[Pp]ing) "
    rf"(?P<name>{WORD})(?=\s*[,!.\n]|$)"
)
ACTOR = re.compile(
    rf"(?:(?:^|(?<=[\n.;:!?,]))\s*|\band )(?P<name>{WORD})(?:,? and (?P<other>{WORD}))? (?P<act>{ACTS})\b"
)
FIELD = re.compile(
    r"(?i:\b(?:new contact|contact person|contact|contacts|driver|patient|attention|attn\.?|c/o|signed by|"
    r"minutes by|minutes|approved by|"
    r"prepared by|reviewed by|on behalf of|gatekeeper|decision maker|account holder|passport (?:copy )?of|"
    r"refund to|named|name|"
    r"from|cc|to|call|ring|ask|meet|met|visited|speak to|spoke (?:to|with)|spoken to|talked to|talk to|this is|"
    r"i am|with|by|"
    rf"attendees|present|participants|absent|chair|chaired by|engineer|manager|head nurse|refund|"
    rf"customer)\b)\s*[:：]?\s+(?P<name>{FULL})"
)
HEADER = re.compile(
    r"(?i:\b(?:attendees|present|participants|apologies|absent|cc|to|committee|panel|"
    r"members))\s*[:(]\s*(?P<list>[^.\n]{3,160})"
)
MEMBER = re.compile(rf"(?:^|[,;/]|\band\b)\s*(?P<name>{FULL})(?=\s*(?:[,;/()<]|and\b|$))")
BEFORE_MAIL = re.compile(rf"(?P<name>{FULL})(?= ?<[^<>\s]+@)")
SIGNED = re.compile(
    rf"(?i:\b(?:regards|sincerely|yours|cheers|thanks|best|wishes))[,.]?[ \t]*\n\s*(?P<name>{FULL})(?=\s*(?:\n|"
    rf"$|,|\|))"
)
PINYIN = (
    r"(?:(?:[zcs]h|[bpmfdtnlgkhjqxzcsryw])?(?:iang|iong|uang|ang|eng|ing|ong|uai|uan|ian|iao|ai|ei|ao|ou|an|en|"
    r"in|un|ia|ie|iu|ua|"
    r"uo|ui|ue|a|o|e|i|u)|er)"
)
PINYIN_SURNAMES = (
    "Wang|Li|Zhang|Liu|Chen|Yang|Huang|Zhao|Wu|Zhou|Xu|Sun|Ma|Zhu|Hu|Guo|He|Lin|Gao|Luo|Zheng|Liang|Xie|Song|"
    "Tang|Deng|Han|Feng|Cao|"
    "Peng|Zeng|Xiao|Tian|Dong|Pan|Yuan|Cai|Jiang|Yu|Du|Ye|Cheng|Wei|Su|Lu|Lv|Ding|Ren|Shen|Yao|Jin|Cui|Tan|Fan|"
    "Shi|Liao|Jia|Xia|Fu|"
    "Fang|Bai|Zou|Meng|Xiong|Qin|Qiu|Hou|Yin|Xue|Yan|Duan|Lei|Long|Tao|Gu|Mao|Hao|Gong|Shao|Wan|Qian|Kong|Dai|"
    "Mo|Xiang|Chang|Wen|Kang|"
    "Niu|Ge|Xing|Qi|An|Hong|Zhuang|Ji|Yi|Nie|Lan|Ou|Zuo|Lai|Rao|Guan|Chai|Bao|Bi|Hua|Rong|Mei|Ning|Pu|Qu|Ruan|"
    "Shang|Sheng|Shu|Tong|"
    "Zhan|Zhong|Zong|Ouyang|Sima|Zhuge|Shangguan|Situ|Murong|Xiahou|Huangfu|Linghu|Dongfang|Duanmu|Yuwen|Gongsun"
)
PINYIN_NAME = re.compile(
    rf"(?<![A-Za-z])(?:(?P<first>{PINYIN_SURNAMES}) (?=[A-Z])(?i:{PINYIN}[-']?){{1,2}}|"
    rf"(?=[A-Z])(?i:{PINYIN}[-']?){{1,2}} "
    rf"(?P<last>{PINYIN_SURNAMES}))(?![A-Za-z])"
)
PINYIN_UPPER = re.compile(
    rf"(?<![A-Za-z])(?:{PINYIN_SURNAMES.upper()}),? (?:(?=[A-Z][a-z])(?i:{PINYIN}[-']?){{1,2}}|"
    rf"(?=[A-Z]{{3}})(?i:{PINYIN}[-']?){{1,2}})(?![A-Za-z])"
)
# Director Wang, Engineer Liu, Lao Zhang: words that are no title before anything else than a surname
PINYIN_TITLED = re.compile(
    rf"(?<![A-Za-z])(?:(?i:head nurse|deputy director|vice president|director|engineer|manager|president|"
    rf"section chief|chief|"
    rf"matron|teacher|doctor|master|madam|miss|boss|old|little)|Xiao|Lao|Uncle|Auntie?|Big (?:Brother|Sister)) "
    rf"(?P<name>{PINYIN_SURNAMES})(?![A-Za-z])(?! (?:Hospital|Medical|Group|Clinic|University))"
)
NOT_PINYIN = re.compile(
    r"(?:Hong Kong|Shang Hai|Bei Jing|He Nan|Hu Nan|He Bei|Hu Bei|An Hui|Can He|Can Ye|Men An|Hu Man)\b"
)
NOT_FIRST_NAMES = frozenset(
    re.findall(
        r"\w+",
        "The This That These Those It He She We They You Who What When Where Why How All Both Some Someone Nobody "
        "Everyone Anyone None One Two Each Either Neither Another Other Our Your My His Her Their Its Here There "
        "Then Now Today Tomorrow Yesterday Please Also And But Or If So No Yes Not Caller Rep Customer Client "
        "Sales Finance Procurement Purchasing Legal Support Service Management Hospital Clinic Ward Department "
        "Committee Board Team Staff Nurse Nurses Doctor Doctors Director Manager Engineer Engineers Patient "
        "Patients Company Supplier Vendor Distributor Dealer Manufacturer Order Orders Contract Tender Bid "
        "Invoice Payment Delivery Shipment Budget Price Quote Offer Meeting Call Visit Action Agenda Minutes Note "
        "Notes Item Items Firmware Software Hardware Device System Unit Model Version Serial Battery Probe Pump "
        "Monitor Alarm Warranty Certificate Training Installation Monday Tuesday Wednesday Thursday Friday "
        "Saturday Sunday January February March April May June July August September October November December "
        "Spring Summer Autumn Winter Grace Hope Will Mark Bill Hello Hi Dear Thanks Regards Colleagues Sir Madam "
        "Sirs Professor Everybody Nothing Something Everything Administration Accounting Logistics Marketing "
        "Security Reception Radiology Cardiology Surgery Anaesthesia Laboratory Pharmacy Maintenance Warehouse "
        "Chengyan Users User Buyer Seller Bidder Bidders Distributors Experts Members",
    )
)
ALSO_NAMES = frozenset({"Grace", "Hope", "Will", "Mark", "Bill", "May", "June", "April", "August", "Summer", "Autumn"})
LEADING = re.compile(
    r"^(?:(?:Call|Ring|Ask|Met|Meet|Contact|Please|Dear|Hi|Hello|Hey|Spoke|Visited|Thanks|From|Tell|Send|Email|"
    r"Mail|Refund|Ping|And|With|"
    r"The|To|Cc|Attn|Caller|Rep|Minutes|Action|New|Dr|Mr|Ms|Mrs|Prof|Nurse|Patient|Driver|Head|Signed|Regards|"
    r"Sincerely|Today|In|On|At|"
    r"If|When|After|Before|For|By|Is|Was|Has|Did|Can|Could|May|Will|Would|Should|Our|Your|Their|His|Her|This|"
    r"That|It|He|She|We|They|I)\.? )+"
)
ORGANISATION_FOLLOWS = re.compile(
    r"(?:'s)?(?: [A-Z][\w'’]*)* (?:Hospitals?|Clinics?|University|School|Company|Group|Medical|Co\.|Ltd|Street|"
    r"Road|Avenue|Lane|Memorial|Infirmary|Foundation|Institute|Healthcare|Health|Pharma\w*|Corporation|Inc|GmbH|"
    r"LLC|Bridge|"
    r"Park|Airport|Station|Hotel|Bank|Insurance|Logistics|Trust)\b"
)
NOT_A_PERSON = re.compile(
    r"(?i)\b(hospital|clinic|inc|ltd|corp|co|&|medical|healthcare|imaging|technology|pharma|biotech|"
    r"instruments?|group|"
    r"systems?|pump|monitor|analy[sz]er|center|centre|department|committee|university|tender|mindray|siemens|"
    r"dr[aä]e?ger|evita|getinge|fresenius|nihon|kohden|olympus|fujifilm|storz|abbott|"
    r"roche|wechat|philips|stryker|baxter|medtronic|school|college|road|street|building|room|city|province|"
    r"kit|assay|endoscope|ultrasound|colou?r|doppler|probe|washer|catheter|lock|position|filter|mode|dongle|"
    r"key|screw|dish|effect|law|"
    r"board|office|memorial|infirmary|healthcare|foundation|institute|trust|pharma\w*|key accounts?|regional|"
    r"manager|director|sales|service|support|key|annex|chapter|order|"
    r"contract|warranty|"
    r"monday|tuesday|wednesday|thursday|friday|saturday|sunday|"
    r"january|february|april|july|august|september|october|november|december|central|first|second|third|people|"
    r"children|pro|max|elite|"
    r"plus|summer|spring|winter|autumn|st|saint|passport|mobile|phone|card|id|tax|dear|regards|sincerely|framework)\b"
    r"|\d|[\u4e00-\u9fff]"
)


# After a first name alone: what people do, or the end of what was said of them
AFTER_NAME = (
    r"(?='s\b|\s*(?:[,.;:!?)\]\n\"”]|$)|\s(?:and|or|but|is|was|has|had|will|would|can|could|did|does|may|might|"
    r"must|should|also|"
    r"already|never|just|still|then|who|in|from|at|on|to|for|about|by|before|after|when|whether|if|because|says|"
    r"said|asks|"
    r"wants|thinks|needs|likes|knows|calls|sends|brings|prefers|agrees|insists|works|handles|signs|keeps|gets|"
    r"takes|makes|"
    r"comes|goes|looks|seems|feels|runs|leads|wrote|told|sent|got|took|came|went|made|gave|left|met|saw|spoke|brought|"
    r"promised|has|\w{3,}ed|again|directly|please|today|tomorrow|yesterday|this|next|last|over|up|back|out|the|"
    r"your|our|my|a)\b)"
)
SINGLE = re.compile(rf"(?<![\w@.'’&/-])(?P<name>{WORD})(?![\w@&/-]){AFTER_NAME}")
AFTER_LINK = re.compile(
    rf"\b(?i:can|could|would|should|did|does|do|let|have|has|is|was|were|may|might|will|when|if|because|that|"
    rf"then|and|but|so|while|until|"
    rf"after|before|unless|whether|since|as|where|says|said|thinks|told|with|for|from|by) "
    rf"(?P<name>{WORD})(?![\w@&/-]| [A-Z(])(?= [a-z])"
)
IN_CHINESE = re.compile(
    rf"(?<![A-Za-z0-9@._/&+#-])(?P<name>{WORD})(?![A-Za-z0-9@._/&+-]|\s?[A-Z0-9(（]|\s?(?:医院|公司|系列|品牌|型|牌|款|软件|系统|接口|协议|"
    r"厂|集团|诊所|认证|法|征|病|综合征|评分|量表|曲线|效应|指数|标准|卡|盘|屏|大学|医疗|科技|诊断|生物|版|机|泵|仪|探头|主机))"
)
CUE_BEFORE = re.compile(
    r"(?:找|联系|给|问|请|让|由|叫|派|见|等|替|帮|听|约|陪|通知|告诉|转告|感谢|谢谢|发|寄|转|提醒|麻烦|被|把|对|和|跟|与|同|是|@|[:：、]|负责人|"
    r"同事|经理|总监|工程师|专员|联系人|销售)\s?$"
)
CUE_AFTER = re.compile(
    r"\s?(?:说|问|答|讲|表示|回复|回了|回电|认为|觉得|建议|要求|希望|提|已|也|都|还|会|将|要|想|跟|和|与|给|把|在|去|来|明天|今天|昨天|下周|"
    r"负责|同意|确认|签|发来|发了|打来|总|经理|主任|医生|老师|教授|博士|先生|女士|姐|哥|那边|这边|的(?:意见|邮件|电话|手机|微信|邮箱))"
)
NOT_BEFORE_NAME = re.compile(
    r"(?i)(?:\b(?:the|a|an|this|that|each|every|any|no|two|three|four|five|six|our|their|your|its|in|at|near|"
    r"inside|outside|of|"
    r"version|series|model|type|software|system|saint)|\bSt\.|[0-9#]|(?-i:(?!(?:Could|Can|Will|Would|Should|Did|"
    r"Does|Do|Is|Was|Has|Have|May|Let|And|But|So|If|When|Then|Ask|Tell|Please|With|From|For|"
    r"Today|Yesterday|Tomorrow|Also|Because|While|After|Before|Once|Since|Thank|Thanks|Send|Give|Call|Hi|Hello|"
    r"Dear|Only|Yes|No|Ok)\b)[A-Z][\w'’]*[a-z])) $"
)
# Ask Hope, tell Mark: what one does to people only
TO_PEOPLE = re.compile(
    rf"(?P<cue>\b(?i:ask|asked|tell|told|ring|phone|phoned|email|emailed|ping|thank|remind|reminded|inform|met|"
    rf"text|texted|invite|"
    rf"meet|contact|calls?|called|cc|copy|loop in|hand it to|give it to|spoke (?:to|with)|speak (?:to|with)|"
    rf"talk(?:ed)? to)) "
    rf"(?P<name>{WORD})(?! [A-Z(]|[\w-])"
    r"(?=\s*(?:[,.;:!?)\n]|$)|\s(?:in|from|at|about|to|for|whether|if|and|or|when|before|after|again|directly|"
    r"first|on|why|how|"
    r"what|that|instead|tomorrow|today)\b)"
)
APPOSITION = re.compile(
    rf"(?:^|(?<=[\n.!?] ))(?P<name>{WORD}),? (?=(?:our|my|your|their|his|her|the) (?:new |main |old |local |"
    rf"usual )?(?:contact|colleague|rep|"
    r"engineer|manager|director|head|nurse|counterpart|buyer|purchaser|secretary|assistant)\b|(?:head|chief|"
    r"deputy) of\b|who\b)"
)
NAME_PART = re.compile(rf"{WORD}|[A-Z]\.")
MONTH_AFTER = re.compile(r"\s*(?:\d|(?:the )?(?:first|second|third)\b)")
THING_FOLLOWS = re.compile(  # Petri dish, Jackson resuscitators
    r"\s(?:dish|key|catheter|clamp|forceps|blade|tube|laryngoscope|score|scale|position|test|stain|solution|"
    r"valve|syndrome|disease|effect|"
    r"law|filter|transform|curve|index|ratio|connector|lock|screw|needle|resuscitator|circuit|mask|airway|tank|"
    r"warehouse|depot|branch|"
    r"monitor|pump|probe|series|model|unit)s?\b"
)
SURNAME_IS = re.compile(
    r"(?i:surname|last name|family name|first name|given name)(?i: is| was| reads|:)? "
    r"(?P<name>[A-ZÀ-Þ][a-zß-ÿ'’-]+)(?![\w])"
)
SPEECH = frozenset(
    re.findall(
        r"\w+",
        "said says asked asks told replied wrote agreed confirmed promised disagreed abstained complained "
        "insisted thinks "
        "wants mentioned suggested voted",
    )
)
