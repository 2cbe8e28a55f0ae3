"""Every string of the screens, Chinese and English side by side; tr() on the server, gr.I18n in the browser."""

from typing import Any, Literal

import gradio as gr

from governance.errors import Language

Locale = Literal["zh-CN", "en"]

TEXTS: dict[str, tuple[str, str]] = {
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
    # the admin's page
    "documents": ("资料", "Documents"),
    "upload": ("选择或拖入文件", "Choose files or drop them here"),
    "upload_hint": (
        "Word、PDF（含扫描件）、Excel、PowerPoint、网页、Markdown、文本、邮件（.eml）、聊天和通话记录、图片，"
        "或打包的 ZIP；每个不超过 50 MB，可多选，可拖入整个文件夹。个人信息会加密保存。",
        "Word, PDF (scans too), Excel, PowerPoint, HTML, Markdown, text, mail (.eml), chats and call transcripts, "
        "pictures, or a ZIP of them; up to 50 MB each, many at once, whole folders too. Personal data is encrypted.",
    ),
    "upload_folder": ("选择文件夹", "Choose a folder"),
    "upload_wait": ("等待", "waiting"),
    "upload_busy": ("正在读取", "reading"),
    "upload_ok": ("已入库", "added"),
    "upload_unchanged": ("已有", "already there"),
    "upload_quarantined": ("已入库，部分隔离", "added, partly set aside"),
    "upload_failed": ("未入库", "not added"),
    "upload_large": ("超过 50 MB", "larger than 50 MB"),
    "upload_lost": ("连接中断，请重试", "The connection was lost; try again"),
    "upload_summary": ("{done}/{all} 个文件，未入库 {bad}", "{done} of {all} files, {bad} not added"),
    "upload_twin": ("内容与“{name}”相同", "the same content as '{name}'"),
    "upload_hostile": (
        "{n} 段文字试图指挥模型，已隔离，不用于检索和训练",
        "{n} passages try to give orders to the model; kept out of search and training",
    ),
    "upload_unsure": ("扫描件中 {n} 行看不清，未采用", "{n} illegible lines of the scan were left out"),
    "documents_loaded": ("已入库的资料", "What has been loaded"),
    "no_documents": (
        "还没有资料。读取公司文件夹，或上传文档。",
        "Nothing yet. Read the company folder, or upload documents.",
    ),
    "load_folder": ("读取公司文件夹", "Read the company folder"),
    "load_folder_hint": (
        "读取记录表和文档，未变动的文件会跳过。",
        "Records and documents; unchanged files are skipped.",
    ),
    "loading": ("正在读取", "Reading"),
    "passages": ("段落", "Passages"),
    "customers": ("客户", "Customers"),
    "facts": ("事实", "Facts"),
    "name": ("名称", "Name"),
    "kind": ("格式", "Format"),
    "added": ("入库时间", "Added"),
    "problems": ("{n} 个问题", "{n} problems"),
    "training": ("训练", "Training"),
    "recipe": (
        "用已入库的资料和客户事实训练专属适配器（LoRA），不出本机；含个人信息或可疑指令的样本会被隔离。",
        "Trains the company's own adapter (LoRA) from what has been loaded, on this machine. "
        "Samples with personal data or suspicious instructions are quarantined.",
    ),
    "train": ("开始训练", "Start training"),
    "train_uses": ("将使用 {n} 份资料，约需几分钟。", "Uses {n} documents; takes some minutes."),
    "train_needs_documents": ("请先上传资料。", "Upload documents first."),
    "resume_run": ("继续上次", "Resume the last one"),
    "stop_run": ("停止训练", "Stop training"),
    "stop_run_sure": (
        "已完成的步骤会保留，下次从断点继续。",
        "What is done is kept; the next run continues from there.",
    ),
    "stop_run_yes": ("确认停止", "Yes, stop"),
    "run_note": ("训练在独立进程中进行，可以离开本页。", "It runs in a process of its own; you may leave this page."),
    "run_none": ("尚未训练", "not trained yet"),
    "run_waiting": ("准备中", "getting ready"),
    "run_running": ("进行中", "running"),
    "run_done": ("完成", "done"),
    "run_failed": ("失败", "failed"),
    "run_refused": ("未达标", "below the gate"),
    "run_cancelled": ("已停止", "stopped"),
    "run_refused_note": (
        "训练完成，但有指标未达标，见下方“评估与发布”。",
        "Trained, but below the gate; see evaluation and release.",
    ),
    "samples": ("训练样本", "Samples"),
    "quarantined": ("已隔离", "Quarantined"),
    "heldout": ("留出样本", "Held out"),
    "loss": ("训练损失", "Training loss"),
    "loss_train": ("训练", "training"),
    "loss_heldout": ("留出集", "held out"),
    "steps": ("第 {n} 步", "step {n}"),
    "run_id": ("编号", "Run"),
    "dataset": ("数据集", "dataset"),
    "evaluation": ("评估与发布", "Evaluation and release"),
    "no_evaluation": (
        "训练完成后在此比较训练前后的各项指标。",
        "After training, the figures before and after are compared here.",
    ),
    "figure": ("指标", "Figure"),
    "before_training": ("训练前", "Before"),
    "after_training": ("训练后", "After"),
    "threshold": ("发布要求", "Required"),
    "result": ("结论", "Result"),
    "passed": ("达标", "passed"),
    "failed": ("未达标", "failed"),
    "must_fall": ("须低于训练前", "must have fallen"),
    "failed_figure": ("{figure} {value}（{needs}）", "{figure} {value} ({needs})"),
    "semicolon": ("；", "; "),
    "at_least": ("不低于 {value}", "at least {value}"),
    "at_most": ("不高于 {value}", "at most {value}"),
    "gate_failed": ("未达标，适配器不发布：", "Below the gate, the adapter is not released: "),
    "released": ("正在使用的适配器 {hash}，{at} 发布。", "In use: adapter {hash}, released {at}."),
    "not_released": (
        "尚无已发布的适配器。在此之前，话术一律采用公司标准话术并注明。",
        "No adapter has been released. Until then scripts use the plan's own wording and say so.",
    ),
    "candidate": ("候选适配器", "Candidate adapter"),
    "figure_heldout_loss": ("留出集损失", "Held-out loss"),
    "figure_value_copy": ("原样引用给定数值的比例", "Given values repeated exactly"),
    "figure_unsupported_values": ("出现未给定数值的比例", "Values that were not given"),
    "figure_must_say": ("必说语句覆盖率", "Must-say sentences said"),
    "figure_stop_rate": ("正常结束的比例", "Answers that end properly"),
    "figure_wrong_type": ("写错段落类型的比例", "Sections of the wrong type"),
    "company": ("公司配置", "Company profile"),
    "profile_terms": ("名称", "Terms"),
    "profile_stages": ("销售阶段", "Stages"),
    "profile_records": ("记录表", "Records"),
    "profile_rules": ("规则包", "Rule packs"),
    "profile_phrases": ("话术库", "Phrase book"),
    "profile_file": ("文件", "File"),
    "rules_n": ("{name}：{n} 条规则", "{name}: {n} rules"),
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
