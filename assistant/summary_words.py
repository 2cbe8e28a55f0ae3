"""The word classes by which a clause is read: who acts, what is promised, what takes a promise back."""

import re

_I = re.IGNORECASE

FIRST = re.compile(
    r"(?<![给跟和向对与发寄送交传诉知系找帮陪])(?:我们|咱们|咱|本人"
    r"|我(?![院科司方处公国]|办(?![理好完妥])|中心))|\b(?:i|we)\b|^(?:\W"
    r"|from |and |but |so |then |ok |on )*our\b|\bour \w+(?: \w+)? (?:will"
    r"|shall|is going)\b|\bfrom our side\b|\b(?:i|we)'(?:ll|ve|d|m"
    r"|re)\b",
    _I,
)
SECOND = re.compile(
    r"(?<![给跟和向对与把请让发寄送交传诉知系找帮陪])(?:您|你)(?:们)?"
    r"|(?:^|[:,;]\s*)(?:\W|from |and |but |so |then |ok |that |kindly )*you(?:r\b"
    r"|\b)|\byou(?:'ll|\s+(?:will|shall|agreed|kindly|promised|undertook"
    r"|must|need))\b|\byour \w+(?: \w+)? (?:will|shall)\b",
    _I,
)
BOTH = re.compile(
    r"双方|各方|(?:咱们|我们|咱|大家)[^，。]{0,4}(?:一块儿?|一起|一同"
    r"|共同)|(?:院方|医院|客户)[和与、](?:我方|我司|公司|供应商)|(?:我方"
    r"|我司|公司)[和与、](?:院方|医院|客户)|\b(?:hospital|customer"
    r"|clinic) and (?:the )?(?:supplier|vendor|us)\b|\b(?:supplier"
    r"|vendor|we) and (?:the )?(?:hospital|customer|clinic)\b|\b(?:both (?:sides"
    r"|parties|teams)|the two (?:sides|parties)|we both)\b",
    _I,
)
THIRD = re.compile(
    r"[他她](?!人)|他们|她们|厂家|厂里|原厂|总部|代理机构|招标代理"
    r"|招标公司|第三方|快递|物流公司|卫健委|医保局|药监|领导|评委|专家组"
    r"|\b(?:they|he|she|the (?:factory|manufacturer|agency|board|committee"
    r"|authority|courier|ministry)|head office|legal)\b",
    _I,
)
BY = re.compile(r"由(?=[\u4e00-\u9fff\[])")

# what is done or handed over
ACT_ZH = re.compile(
    r"[发寄送交付拿办弄](?=$|[。，,！!])|安排|更换|换[掉上好新装]|[发给][您你我贵咱到过出货布送来]|发(?:一份"
    r"|一版|个)|给(?:贵|各|科|院|设备|客户)|送[到达过给至来去样]|提[交供报]"
    r"|完成|寄[出达到给过送]?|快递|出具|出(?:一[份个版]|个|报告|方案"
    r"|结果|票)"
    r"|确认|联系|答[复应]|回复|回[个您你]|准信|通知|告诉|告知|搬[走离到]?"
    r"|装[好机上]|安装|调试|检修|维修|修[复好]|支付|付[款清掉]|打款"
    r"|汇款|补[足给齐上发做交寄]|更正|反馈|组织|整理|准备|备[好货齐]"
    r"|交[上给到付出]|开[好票具展]|看完|进场|清[理空点]|更新|跟进|过来"
    r"|过去|上门|到场|拜访|报[送批上给]|归还|退[回还]|签[好字订署完回]?"
    r"|盖[章好]|拟[定好]?|传给|传到|丢[给你您到]|[你您]微信|清走|加[训开做派]"
    r"|回访|做一[次遍版份]|带[^，。]{0,8}过[来去]|去[^，。]{1,10}看"
    r"|供货|培训|到位|落实"
    r"|发货|做[好完出]|写[好完]|改[好完成]|走完|办[好完理妥]|定(?:下来"
    r"|好|稿)|敲定|列[好出]|汇总|核[对实]|校准|保养|巡检|检[测查]|测试"
    r"|演示|讲解|腾[出空]|召[开集]|发布|公布|复[印验核测]|拍照|录[好制入]"
    r"|打印(?!机)|申[请报]|上报|提上|[带拿][过来给去上]|借[给出]|调[拨配]"
    r"|调.{0,6}过来|采集|采购|下单|递交|转[交发给]|抄送|汇报|请示|协调"
    r"|处理|解决|升级|拆[除走]|布线|勘[察测]|验收|公示|约[好个定上时见]"
    r"|来[取拿拉收看装修]|去[取拿拉看装修办]|[取拿]走|确定|明确|碰[个头]"
    r"|对[接账]|结清|开通|授权|报价|给[^，。]{0,3}(?:个|一[份个])|把[^，。]{2,}"
    r"|交|发过|派"
)
VOW_ZH = re.compile(
    r"承诺(?!书|函)|答应|保证(?!金|书)|负责(?!人|方)|同意|由[^，。]{1,8}(?:负责"
    r"|来)|会(?![议诊务计员长上场签场])|将(?=[\u4e00-\u9fff\d])|一定"
    r"|须|应(?!用|急|该|聘|届|收)|必须|要在|需(?!求|要您)"
)
# without a day only what is promised in so many words
STRONG_ZH = re.compile(
    r"(?:我|我们|咱们?)来[\u4e00-\u9fff]{2}|(?:我|我们)(?:让|叫|安排"
    r"|派|找)[^，。]{1,10}(?:把|给|联系|过|送|来)|(?:我|我们)把[^，。]{1,20}(?:给"
    r"|发|传|寄|送)[^，。]{0,4}[您你贵]|承诺(?!书|函)|答应|保证(?!金"
    r"|书)|负责(?!人|方)|(?:我|我们|我方|我司|咱们|工程师|售后)[^，。；]{0,8}(?<!机)会(?![议诊务计员长上])"
    r"|将(?=[\u4e00-\u9fff])|马上|这就|立即|立刻|稍后|待会儿?|一会儿"
)
DELIVERS_ZH = re.compile(
    r"[发给寄送交][^，。]{0,6}[您你我贵]|[您你贵][^，。]{0,8}$|通知"
    r"|告诉|告知|提[交供]|完成|安排|更换|联系|回复|答复|补[齐发寄]"
    r"|整理|准备|寄|送|发|转[交发]|跟进|落实|处理|协调|安装|培训|上门"
    r"|维修|供货|付|签"
)
ASKS_NOTHING = re.compile(
    r"\bplease (?:find|note|see|be aware|bear|accept|excuse|feel|don't"
    r"|do not|let me apologi)|请(?:见|查收|知悉|谅解|放心|留意|理解"
    r"|注意查收)",
    _I,
)
STATIVE_ZH = re.compile(
    r"要[^，。]{1,4}的$|是|有(?!人)|不在|出差|休假|放假|请假|值班|查房"
    r"|上班|开会|过年|回来|出结果|到期|到货|忙|走(?!完|流程|一[个遍]"
    r"|程序)|退休|想|能|够|说|认为|学习|结束|开始|休息|停|涨|降|截止"
    r"|开标|评标|盘点|审计|搬家|在(?:外地|家|场|路上)|用完|坏|报警"
    r"|没"
)
STATIVE_PLAIN_EN = re.compile(
    r"\b(?:i'm|we're|it's|he's|she's|that's|off|away|is|are|am|has|have|says?|thinks?|wants?|likes?|close[sd]?"
    r"|starts?|begins?|ends|expires?|needs?|prefers?|works?|belongs?"
    r"|costs?|remains?|knows?|believes?|sits|falls|comes? back|go away"
    r"|goes?|leaves?|left|count|close)\b",
    _I,
)
ASK = re.compile(
    r"(?:^|[，,、；;：: ])(?:另外?[，,]?|那|还|再|也)?(?:还)?(?:烦?请"
    r"|麻烦|辛苦|劳烦|拜托)(?!示|问|稍|放心)|[\u4e00-\u9fff]请(?=尽快"
    r"|尽早|于|在|您|你|贵|提前|务必|帮|把|将|及时)|\b(?:please|kindly)\b"
    r"|^(?:那|那么)?(?:你们?|您)(?:们|这?边)?先",
    _I,
)
NOT_ZH = re.compile(
    r"不(?!管|过|晚于|迟于|少于|超过|低于|久|错|但|仅|含|带|限|同|锈"
    r"|间断|见不散)|没(?!问题|关系|事)|未(?!来)|无法|(?<![特分个区级])别(?!的"
    r"|人|家|处)|拒绝|难以|取消|暂缓|推迟"
)
HEDGE_ZH = re.compile(
    r"如果|要是|若(?!干)|倘若|假如|假使|万一|只要|除非|的话|一旦|可能"
    r"|或许|也许|大概|估计|应该|争取|尽量|预计|左右|最快|原定|原计划"
    r"|计划(?=明年|于|在|[^书单]{0,3}(?:重新|启动))"
    r"|希望|建议|要求|认为|觉得|提出|询问|考虑|打算|想(?!法)|看看|研究一下"
    r"|再说|再议|再看|到时候|视[^，。]{1,8}而定|看情况|取决|可以?(?=安排"
    r"|赠|考虑|送|提供|申请|给|带|来|过来)|愿意|最好|能不能|要不|不如"
    r"|好像|听说|据说|有望|力争|尽力"
)
CONDITION = re.compile(
    r"如(?:能|有|需|遇)|如果|要是|若(?!干)|倘若|假如|假使|万一|只要|除非|一旦|的话|^\W*如(?=[^期下上同此][^，]{1,20}$)"
    r"|^\W*(?:once|as soon as|when)\b|\b(?:if|unless|provided|assuming"
    r"|in case|depending on|subject to)\b|^\W*(?:should|were|had) (?:you"
    r"|we|i|the|they|it)\b",
    _I,
)
PAST_ZH = re.compile(
    r"已经?(?!报修)[^，。]{0,14}(?:收到|完成|提交|做完|关闭|发出|寄出"
    r"|解决|更换|到货|上报|送达|安排|发|寄|签|付)|[完到过出寄发做修换付送签交](?:了"
    r"|过(?![来去]))(?!$)|(?:完|到|过|出|寄|发)了$|上次|上回|刚刚?(?!好)"
    r"|曾|之前(?:就|已)|昨[天晚日]"
)
EVENT = re.compile(
    r"暂定|拟于|定在|安排在|开标|到期|举行|定于|会议定|下次会议|例会"
    r"|论证(?:会)?$|启动[^，]{0,8}论证|截止|\b(?:next meeting|is closed"
    r"|out of order|expires?|on leave|arrives?)\b",
    _I,
)
REPORTS = re.compile(
    r"(?<![让请由叫])(?:他们|厂家|厂里|领导|主任|院长|工程师|代理机构"
    r"|财务|老板|总部)[^，。]{0,3}(?:说|讲|表示|通知|要求)|\b(?:he"
    r"|she|they|it|agreement|contract|boss|\w+ said) (?:says?|said)\b"
    r"|\bsays? until\b|反映|反馈说",
    _I,
)

WILL_EN = re.compile(
    r"\b(?:will|shall)\b(?! (?:not|never))|'ll\b|\b(?:agree[ds]?|undertakes?"
    r"|undertook|commit(?:s|ted)?|promise[sd]?|pledged?|confirm(?:s"
    r"|ed)? (?:that )?(?:we|they|i)) to\b|\b(?:am|is|are) going to\b"
    r"|\b(?:am|are|is) to (?!be (?:able|seen))|\bmust\b|\b(?:has|have|needs?) to be\b",
    _I,
)
STATIVE_EN = re.compile(
    r"(?:\b(?:will|shall|to)|'ll) (?:\w+ly |also |probably |then |just "
    r"|still )?(?:see\b(?! to| (?:that|you))|be (?:\w+ly )?(?:able"
    r"|happy|glad|there|fine|good|great|lovely|nice|enough|needed|required"
    r"|open|closed|useful|okay|ok|in touch|on leave|away|out|too|a"
    r"|an|the|back|ready to|difficult|expensive|cheaper)\b"
    r"|think|know|need|want|like|love|hope|try|consider|take (?:about"
    r"|a while|some|two|three|up)|cost|depend|have to|look like|see what"
    r"|do (?:my|our) best|wait|remember|bet|say|never|not\b|probably"
    r"|change|go up|rise|help\b|miss\b|understand|appreciate|make do"
    r"|live)",
    _I,
)
DELIVER_EN = re.compile(
    r"\b(?:send|forward|e-?mail|mail|call|phone|ring|text|drop|bring"
    r"|deliver|ship|provide|give|let \w+ (?:have|know)|get|return|arrange"
    r"|book|organi[sz]e|schedule|check|ask|confirm|find out|look into"
    r"|follow up|come|visit|submit|prepare"
    r"|draft|issue|pay|refund|credit|replace|repair|fix|install|collect"
    r"|pick|update|share|pass|chase|talk|speak|raise|order|sign|review"
    r"|test|train|show|have|put|meet|go|write|complete|finish|keep \w+ posted"
    r"|supply|cover|handle|take|make|do|set|add|correct|resend|copy"
    r"|circulate|post|quote|swap|loan|lend|hand|upload|invite|notify"
    r"|inform|report|extend|waive|reserve|hold|cancel|remove|clear"
    r"|move|run|train|file|register|approve|release|transfer)\b",
    _I,
)
PASSIVE_EN = re.compile(
    r"\b(?:be|is|are) (?:\w+ly )?(?:sent|delivered|shipped|installed"
    r"|replaced|returned|collected|repaired|issued|paid|provided|completed"
    r"|submitted|calibrated|dispatched|finished|done|corrected|updated"
    r"|picked up|handed over|signed|ready|on site|with you)\b",
    _I,
)
PLAIN_EN = re.compile(
    r"\b(?:by|before|until|within|no later than|on|this|next|tomorrow|today|tonight|at the latest|in)\b", _I
)
NOT_EN = re.compile(
    r"\b(?:not|never|cannot|unable|nobody|none|neither|nor|refus\w+"
    r"|declin\w+)\b(?! later)|n't\b|\bno\b(?! (?:later|problem|doubt"
    r"|worries))|\bturned down\b|\bout of the question\b",
    _I,
)
HEDGE_EN = re.compile(
    r"\b(?:(?-i:may)|might|could|would|should|hope(?:s|d|fully)?|try"
    r"|tries|aim|expect(?:s|ed)?|plan(?:s|ned)? to|perhaps|maybe|probably"
    r"|possibly|likely|thinking|consider|would like|want(?:s|ed)? to"
    r"|guess|if|unless|ask(?:s|ed)? (?:for|whether|if)|request(?:s"
    r"|ed)|suggest\w*|propos(?:e|es|ed|al)|note that|until further"
    r"|once (?:the board|approved))\b|'d\b",
    _I,
)
PAST_EN = re.compile(
    r"\b(?:was|were|went|had|has been|have been|has already|have already"
    r"|already|did|said|told|asked|sent|arrived|came|got)\b",
    _I,
)
QUESTION = re.compile(
    r"[？?]\s*$|吗[？?。]?$|^(?:(?![定诉知认])[^，。]){0,12}(?:什么时候|能否|是否|何时)"
    r"|^(?:when|what|any|where|who|how)\b(?!.*[.:!])|^(?:could|can"
    r"|would|do|does|is|are|has|have|did|will|shall) (?:you|we|i|it"
    r"|they|he|she|the|that|there|this|your|my|our|someone|anyone|anybody)\b(?!.*[.:!])",
    _I,
)
TAG = re.compile(
    r"[，,]\s*[^，,。？?！!]{1,5}(?:可以|行|好|成|对|OK|ok)[吗么吧][？?]?$"
    r"|[，,]\s*(?:行吗|好吗|可以吗|好吧|行吧|行不行|好不好|您看行吗"
    r"|您看可以吗|怎么样|成吗|对吧|ok(?:ay)?|all right|alright|right"
    r"|yes|is that (?:ok(?:ay)?|all right))[？?。!！]*$",
    _I,
)
LEAD = re.compile(
    r"^(?:[\s，,、。—-]|好的?(?=[，, ])|行(?=[，, ])|嗯+|那(?:就|么)?(?=[，,])"
    r"|没问题(?=[，, ])|可以(?=[，, ])|这样吧?(?=[，, ])|对了(?=[，, ])"
    r"|另外[，,]|还有[，,]|谢谢[，,]"
    r"|(?:ok(?:ay)?|right|well|sure|yes|yep|no problem|look|fine|great"
    r"|good|and|but|so|then|also|perfect|thanks|anyway|understood|cheers"
    r"|certainly|of course|alright|all right)\b(?:\s+then\b)?[\s,.:;!-]*)+",
    _I,
)
GREETING = re.compile(r"^(?:您好|你好|好的?|行|谢谢|再见|嗯|是的|ok|thanks?|hello|good morning|dear\b)", _I)
OPEN = re.compile(
    r"待定|再议|未达成|未定|没定|尚未确定|没说定|请示后|再考虑|有待"
    r"|待确认|未决|没有谈拢|remains? open|left open|not agreed|to be decided"
    r"|tbd|no decision|undecided|pending",
    _I,
)
AFTER = re.compile(r"\s?(?:之|以)?后(?!天)|\s*(?:结束|完)之?后")
AFTER_EN = re.compile(r"\b(?:after|from|since|as of|following)\s+(?:the\s+)?$", _I)
OPEN_TERM = re.compile(
    r"(?:后|起)的?(?:第?\d{1,3}|[一两二三四五六七八九十]{1,3}|半)个?(?:天"
    r"|日|工作日|周|星期|月|小时)(?:之?内|以内)|每[年月周季][^，。]{0,8}前"
    r"|到货后|验收后|之?后(?=[我再就由])"
    r"|\bwithin \w+ (?:working |business )?(?:days?|weeks?|hours?) (?:of"
    r"|from|after)\b|\bafter (?:the|delivery|installation|signing|approval)\b",
    _I,
)
DEADLINE = re.compile(r"\s?(?:\(?（?周[一二三四五六日天]\)?）?)?\s?(?:之?前|以前|底|内|以内|下班|上午|下午|就|把|给)")
RECEIVES = re.compile(r"\b(?:you'll|you will|you shall) (?:have|get|receive|find)\b", _I)
ONLY_TERM = re.compile(r"^[^我你您]{0,24}(?:之前|以前|之后|以后|[后内]|(?<!提)前|时|期间)$")
TITLED = re.compile(
    r"(?<![给跟和向对与发寄送交传找])[\u4e00-\u9fff](?:主任|科长|院长"
    r"|护士长|处长|技师|药师|医生)(?!的)|^\W*(?:and )?(?:Dr|Sister"
    r"|Matron|Nurse|Prof(?:essor)?)\.? [A-Z]\w+"
)
PLEDGE_ZH = re.compile(r"承诺(?!书|函)|答应|负责(?!人|方)")
SAID_WOULD = re.compile(
    r"\b(?:said|promised|confirmed|agreed|offered|told \w+)(?: that)? (?:i"
    r"|we|he|she|they|the \w+)(?: (?:would|will)\b|'d\b|'ll\b)",
    _I,
)
PRONOUN = re.compile(r"(?<![其])[他她](?!们|人)|\b(?:he|she)\b", _I)
