"""What the parts of customer 360 and the words in them are called, in both languages."""

from collections.abc import Mapping

from governance.consent import State
from rag.company import Bilingual
from rag.customer_buying import Trend

ORDER = (
    "decision_makers",
    "changes",
    "tickets",
    "promises",
    "tenders",
    "purchases",
    "budget",
    "certificates",
    "communications",
    "consent",
)
LABELS: Mapping[str, Bilingual] = {
    "decision_makers": Bilingual(zh="谁决策", en="Who decides"),
    "changes": Bilingual(zh="上次沟通以来的变动", en="Changes since the last contact"),
    "tickets": Bilingual(zh="未关闭的服务单", en="Open tickets"),
    "promises": Bilingual(zh="未兑现的承诺", en="Open promises"),
    "tenders": Bilingual(zh="进行中的招标", en="Open tenders"),
    "purchases": Bilingual(zh="近三年采购", en="Bought in three years"),
    "budget": Bilingual(zh="预算申报", en="Budget window"),
    "certificates": Bilingual(zh="产品资质", en="Certificates"),
    "communications": Bilingual(zh="最近三次沟通", en="Last three contacts"),
    "consent": Bilingual(zh="联系同意", en="Consent to contact"),
}
CONSENT: Mapping[State, Bilingual] = {
    "live": Bilingual(zh="同意有效", en="consent is live"),
    "expired": Bilingual(zh="同意已到期，不可联系", en="consent has expired; do not contact"),
    "withdrawn": Bilingual(zh="同意已撤回，不可联系", en="consent was withdrawn; do not contact"),
    "absent": Bilingual(zh="没有同意记录，不可联系", en="no consent on record; do not contact"),
}
TRENDS: Mapping[Trend, Bilingual] = {
    "new": Bilingual(zh="近一年新增", en="new in the last year"),
    "up": Bilingual(zh="较上一年度增加", en="more than the year before"),
    "down": Bilingual(zh="较上一年度减少", en="less than the year before"),
    "flat": Bilingual(zh="与上一年度持平", en="as much as the year before"),
}
CHANNELS: Mapping[str, Bilingual] = {
    "phone": Bilingual(zh="电话", en="phone"),
    "visit": Bilingual(zh="拜访", en="visit"),
    "mail": Bilingual(zh="邮件", en="mail"),
    "meeting": Bilingual(zh="会议", en="meeting"),
    "chat": Bilingual(zh="即时消息", en="chat"),
}
PRODUCT_RELATIONS: Mapping[str, Bilingual] = {
    "certificate": Bilingual(zh="注册证", en="certificate"),
    "scope": Bilingual(zh="适用范围", en="scope"),
    "warranty": Bilingual(zh="质保期", en="warranty"),
}
UNKNOWN: Mapping[str, Bilingual] = {  # parts of which nothing was ever known
    "purchases": Bilingual(zh="采购记录", en="purchases"),
    "budget": Bilingual(zh="预算", en="budget"),
    "decision_makers": Bilingual(zh="谁决策", en="who decides"),
    "tickets": Bilingual(zh="服务单记录", en="service tickets"),
    "promises": Bilingual(zh="承诺记录", en="promises"),
    "communications": Bilingual(zh="沟通记录", en="communications"),
    "tenders": Bilingual(zh="招标记录", en="tenders"),
    "certificates": Bilingual(zh="产品资质", en="certificates"),
}
NOT_LATELY = Bilingual(zh="近两年没有采购", en="nothing in the last two years")
