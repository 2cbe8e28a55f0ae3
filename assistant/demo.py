"""`make demo`: the main job from documents to an approved script, each step a call of the product's own functions."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, time
from typing import Any

from assistant import samples
from assistant.lead import Lead, LeadForm, enter_lead, leads_of
from assistant.parts import Parts, open_parts, utc_now
from assistant.pipeline import contact_permit, write_script
from assistant.review import decide, submit
from assistant.show import brief_lines, script_lines
from assistant.store import scripts_of_lead
from assistant.terminal import Report, Terminal, seconds_before
from assistant.view import ScriptView, view_brief, view_script
from governance import accounts
from governance.accounts import User
from governance.db import reading
from governance.errors import GateFailed, Language, NoConsent, NotFound
from governance.settings import Settings
from rag.brief import customers, decision_maker, find_customer, products
from rag.pipeline import ingest
from sandbox import pipeline as sandbox
from sandbox.evaluation import evaluate
from sandbox.memorisation import memorise
from sandbox.registry import alias_of, approvals_of, approve, released_adapter, state_of
from sandbox.rollout import start_rollout

REP, COORDINATOR, ADMIN = "wangxiao", "limin", "admin"
APPROVERS = (COORDINATOR, "chenyue", ADMIN)  # none of them trained it: the demonstration did


def run_demo(settings: Settings, language: Language) -> int:
    """Run the main job; 0 when it ends with an approved script. What was done before is recognised, not repeated."""
    report = Report(settings.home / "demo" / "report.json")
    screen = Terminal(language, report)
    with screen.step("setup", "1 准备：数据库与基础模型", "1 Set up: database and base model"):
        parts = open_parts(settings)
        made = samples.ensure_sample_users(parts.db, utc_now())
        base = f"{parts.base.name} {parts.base.hash[:12]}"
        screen.say(f"{parts.company.name('zh')}｜{base}", f"{parts.company.name('en')} | {base}")
    screen.count("setup", max(0.0, seconds_before() - report.content["seconds"]["setup"]))
    with screen.step("ingest", "2 导入文档与记录", "2 Ingest documents and records"):
        _ingest(parts, screen)
    if not _train(parts, screen, report):
        return 1
    rep, coordinator, now = _user(parts, REP), _user(parts, COORDINATOR), business_now(parts)
    with screen.step("write", "5 新线索：简报、方案、起草、双重核验", "5 A new lead: brief, plan, draft, two checks"):
        lead = _lead(parts, rep, now)
        for line in brief_lines(view_brief(parts, lead.id, rep, language, now), language):
            screen.line("   " + line)
        script_id = _written(parts, lead, language)
        if script_id is None:
            script_id = write_script(parts, lead.id, language, rep, now=now, on_progress=screen.progress)
    with screen.step("review", "6 审核", "6 Review"):
        _review(parts, script_id, rep, coordinator, now, screen)
        view = view_script(parts, script_id, rep, now)
    screen.title("销售看到的已批准话术", "The approved script as the rep sees it")
    for line in script_lines(view):
        screen.line(line)
    report.put(script=script_report(view))
    _epilogue(screen, made)
    return 0 if view.status == "approved" else 1


def _ingest(parts: Parts, screen: Terminal) -> None:
    found = ingest(parts.db, parts.vault, parts.company, now=utc_now(), on_progress=screen.progress)
    for problem in found.problems:
        screen.line(f"   ! {problem.error.say(screen.language)}")
    screen.say(
        f"文档 {found.documents}，段落与记录 {found.sources}，事实 {found.facts}，人员 {found.people}，"
        f"未变化 {found.unchanged}，问题 {len(found.problems)}",
        f"{found.documents} documents, {found.sources} passages and rows, {found.facts} facts, {found.people} people, "
        f"{found.unchanged} unchanged, {len(found.problems)} problems",
    )
    size = len(parts.open_index(screen.progress))
    screen.say(f"检索索引 {size} 段", f"{size} passages in the index")


def _train(parts: Parts, screen: Terminal, report: Report) -> bool:
    """Dataset, adapter, evaluation, approval, release; False when the gate failed."""
    with screen.step("train", "3 训练专属适配器", "3 Train the company's adapter"):
        dataset = sandbox.build_dataset(parts.db, parts.vault, parts.company, parts.redactor, now=utc_now())
        size, held_out, kept_back = len(dataset.samples), len(dataset.heldout), len(dataset.quarantined)
        report.put(dataset={"hash": dataset.hash, "samples": size, "quarantined": kept_back})
        screen.say(
            f"样本 {size}，其中留出 {held_out}，隔离 {kept_back}",
            f"{size} samples, {held_out} of them held out, {kept_back} quarantined",
        )
        adapter = sandbox.train(
            parts.db,
            parts.settings.home,
            parts.base,
            dataset,
            threads=parts.threads,
            now=utc_now(),
            by="demo",
            on_progress=screen.progress,
        )
    with screen.step("evaluate", "4 评估并决定是否发布", "4 Evaluate and decide on the release"):
        memorise(
            parts.db,
            parts.settings.home,
            parts.base,
            parts.company,
            dataset,
            adapter,
            threads=parts.threads,
            now=utc_now(),
            on_progress=screen.progress,
        )
        with reading(parts.db) as tx:
            before = released_adapter(tx)
        measured = evaluate(
            parts.db,
            parts.vault,
            parts.engine,
            parts.company,
            parts.redactor,
            dataset,
            adapter,
            compared=before,
            now=utc_now(),
            on_progress=screen.progress,
        )
        report.put(evaluation={when: asdict(each) for when, each in measured.figures.items()})
        _show_figures(screen, report.content["evaluation"])
        try:
            sandbox.propose(parts.db, measured, by="demo", now=utc_now())
        except GateFailed as failed:
            report.put(adapter={"hash": adapter.hash, "released": False})
            screen.line("   " + failed.say(screen.language))
            return False
        in_force = _release(parts, adapter.hash, screen)
        report.put(adapter={"hash": adapter.hash, "released": in_force})
    return True


def _release(parts: Parts, adapter: str, screen: Terminal) -> bool:
    """Approved by sample people and released to everyone; what a person decided since is left as it is."""
    zh, en = "演示：由示例人员批准并发布", "demo: approved and released as the sample people"
    reason = zh if screen.zh else en
    with parts.db.begin() as tx:
        for name in APPROVERS:
            decided = {each.by for each in approvals_of(tx, adapter)}
            if state_of(tx, adapter) == "candidate" and name not in decided:
                approve(tx, adapter, by=name, reason=reason, now=utc_now(), needed=parts.settings.approvals)
        if state_of(tx, adapter) == "approved":
            start_rollout(tx, "", adapter, by=ADMIN, reason=reason, now=utc_now(), share=100, override=True)
        people = "、".join(each.by for each in approvals_of(tx, adapter) if each.decision == "approve")
        in_force = alias_of(tx) == adapter
    if in_force:
        screen.say(
            f"达标，由 {people} 批准、签名，向所有客户发布 {adapter[:12]}",
            f"passed, approved by {people.replace('、', ', ')}, signed, released to all customers: {adapter[:12]}",
        )
    else:
        screen.say("达标；现在使用的是后来发布的另一个适配器", "passed; another adapter was released since and stays")
    return in_force


def _show_figures(screen: Terminal, evaluation: Mapping[str, Mapping[str, Any]]) -> None:
    words = {
        "heldout_loss": ("留出损失", "held-out loss"),
        "value_copy": ("数值照抄率", "values copied"),
        "unsupported_values": ("无依据数值", "unsupported values"),
        "must_say": ("必说内容", "must-say phrases"),
        "stop_rate": ("正常结束率", "stopped"),
        "wrong_type": ("写错段落", "wrong section"),
    }
    for key, (zh, en) in words.items():
        before, after = (evaluation[when][key] for when in ("before", "after"))
        screen.say(f"{zh}：{before:.3f} → {after:.3f}", f"{en}: {before:.3f} → {after:.3f}")
    before, after = (evaluation[when]["questions"] for when in ("before", "after"))
    if after:
        shown = f"{before['value_copy']:.3f} → {after['value_copy']:.3f}"
        count = after["answers"]
        screen.say(
            f"另：{count} 个文档问答的数值照抄率 {shown}（不作为发布条件）",
            f"aside: values copied in {count} questions about documents {shown} (no condition of the release)",
        )


def _user(parts: Parts, name: str) -> User:
    with reading(parts.db) as tx:
        return accounts.user(tx, name)


def business_now(parts: Parts) -> datetime:
    """The moment on which consents and facts must hold: the day the sample records were written for, else now."""
    shown = parts.company.file.demonstration
    return datetime.combine(shown.today, time(2), UTC) if shown and shown.today else utc_now()


def _lead(parts: Parts, rep: User, now: datetime) -> Lead:
    """The demonstration's lead; entered once."""
    shown = parts.company.file.demonstration
    form = (
        LeadForm(customer=shown.customer, stage=shown.stage, product=shown.product)
        if shown
        else _first_lead(parts, now)
    )
    with parts.db.begin() as tx:
        customer = find_customer(tx, form.customer).id
        for lead in leads_of(tx, rep):
            if (lead.customer, lead.stage, lead.product) == (customer, form.stage, form.product):
                return lead
        return enter_lead(tx, parts.vault, parts.company, form, rep, now)


def _first_lead(parts: Parts, now: datetime) -> LeadForm:
    """For a company without a demonstration: the first customer who may be called, the first product."""
    with reading(parts.db) as tx:
        known, offered = customers(tx), products(tx)
        deciders = [(customer, decision_maker(tx, customer.id, now.date())) for customer in known]
    stages = parts.company.phrases.stages
    stage = next((key for key, each in stages.items() if "product" in each.sections), next(iter(stages)))
    for customer, decider in deciders:
        if decider is None:
            continue
        try:
            contact_permit(parts, customer, decider, actor=REP, as_of=now)
        except NoConsent:
            continue
        return LeadForm(customer=customer.id, stage=stage, product=offered[0].id if offered else "")
    raise NotFound(
        kind=parts.company.file.terms["customer"].model_dump(),
        name={"zh": "（有决策人且同意联系）", "en": "(with a decision maker who agreed to be contacted)"},
    )


def _written(parts: Parts, lead: Lead, language: Language) -> str | None:
    """A script of this lead by the present adapter and phrase book: a killed demo goes on with it."""
    writer = parts.writer(lead.stage, lead.customer)
    wanted = (language, writer.adapter if writer else None, parts.company.phrases.version)
    with reading(parts.db) as tx:
        for stored in scripts_of_lead(tx, parts.vault, lead.id):
            body = stored.body
            if (body.language, body.adapter, body.phrase_version) == wanted and stored.status != "superseded":
                return stored.id
    return None


def _review(parts: Parts, script_id: str, rep: User, coordinator: User, now: datetime, screen: Terminal) -> None:
    status = view_script(parts, script_id, rep, now).status
    if status == "draft":
        submit(parts, script_id, rep, now)
        status = "waiting"
    if status == "waiting":
        reason = "演示：由示例协调员批准" if screen.zh else "demo: approved as the sample coordinator"
        decide(parts, script_id, coordinator, "approve", reason, now=now)
    screen.say(
        f"话术 {script_id} 进入审核队列，由示例协调员 {coordinator.display} 批准（与审核页面同一个函数）",
        f"script {script_id} waited in the queue and was approved as the sample coordinator {coordinator.name}, "
        "through the function that the review page calls",
    )


def script_report(view: ScriptView) -> dict[str, Any]:
    """The script as report.json holds it."""
    return {
        "language": view.language,
        "sections": [
            {
                "title": section.title,
                "sentences": [
                    {
                        "text": line.text,
                        "evidence": [asdict(view.evidence[number - 1]) for number in line.evidence],
                        "structured_check": line.structured_check,
                        "source_check": line.source_check,
                        "origin": line.origin,
                    }
                    for line in section.sentences
                ],
            }
            for section in view.sections
        ],
        "unknowns": list(view.unknowns),
        "notices": list(view.notices),
        "replaced": [asdict(change) for change in view.replaced],
        "findings": [asdict(finding) for finding in view.findings],
        "decision": asdict(view.decision) if view.decision else None,
    }


def _epilogue(screen: Terminal, made: list[tuple[samples.SampleUser, str]]) -> None:
    if made:
        screen.line(samples.table(made))
    screen.title("接下来", "Where to look next")
    screen.say(f"报告：{screen.report.path}", f"the report: {screen.report.path}")
    screen.say(
        "网页：make serve，然后打开 http://127.0.0.1:7860", "the screens: make serve, then http://127.0.0.1:7860"
    )
    screen.say("换成自己的公司：README“用自己的资料”", "your own company: README, 'Your own documents'")
