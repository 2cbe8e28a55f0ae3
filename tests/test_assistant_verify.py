"""Both checks on filled sentences: what a fact or a source supports passes, everything else is named and stopped."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.draft import Checker, check_edit, split_sentences
from assistant.plan import SectionPlan
from assistant.verify import Knowledge, check_own_words, check_structured, knowledge_of, voiced_by_customer
from governance.errors import Language
from rag.brief import Brief, Customer
from rag.company import Company, load_company
from rag.facts import Fact, make_fact
from rag.sources import Source
from rag.values import Group, Value, value
from sandbox.prompt import section_task

NOW = datetime(2026, 11, 21, tzinfo=UTC)
PERSON = "p_0123456789abcdef"
TEXTS = {
    "s_name": "客户编号：H001\n医院名称：青禾市第一人民医院\n英文名称：Qinghe First People's Hospital",
    "s_title": f"联系人编号：K001\n职务：设备科主任\n任职日期：2026-03-02\n姓名：[[{PERSON}.name]]",
    "s_buy1": "订单号：P1\n订单日期：2024-05-06\n品类：超声\n数量：2\n单位：台",
    "s_buy2": "订单号：P2\n订单日期：2025-07-01\n品类：监护仪\n数量：3\n单位：台",
    "s_budget": "客户编号：H001\n预算年度：2027\n申报起始月：10\n申报截止月：11",
    "s_doc": "产品名称：澄影U8彩色超声\n注册证编号：国械注准20213060123\n适用范围：用于腹部、心脏的超声检查\n"
    "有效期至：2029年5月17日\n质保期：36个月\n英文名称：Chengying U8",
}


@pytest.fixture(scope="module")
def company() -> Company:
    return load_company(Path(__file__).parent.parent / "data_samples")


def fact(subject: str, relation: str, content: str, source: str, **attributes: str) -> Fact:
    day = attributes.pop("day", None)
    since = date.fromisoformat(day) if day else None
    return make_fact(subject, relation, content, attributes, source=source, known_from=NOW, valid_from=since)


def sample_brief(language: Language = "zh") -> Brief:
    zh = language == "zh"
    name = fact("customer:H001", "name", "青禾市第一人民医院", "s_name", name_en="Qinghe First People's Hospital")
    title = fact(PERSON, "holds_title", "设备科主任", "s_title", day="2026-03-02")
    first = fact("customer:H001", "bought", "P1", "s_buy1", day="2024-05-06", category="超声", quantity="2")
    second = fact("customer:H001", "bought", "P2", "s_buy2", day="2025-07-01", category="监护仪", quantity="3")
    budget = fact("customer:H001", "budget", "2027", "s_budget", window_from="10", window_to="11")
    certificate = fact("product:U8", "certificate", "国械注准20213060123", "s_doc", until="2029-05-17")
    warranty = fact("product:U8", "warranty", "36", "s_doc")
    product = fact("product:U8", "name", "澄影U8彩色超声", "s_doc", name_en="Chengying U8")

    def bought(n: int, of: Fact, year: str, category: tuple[str, str], count: str) -> Group:
        return Group(
            f"purchase{n}",
            (
                value(f"buy{n}_year", "year", f"{year}年" if zh else year, year, [of]),
                value(f"buy{n}_category", "category", category[0 if zh else 1], category[0], [of]),
                value(f"buy{n}_quantity", "quantity", f"{count}台" if zh else f"{count} units", count, [of]),
            ),
        )

    window, until = ("10月至11月", "2029年5月17日") if zh else ("October to November", "17 May 2029")
    offered = product.value if zh else "Chengying U8"
    groups = [
        Group("customer", (value("customer", "organisation", name.value, name.value, [name]),)),
        Group(
            "decider",
            (
                value("decider", "person", f"[[{PERSON}.name]]", PERSON, [title]),
                value("decider_title", "title", "设备科主任", "设备科主任", [title]),
                value("decider_called", "called", f"设备科[[{PERSON}.name]]主任", "设备科主任", [title]),
                value("decider_address", "called", f"[[{PERSON}.name]]主任", "主任", [title]),
            ),
        ),
        Group("title_change", (value("decider_since", "month", "2026年3月", "2026-03", [title]),)),
        bought(1, second, "2025", ("监护仪", "patient monitors"), "3"),
        bought(2, first, "2024", ("超声", "ultrasound"), "2"),
        Group(
            "budget",
            (
                value("budget_year", "year", "2027年" if zh else "2027", "2027", [budget]),
                value("budget_window", "period", window, "10/11", [budget]),
            ),
        ),
        Group("product", (value("product", "product", offered, product.value, [product]),
                          value("category", "category", "超声", "超声", [first]))),
        Group(
            "certificate",
            (
                value("certificate", "certificate", certificate.value, certificate.value, [certificate]),
                value("certificate_until", "date", until, "2029-05-17", [certificate]),
            ),
        ),
        Group("warranty", (value("warranty", "period", "36个月" if zh else "36 months", "36", [warranty]),)),
    ]  # fmt: skip
    facts = [name, title, first, second, budget, certificate, warranty, product]
    sources = {key: Source(key, "d", "记录", "row", None, 2, "", None, text) for key, text in TEXTS.items()}
    return Brief(
        Customer("customer:H001", name.value, "Qinghe First People's Hospital"),
        "product:U8",
        language,
        NOW.date(),
        {group.id: group for group in groups},
        (),
        (),
        {each.id: each for each in facts},
        sources,
        (),
        (),
        (),
    )


@pytest.fixture(scope="module")
def known() -> Knowledge:
    return knowledge_of(sample_brief())


@pytest.mark.parametrize(
    "sentence",
    [
        "贵院2024年采购了超声2台。",
        "贵院2025年采购过监护仪3台，2024年采购过超声2台。",
        "它的注册证编号是国械注准20213060123，有效期至2029年5月17日。",
        "整机质保36个月。",
        "三年质保。",
        "2027年的预算窗口是10月至11月。",
        f"请问是青禾市第一人民医院设备科主任[[{PERSON}.name]]吗？",
        f"[[{PERSON}.name]]主任从2026年3月起任现职。",
    ],
)
def test_what_the_facts_say_is_supported(company: Company, known: Knowledge, sentence: str) -> None:
    assert check_structured(sentence, known, company.cues, "zh").check == "supported"


@pytest.mark.parametrize(
    "sentence",
    [
        "贵院2023年采购了超声2台。",  # wrong year
        "贵院2024年采购了超声3台。",  # another purchase's quantity
        "贵院2025年采购了超声2台。",  # another purchase's year
        "整机质保20213060123个月。",  # an invented period
        "整机质保国械注准20213060123。",  # a certificate in the warranty's place
        "注册证有效期36个月。",  # a warranty in the certificate's place
        "它的注册证编号是国械注准20213060124。",
        "有效期至2029年5月18日。",
        "2024年装机投入使用的超声。",  # bought is not installed
        "报价为36万元。",
        "单价2台。",
        "有效率95%。",
        "[[p_ffffffffffffffff.name]]主任您好。",
    ],
)
def test_a_false_figure_or_relation_is_stopped_with_a_reason(company: Company, known: Knowledge, sentence: str) -> None:
    verdict = check_structured(sentence, known, company.cues, "zh")
    assert verdict.check == "unverified"
    assert verdict.reason is not None


@given(year=st.integers(2000, 2035), count=st.integers(1, 99))
@settings(deadline=None)
def test_only_the_true_year_and_quantity_pass(year: int, count: int) -> None:
    company = load_company(Path(__file__).parent.parent / "data_samples")
    check = check_structured(
        f"贵院{year}年采购了超声{count}台。", knowledge_of(sample_brief()), company.cues, "zh"
    ).check
    assert (check == "supported") == ((year, count) == (2024, 2))


def test_a_value_that_its_own_facts_do_not_prove_supports_nothing() -> None:
    brief = sample_brief()
    wrong = Value("warranty", "period", "60个月", "60", brief.groups["warranty"].values[0].facts, ("s_doc",))
    forged = Brief(
        **{
            **{name: getattr(brief, name) for name in Brief.__slots__},
            "groups": {**brief.groups, "warranty": Group("warranty", (wrong,))},
        }
    )
    assert knowledge_of(forged).values["warranty"] == ()


def section(company: Company, brief: Brief, stage: str, section_id: str) -> SectionPlan:
    book = company.phrases
    known = {"rep", *brief.groups}
    task = section_task(book, brief.language, stage, section_id, known)
    values = {v.slot: v for group in brief.groups.values() for v in group.values}
    for slot, text in {"rep": "王晓", "company": company.name(brief.language)}.items():
        values[slot] = Value(slot, "organisation", text, text, (), ())
    for name, phrase in book.must_say.items():
        values[f"must_{name}"] = Value(f"must_{name}", "phrase", phrase.say(brief.language), "", (), ())
    moves = book.sections[section_id].planned(task.groups)
    carried = {slot: values[slot] for move in moves for slot in move.slots}
    return SectionPlan(section_id, book.sections[section_id].title.say(brief.language), task, moves, carried)


def checker(company: Company, brief: Brief) -> Checker:
    return Checker(company, knowledge_of(brief), TEXTS, brief.language, company.phrases.version)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_approved_wording_passes_both_checks_when_filled_with_true_values(
    company: Company, language: Language
) -> None:
    brief = sample_brief(language)
    checked = 0
    for stage_id, stage in company.phrases.stages.items():
        for section_id in stage.sections:
            plan = section(company, brief, stage_id, section_id)
            for move in plan.moves:
                for wording in move.wordings(language):
                    sentence, reason = checker(company, brief).check(plan, wording, "adapter")
                    assert reason is None, (section_id, move.id, wording, reason)
                    assert "unverified" not in (sentence.structured, sentence.source)
                    checked += 1
    assert checked > 50


def test_a_placeholder_in_the_wrong_relation_is_stopped(company: Company) -> None:
    brief = sample_brief()
    plan = section(company, brief, "proposal", "product")
    warranty = next(move for move in plan.moves if move.slots == ("warranty",) or "warranty" in move.slots)
    swapped = warranty.zh[0].replace("{warranty}", "{certificate}")
    _, reason = checker(company, brief).check(plan, swapped, "adapter")
    assert reason is not None


def test_a_source_that_negates_the_claim_does_not_support_it(company: Company) -> None:
    brief = sample_brief()
    plan = section(company, brief, "proposal", "product")
    move = next(move for move in plan.moves if "certificate" in move.slots)
    texts = {**TEXTS, "s_doc": "注册证编号：国械注准20213060123已注销\n有效期至：2029年5月17日"}
    revoked = Checker(company, knowledge_of(brief), texts, "zh", "v")
    _, reason = revoked.check(plan, move.zh[0], "adapter")
    assert reason is not None


def test_words_of_its_own_are_not_approved(company: Company) -> None:
    brief = sample_brief()
    plan = section(company, brief, "first_contact", "opening")
    _, reason = checker(company, brief).check(plan, "听说贵院对我们的服务非常满意，急着要换设备。", "adapter")
    assert reason is not None


def test_an_edit_may_reword_but_not_invent(company: Company) -> None:
    brief = sample_brief()
    plan = section(company, brief, "first_contact", "background")
    move = next(move for move in plan.moves if "buy1_year" in move.slots)
    judge = checker(company, brief)
    line, _ = judge.check(plan, move.zh[0], "plan")
    kept, reason = check_edit(plan, line, "我这边看到，2025年咱们医院采购过监护仪3台。", judge)
    assert (reason, kept.structured, kept.origin) == (None, "supported", "edited")
    _, invented = check_edit(plan, line, "2025年咱们医院采购过监护仪5台。", judge)
    assert invented is not None


def test_sentences_are_cut_at_their_ends_only() -> None:
    assert split_sentences("您好，我是{rep}。方便吗？{must_ai}。", "zh") == [
        "您好，我是{rep}。",
        "方便吗？",
        "{must_ai}。",
    ]
    assert split_sentences("This is {rep} from {company}. Is it a good time?", "en") == [
        "This is {rep} from {company}.",
        "Is it a good time?",
    ]


@pytest.mark.parametrize(
    ("text", "check"),
    [
        ("按记录，咱们医院超声一共有2台，是2024年买的。", "supported"),
        ("咱们医院从来没有买过监护仪。", "unverified"),
        ("咱们医院的李志刚主任也同意。", "unverified"),
        ("咱们医院急着换监护仪。", "unverified"),
        ("您看这样安排可以吗？", "no_claim"),
    ],
)
def test_a_persons_own_words_are_judged_by_all_the_sources(known: Knowledge, text: str, check: str) -> None:
    assert check_own_words(text, known, TEXTS.values()).check == check


def test_an_edit_in_own_words_is_verified_where_the_sources_say_it(company: Company) -> None:
    brief = sample_brief()
    plan = section(company, brief, "first_contact", "background")
    move = next(move for move in plan.moves if "buy1_year" in move.slots)
    judge = checker(company, brief)
    line, _ = judge.check(plan, move.zh[0], "plan")
    own, reason = check_edit(plan, line, "2025年的那3台监护仪我这边有订单。", judge)
    assert (reason, own.source) == (None, "supported")
    motive, _ = check_edit(plan, line, "2025年的那3台监护仪，听说您特别不满意。", judge)
    assert motive.source == "unverified"


def test_only_a_dated_source_in_the_customers_own_words_is_voiced() -> None:
    def said(text: str, day: date | None = None) -> bool:
        return voiced_by_customer(Source("s", "d", "记录", "passage", None, None, "对话", day, text))

    talk = "客户：电池掉电快。\n销售：我记下来。"
    assert said(talk, date(2026, 8, 19))
    assert said(f"日期：2026-08-19\n{talk}")
    assert not said(talk)  # without a day
    assert said("发件：鹤汀市第二人民医院检验科\n日期：2026-07-21\n随货没有温度记录。")
    assert not said("发件：澄言医疗质量部\n日期：2026-07-21\n客户很担心温度。")
    assert not said("销售：您是不是担心电池？", date(2026, 8, 19))
