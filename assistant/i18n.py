"""Every string of the screens, Chinese and English side by side; tr() on the server, gr.I18n in the browser."""

from typing import Any, Literal

import gradio as gr

from assistant.texts_admin import ADMIN
from assistant.texts_asking import ASKING
from assistant.texts_changed import CHANGED
from assistant.texts_customer import CUSTOMER
from assistant.texts_knowledge import KNOWLEDGE
from assistant.texts_release import RELEASE
from assistant.texts_summary import SUMMARY
from assistant.texts_writing import WRITING
from governance.errors import Language

Locale = Literal["zh-CN", "en"]

TEXTS: dict[str, tuple[str, str]] = {
    **ADMIN,
    **CHANGED,
    **ASKING,
    **CUSTOMER,
    **RELEASE,
    **KNOWLEDGE,
    **SUMMARY,
    **WRITING,
    # everywhere
    "brand": ("信言", "Xinyan"),
    "motto": ("信言不美，美言不信。", "True words need no ornament."),
    "rep": ("销售", "Sales"),
    "review": ("审核", "Review"),
    "admin": ("管理", "Admin"),
    "sign_out": ("退出", "Sign out"),
    "other_language": ("English", "中文"),
    "problem": ("未能完成", "Not done"),
    "internal": (
        "系统内部错误，未改动任何数据。请联系管理员。",
        "Internal error; nothing was changed. Call the administrator.",
    ),
    "cancel": ("取消", "Cancel"),
    "close": ("关闭", "Close"),
    "explain": ("解释", "Explain"),
    "reason": ("理由", "Reason"),
    "yes": ("是", "yes"),
    "no": ("否", "no"),
    "all": ("全部", "All"),
    "next": ("下一页", "Next"),
    "previous": ("上一页", "Previous"),
    "page_of": ("第 {page} / {pages} 页", "page {page} of {pages}"),
    "seconds_n": ("{n} 秒", "{n} s"),
    "minutes_n": ("{n} 分钟", "{n} min"),
    "hours_n": ("{n} 小时 {m} 分钟", "{n} h {m} min"),
    "colon": ("：", ": "),
    "comma": ("、", ", "),
    # sign-in
    "sign_in": ("登录", "Sign in"),
    "user": ("用户名", "User name"),
    "password": ("密码", "Password"),
    "bad_login": ("用户名或密码不正确", "Wrong user name or password"),
    "locked": ("失败次数过多，请 5 分钟后再试", "Too many failed attempts; try again in 5 minutes"),
    "sign_in_hint": (
        "首次启动时，账号和密码显示在终端中。",
        "Names and passwords were printed in the terminal at first start.",
    ),
    # the rep's leads
    "leads": ("我的线索", "My leads"),
    "no_leads": ("还没有线索。在下方选择客户，新建一条。", "No leads yet. Pick a customer below to start one."),
    "new_lead": ("新建线索", "New lead"),
    "customer": ("客户", "Customer"),
    "customer_hint": ("输入名称搜索", "Type to search"),
    "stage": ("销售阶段", "Stage"),
    "product": ("拟介绍的产品", "Product to offer"),
    "no_product": ("不指定产品", "No particular product"),
    "channel": ("联系方式", "Channel"),
    "channel_phone": ("电话", "Phone"),
    "channel_visit": ("拜访", "Visit"),
    "channel_video": ("视频", "Video"),
    "note": ("备注（加密保存）", "Note (stored encrypted)"),
    "create_lead": ("建立线索并查看资料", "Create lead and see the facts"),
    "pick_customer": ("请先选择客户", "Pick a customer first"),
    "pick_lead": ("从左侧选择一条线索，或新建一条。", "Pick a lead on the left, or start a new one."),
    "nothing_ingested": ("还没有任何资料", "Nothing has been loaded yet"),
    "nothing_ingested_hint": (
        "请管理员在管理页读取公司文件夹，或在终端运行 make demo 载入示例公司。",
        "Ask the administrator to read the company folder on the admin page, or run make demo in a terminal.",
    ),
    "status_new": ("未撰写", "no script"),
    "status_draft": ("草稿", "draft"),
    "status_waiting": ("待审核", "in review"),
    "status_approved": ("已批准", "approved"),
    "status_rejected": ("已驳回", "rejected"),
    "status_superseded": ("已被替代", "superseded"),
    # the rep's brief
    "refused": ("不能继续", "Not possible"),
    "refused_note": ("未读取任何个人信息。", "No personal data was read."),
    "brief": ("客户资料", "Customer brief"),
    "as_of": ("截至 {day}", "as of {day}"),
    "notices": ("注意", "Notices"),
    "unknowns": ("未知", "Not known"),
    "disputed": ("{what}（资料互相矛盾，不引用）", "{what} (the sources disagree; not used)"),
    "brief_evidence": ("资料来源", "Sources"),
    # the rep's script
    "script": ("话术", "Script"),
    "language": ("话术语言", "Script language"),
    "zh": ("中文", "Chinese"),
    "en": ("英文", "English"),
    "write": ("撰写话术", "Write script"),
    "write_again": ("重新撰写", "Write again"),
    "writing": ("正在撰写", "Writing"),
    "not_written": ("尚未撰写话术。", "No script has been written yet."),
    "step_brief": ("核对同意并汇总资料", "Checking consent, gathering facts"),
    "step_plan": ("拟定提纲", "Planning"),
    "step_draft": ("撰写并双重核实", "Drafting and verifying twice"),
    "step_comply": ("合规检查", "Checking the rules"),
    "step_done": ("完成", "Done"),
    "evidence": ("证据", "Evidence"),
    "no_evidence": ("本话术没有引用资料。", "This script cites nothing."),
    "mark_supported": ("已核实", "verified"),
    "mark_no_claim": ("不含事实", "no claim"),
    "mark_unverified": ("未核实", "unverified"),
    "check_structured": ("数值核对", "Values"),
    "check_source": ("原文核对", "Source text"),
    "origin_adapter": ("模型撰写", "written by the model"),
    "origin_plan": ("标准话术", "plan's own wording"),
    "origin_edited": ("人工修改", "edited by a person"),
    "all_plan": (
        "目前没有已发布的适配器：以下全部为公司标准话术，未经模型撰写。",
        "No adapter has been released: everything below is the plan's own wording, nothing was written by the model.",
    ),
    "replaced": ("已替换的语句", "What was replaced, and why"),
    "before": ("原句", "Was"),
    "after": ("现句", "Now"),
    "left_out": ("（删去）", "(left out)"),
    "was_missing": ("（模型漏写）", "(the model left it out)"),
    "findings": ("合规提示", "Compliance findings"),
    "severity_block": ("禁止", "blocked"),
    "severity_must_say": ("须告知", "must be said"),
    "severity_review": ("须人工判断", "needs judgement"),
    "severity_hint": ("提示", "hint"),
    "instead": ("可改为", "Say instead"),
    "quoted": ("原文", "Words"),
    "article": ("依据", "Article"),
    "submit": ("提交审核", "Send to review"),
    "waiting_note": ("正在等待审核，批准后方可使用。", "Waiting for review; to be used only once approved."),
    "approved_by": ("{who} 于 {at} 批准，可直接使用。", "Approved by {who} at {at}; ready to use."),
    "rejected_by": ("{who} 于 {at} 驳回：{reason}", "Rejected by {who} at {at}: {reason}"),
    "complain": ("报告问题", "Report a problem"),
    "complain_hint": (
        "客户指出了错误，或话术不妥时填写。会加密保存，并计入正在发布的版本的监控指标。",
        "When a customer found a mistake, or the script was unfit. Stored encrypted; it counts against the version.",
    ),
    "complain_text": ("哪里有问题（必填）", "What was wrong (required)"),
    "complain_yes": ("提交", "Report"),
    "complained": (
        "已登记，谢谢。管理员会在发布监控中看到。",
        "Noted, thank you. It shows in the guard figures of the release.",
    ),
    "draft_note": ("草稿，未经审核不得使用。", "A draft; not to be used before it is reviewed."),
    "history": ("历史", "History"),
    "versions": ("版本", "Versions"),
    "by_adapter": ("适配器 {hash}", "adapter {hash}"),
    "event_script.written": ("写成", "wrote it"),
    "event_script.waiting": ("提交审核", "sent it to review"),
    "event_script.reviewed": ("作出审核决定", "gave a decision"),
    "event_script.edited": ("修改了语句", "edited sentences"),
    "event_script.superseded": ("以新版本替代", "replaced it by a new version"),
    "event_script.approved": ("批准", "approved it"),
    "event_script.rejected": ("驳回", "rejected it"),
    "event_read": ("读取", "read it"),
    # the coordinator's page
    "queue": ("待审核", "To review"),
    "queue_empty": (
        "没有待审核的话术。销售提交后会出现在这里。",
        "Nothing to review. Scripts appear here once reps send them.",
    ),
    "keys": ("快捷键：j 下一条，k 上一条，a 批准，r 驳回", "Keys: j next, k previous, a approve, r reject"),
    "author": ("撰写人", "Author"),
    "findings_n": ("合规 {n}", "{n} findings"),
    "replaced_n": ("替换 {n}", "{n} replaced"),
    "age_minutes": ("{n} 分钟前", "{n} min ago"),
    "age_hours": ("{n} 小时前", "{n} h ago"),
    "age_days": ("{n} 天前", "{n} d ago"),
    "age_now": ("刚刚", "just now"),
    "pick_item": ("从队列中选择一条。", "Pick an item of the queue."),
    "edit": ("修改", "Edit"),
    "save_edit": ("保存并重新核实", "Save and verify again"),
    "edit_note": ("修改后会重新核实数值、原文和合规。", "Values, sources and rules are checked again after an edit."),
    "approve": ("批准", "Approve"),
    "approve_sure": ("批准后销售即可使用，且不能撤销。", "The rep may use it at once; this cannot be undone."),
    "approve_yes": ("确认批准", "Yes, approve"),
    "reject": ("驳回", "Reject"),
    "reject_reason": ("驳回理由（必填）", "Reason (required)"),
    "reject_yes": ("确认驳回", "Yes, reject"),
    "own_script": ("这是您本人撰写的，须由他人审核。", "You wrote this one; somebody else has to review it."),
    "risk_high": ("高风险，须两人审核", "high risk: two reviewers"),
    "voted": ("您已作出决定，等待第二位审核人。", "You have decided; a second reviewer is needed."),
    "no_source": ("不引用资料", "cites nothing"),
}  # fmt: skip

i18n = gr.I18n(
    **{"zh-CN": {key: pair[0] for key, pair in TEXTS.items()}, "en": {key: pair[1] for key, pair in TEXTS.items()}}
)


def tr(lang: Locale, key: str, **values: object) -> str:
    """The text for `key`, with {values} filled in."""
    text = TEXTS[key][0 if lang == "zh-CN" else 1]
    return text.format(**values) if values else text


def lang_of(request: Any) -> Locale:
    """Cookie first, then Accept-Language, else Chinese; for fastapi.Request and gr.Request."""
    if request is None:
        return "zh-CN"
    chosen = dict(request.cookies or {}).get("lang")
    if chosen in ("zh-CN", "en"):
        return chosen
    accepted = (dict(request.headers).get("accept-language") or "zh").lower()
    return "zh-CN" if accepted.startswith("zh") else "en"


def language_of(lang: Locale) -> Language:
    """The language of errors and contents for a locale of the screens."""
    return "zh" if lang == "zh-CN" else "en"
