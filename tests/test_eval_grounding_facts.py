"""V1: a sentence against facts of any relation; what a fact says passes however it is worded, nothing else does."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.grounding_facts import Statement, judge_facts
from eval.grounding_mentions import mentions
from eval.verification_values import formal, spoken_period

TODAY = date(2026, 11, 21)
HOSPITAL = "江澜市第二人民医院"
FACTS = [
    Statement("f1", HOSPITAL, "purchase_amount", "345600", date(2024, 3, 12)),
    Statement("f2", HOSPITAL, "采购数量", "12台", date(2024, 3, 12)),
    Statement("f3", HOSPITAL, "purchase_amount", "520,000", date(2023, 6, 2)),
    Statement("f4", "U8", "warranty_months", "36", date(2024, 5, 1), date(2027, 5, 1)),
    Statement("f5", "周敏", "职务", "设备科主任", date(2025, 2, 1)),
    Statement("f6", "高志远", "职务", "院长", date(2019, 1, 1), date(2025, 6, 1)),
    Statement("f7", HOSPITAL, "budget_2027", "600万元"),
    Statement("f8", HOSPITAL, "预算窗口", "10月至11月"),
    Statement("f9", "U8", "registration_no", "国械注准20213060123", None, date(2029, 5, 17)),
    Statement("f10", "Helen Park", "position", "Head of Biomedical Engineering", date(2022, 1, 10)),
    Statement("f11", HOSPITAL, "delivered_range", "10至12台"),
]


@pytest.mark.parametrize(
    "sentence",
    [
        "贵院2024年3月采购了12台U8，合同额约34.6万元。",
        "2024年第一季度的采购金额是34.56万元。",
        "合同金额叁拾肆万伍仟陆佰元整。",
        "2024年上半年贵院采购十二台，金额三十四万五千六百元。",
        "U8质保三年，到2027年4月30日截止。",
        "设备科主任周敏自2025年2月起任职。",
        "前任院长高志远在2025年6月1日离任。",
        "2027年的设备预算是600万元，10月至11月申报。",
        "注册证国械注准20213060123有效期至2029年5月16日。",
        "交付了10至12台。",
        "Helen Park, Head of Biomedical Engineering, took up the post in January 2022.",
    ],
)
def test_what_the_facts_say_is_supported_in_many_wordings(sentence: str) -> None:
    judged = judge_facts(sentence, FACTS, TODAY)
    assert judged.outcome == "supported", judged.claims
    assert all(claim.facts for claim in judged.claims if claim.outcome == "supported")


@pytest.mark.parametrize(
    ("sentence", "outcome"),
    [
        ("合同额34.7万元。", "contradicted"),  # not what 345600 rounds to
        ("合同额34.56亿元。", "contradicted"),
        ("合同额34.56万美元。", "contradicted"),
        ("贵院2024年3月采购了12套U8。", "contradicted"),
        ("贵院2023年采购，金额34.56万元。", "contradicted"),  # the amount of one purchase, the year of another
        ("2024年3月安装了12台。", "contradicted"),  # bought is not installed
        ("U8质保36天。", "contradicted"),
        ("U8质保24个月。", "contradicted"),
        ("U8的质保已经过期。", "contradicted"),
        ("设备科主任周敏华您好。", "contradicted"),
        ("采购中心主任周敏您好。", "contradicted"),
        ("院长高志远主管采购。", "contradicted"),  # ended before the day
        ("江岚市第二人民医院采购了12台。", "contradicted"),
        ("预算窗口是9月至11月。", "contradicted"),
        ("贵院没有采购过U8。", "contradicted"),
        ("交付了10至15台。", "contradicted"),
        ("贵院2025年三季度采购了设备。", "contradicted"),
        ("Helen Clark, Head of Biomedical Engineering, is new.", "contradicted"),
        ("Helen Park is Director of Procurement.", "contradicted"),
        ("有效率95%。", "absent"),
    ],
)
def test_a_false_value_name_period_or_relation_is_not(sentence: str, outcome: str) -> None:
    judged = judge_facts(sentence, FACTS, TODAY)
    assert judged.flagged, judged.claims
    assert (judged.outcome == "contradicted") == (outcome == "contradicted") or judged.outcome == "absent"


@pytest.mark.parametrize(
    "sentence",
    ["您好，方便聊5分钟吗？", "第一次联系您，有两个问题想请教。", "", "！！！", "Hello, is this a good time?"],
)
def test_talk_without_a_claim_is_none(sentence: str) -> None:
    assert judge_facts(sentence, FACTS, TODAY).outcome == "no_claim"


def test_without_facts_a_claim_is_absent() -> None:
    assert judge_facts("贵院2024年采购了2台。", [], TODAY).outcome == "absent"


def test_what_is_said_of_ourselves_is_no_claim() -> None:
    assert (
        judge_facts("我是澄言医疗器械有限公司的王晓。", FACTS, TODAY, own=["澄言医疗器械有限公司", "王晓"]).outcome
        == "no_claim"
    )


amounts = st.integers(1_000, 99_999_999)


@given(amounts)
@settings(deadline=None)
def test_amounts_are_the_same_in_every_way_of_writing(amount: int) -> None:
    ways = [
        f"{amount}元",
        f"{amount:,}元",
        f"¥{amount:,}",
        f"RMB {amount:,}",
        formal(amount),
        f"{amount / 10_000:.4f}万元",
    ]
    assert {mentions(way)[0].low for way in ways} == {amount}


@given(st.integers(1, 5), st.integers(0, 1))
@settings(deadline=None)
def test_periods_are_the_same_in_every_way_of_writing(years: int, half: int) -> None:
    months = 12 * years + 6 * half
    said = ["一二三四五"[years - 1] + "年" + ("半" if half else ""), f"{months}个月", spoken_period(months, "en", None)]
    assert {mentions(f"{way}。")[0].low for way in said} == {months}


@given(amounts, st.integers(2, 99), st.dates(date(2015, 1, 1), date(2026, 11, 1)))
@settings(deadline=None)
def test_a_sentence_made_from_facts_always_passes(amount: int, count: int, day: date) -> None:
    facts = [
        Statement("a", HOSPITAL, "contract_amount", str(amount), day),
        Statement("q", HOSPITAL, "purchase_quantity", f"{count}台", day),
    ]
    sentence = f"{HOSPITAL}{day.year}年{day.month}月{day.day}日采购了{count}台，合同额{amount:,}元。"
    assert judge_facts(sentence, facts, TODAY).outcome == "supported"


@given(amounts, st.data())
@settings(deadline=None)
def test_another_digit_never_passes(amount: int, data: st.DataObject) -> None:
    digits = str(amount)
    at = data.draw(st.integers(0, len(digits) - 1))
    digit = data.draw(st.sampled_from([d for d in "123456789" if d != digits[at]]))
    wrong = int(digits[:at] + digit + digits[at + 1 :])
    facts = [Statement("a", HOSPITAL, "contract_amount", str(amount), date(2024, 3, 12))]
    assert judge_facts(f"合同额{wrong:,}元。", facts, TODAY).flagged
    assert judge_facts(f"The contract amount is RMB {wrong}.", facts, TODAY).flagged


@given(st.text(max_size=120), st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
@settings(deadline=None)
def test_any_text_and_any_fact_are_read(sentence: str, subject: str, relation: str, value: str) -> None:
    judge_facts(sentence, [Statement("f", subject, relation, value)], TODAY)


ORDERS = [
    Statement("o1", "SY-101", "customer", HOSPITAL, date(2024, 3, 12)),
    Statement("o1a", "SY-101", "产品", "呼吸机"),
    Statement("o1b", "SY-101", "数量", "12台"),
    Statement("o1c", "SY-101", "总价", "345600"),
    Statement("o2", "SY-202", "customer", HOSPITAL, date(2025, 1, 8)),
    Statement("o2a", "SY-202", "产品", "输液泵"),
    Statement("o2b", "SY-202", "数量", "30台"),
    Statement("o2c", "SY-202", "总价", "900000"),
    Statement("p1", "TD-9", "中标单位", "瑞澜医疗"),
    Statement("p2", "TD-9", "代理机构", "鼎诺招标代理"),
    Statement("b1", HOSPITAL, "icu_beds", "24", date(2018, 1, 1), date(2023, 1, 1)),
    Statement("b2", HOSPITAL, "icu_beds", "36", date(2023, 1, 1)),
    Statement("t1", HOSPITAL, "refresher_training_planned_date", "2027-01-20"),
    Statement("h1", HOSPITAL, "head_nurse_icu", "蓝采苹", date(2020, 2, 1)),
    Statement("h2", HOSPITAL, "head_of_anaesthesia", "庾静姝", date(2019, 4, 1)),
]


@pytest.mark.parametrize(
    "sentence",
    [
        "SY-101是12台呼吸机，总价34.56万元。",
        "两张单子合计124.56万元。",  # a sum
        "输液泵比呼吸机多18台。",  # a difference
        "ICU从24张床扩到36张。",  # both states of a contrast
        "ICU护士长是蓝采苹，麻醉科主任是庾静姝。",  # English relations, Chinese titles
        "去年1月8日订的30台输液泵。",  # read from the day
        "TD-9由瑞澜医疗中标，鼎诺代理。",
    ],
)
def test_records_sums_and_titles_of_both_languages_are_understood(sentence: str) -> None:
    judged = judge_facts(sentence, ORDERS, TODAY)
    assert not judged.flagged, judged.claims


@pytest.mark.parametrize(
    "sentence",
    [
        "SY-101是30台呼吸机。",  # the count of another order
        "SY-202的总价是345600元。",
        "TD-9由鼎诺招标代理中标。",  # the agent did not win
        "ICU目前有24张床。",  # until 2023
        "ICU护士长是庾静姝。",
        "复训已经做完了。",  # planned
        "ICU护士长是蓝采芹。",  # one sign off
    ],
)
def test_values_and_parts_of_another_record_are_not(sentence: str) -> None:
    judged = judge_facts(sentence, ORDERS, TODAY)
    assert judged.flagged, judged.claims


@given(st.integers(2, 400), st.integers(2, 400))
@settings(deadline=None)
def test_a_sum_passes_only_when_it_is_said_to_be_one(first: int, second: int) -> None:
    facts = [Statement("a", "S-1", "数量", f"{first}台"), Statement("b", "S-2", "数量", f"{second}台")]
    assert not judge_facts(f"两单合计{first + second}台。", facts, TODAY).flagged
    assert judge_facts(f"两单合计{first + second + 1}台。", facts, TODAY).flagged or first + second + 1 in (
        first,
        second,
    )


def test_what_has_the_status_planned_is_not_completed() -> None:
    facts = [Statement("j", "IJ-5807", "installation.status", "planned")]
    assert judge_facts("IJ-5807已经完工。", facts, TODAY).flagged
    assert not judge_facts("IJ-5807计划下月完工。", facts, TODAY).flagged
    done = [Statement("j", "IJ-5807", "installation.status", "completed")]
    assert not judge_facts("IJ-5807已经完工。", done, TODAY).flagged
    assert judge_facts("Job IJ-5807 is still open.", done, TODAY).flagged


def test_a_figure_of_one_number_is_not_that_of_another() -> None:
    facts = [
        Statement("d", "DN3196", "shipment.order", "SO-1200"),
        Statement("d", "DN3196", "shipment.qty", "240 boxes"),
        Statement("o", "SO-1200", "order.qty", "820 boxes"),
    ]
    assert judge_facts("Shipment DN3196 brought 820 boxes.", facts, TODAY).flagged
    assert not judge_facts("Shipment DN3196 brought 240 boxes.", facts, TODAY).flagged
    assert not judge_facts("240 boxes came on SO-1200.", facts, TODAY).flagged


def test_a_day_without_a_month_and_the_time_gone_by_follow_from_the_day() -> None:
    facts = [Statement("s", HOSPITAL, "供应商", "极序科技", date(2024, 8, 12))]
    assert not judge_facts("极序科技12号接手的。", facts, date(2024, 10, 20)).flagged
    assert judge_facts("极序科技13号接手的。", facts, date(2024, 10, 20)).flagged
    assert not judge_facts("极序科技接手刚两个多月。", facts, date(2024, 10, 20)).flagged
    assert judge_facts("极序科技接手刚四个多月。", facts, date(2024, 10, 20)).flagged
