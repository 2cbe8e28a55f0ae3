"""Near duplicates are found exactly, the split holds, and the shares of what is trained on hold."""

from itertools import combinations, pairwise

import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.duplicates import Row, alike, grams, near_duplicates
from sandbox.mixing import EXTRACTIVE_PERCENT, FUEL_PERCENT, OWN_PERCENT, mixed, with_fuel
from sandbox.samples import FuelKind, Sample
from sandbox.split import held_out, is_held_out, split, unit_of

# a small alphabet and edits of one sentence, so that alike texts are common
WORDS = st.lists(st.sampled_from(["整机", "质保期", "36个月", "起算", "验收", "合格", "之日"]), min_size=4, max_size=14)
FED = st.lists(st.tuples(st.sampled_from(["approved", "edit", "note"]), st.integers(1, 2)), max_size=60)
TEXTS = st.lists(WORDS.map("".join), min_size=2, max_size=25)


def asked(unit: str, prompt: str, answer: str = "甲", source: str = "") -> Sample:
    return Sample("extractive", "zh", prompt, answer, (), None, ("p1",), unit, (0, 1), unit, None, source)


def whole(sample: Sample) -> frozenset[str]:
    return grams(f"{sample.prompt}\n{sample.answer}")


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_of_the_kept_rows_no_two_are_alike_and_every_other_is_like_an_earlier_kept_one(texts: list[str]) -> None:
    rows = [Row(text, text) for text in texts]
    left_out = near_duplicates(rows)
    kept = [place for place in range(len(rows)) if place not in left_out]
    assert not any(alike(grams(texts[a]), grams(texts[b])) for a, b in combinations(kept, 2))
    for place, other in left_out.items():
        assert other < place
        assert other in kept
        assert alike(grams(texts[place]), grams(texts[other]))


def test_a_likeness_of_exactly_four_fifths_counts() -> None:
    assert alike(frozenset("abcd"), frozenset("abcde"))
    assert not alike(frozenset("abc"), frozenset("abcd"))
    assert grams("ab") == {"ab"}
    assert grams("") == {""}


def test_two_questions_to_one_passage_are_two_and_the_same_one_twice_is_one() -> None:
    passage = "整机质保期三十六个月，自验收合格之日起计算，探头质保期十二个月，电池不在质保范围之内，耗材另按清单计价。"
    other = passage.replace("三十六", "二十四")
    rows = [
        Row(f"{passage}整机质保期多长", "整机质保期多长 三十六个月", "s1"),
        Row(f"{passage}探头质保期多长", "探头质保期多长 十二个月", "s1"),
        Row(f"{passage}整机质保期多长", "整机质保期多长 三十六个月", "s1"),
        Row(f"{other}整机质保期多长", "整机质保期多长 二十四个月", "s2"),
    ]
    assert near_duplicates(rows) == {2: 0, 3: 0}


def test_ten_thousand_equal_rows_and_ten_thousand_of_one_template_are_compared_few_times() -> None:
    assert len(near_duplicates([Row("整机质保期三十六个月" * 5, "x")] * 10_000)) == 9_999
    sheet = "产品名称：{0}型监护仪，型号：{0}，生产企业：第{0}厂，适用范围：{0}科室的患者监护与转运，附件编号{0}"
    rows = [Row(sheet.format(f"{number:05d}"[::-1]), "x") for number in range(2_000)]
    left_out = near_duplicates(rows)
    kept = [row.text for place, row in enumerate(rows) if place not in left_out]
    assert len(kept) > 1
    assert not any(alike(grams(a), grams(b)) for a, b in pairwise(sorted(kept)))


def test_a_minhash_of_others_finds_none_either() -> None:
    texts = [f"{'整机质保期自验收合格之日起计算' * 3}，第{n % 7}条第{n}款" for n in range(120)]
    left_out = near_duplicates([Row(text, text) for text in texts])
    sketches: list[MinHash] = []
    for place, text in enumerate(texts):
        if place not in left_out:
            sketch = MinHash(num_perm=256)
            sketch.update_batch([gram.encode() for gram in grams(text)])
            sketches.append(sketch)
    assert all(a.jaccard(b) < 0.9 for a, b in combinations(sketches, 2))  # an estimate: three deviations above 0.8


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), WORDS.map("".join)), min_size=1, max_size=40), st.integers(0, 5))
def test_no_two_alike_lie_across_the_split(drawn: list[tuple[int, str]], seed: int) -> None:
    samples = [asked(f"d{unit}", f"资料：{text}") for unit, text in drawn]
    parts = split(samples, {}, seed)
    assert {s.unit for s in parts.train}.isdisjoint(s.unit for s in parts.heldout)
    for one, other in combinations([*parts.train, *parts.heldout], 2):
        assert not alike(whole(one), whole(other))
    kept = {s.id for s in (*parts.train, *parts.heldout)}
    assert kept | set(parts.left_out) == {s.id for s in samples}
    assert kept.isdisjoint(parts.left_out)


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(0, 400), min_size=7, max_size=60), st.integers(0, 3), st.data())
def test_withdrawing_a_document_moves_no_other_but_where_too_few_are_held_out(
    numbers: set[int], seed: int, data: st.DataObject
) -> None:
    units = {("document", f"d{number}") for number in numbers}
    gone = data.draw(st.sampled_from(sorted(units)))
    before, after = held_out(units, seed), held_out(units - {gone}, seed)
    assert before - {gone} <= after | (set() if len(units) > 6 else before)
    natural = {unit for unit in units if is_held_out(unit[1], seed)}
    if len(natural - {gone}) >= 2:
        assert after == before - {gone} == natural - {gone}
    else:
        assert len(after - before) <= 1


def test_a_duplicate_of_a_withdrawn_document_comes_back_on_its_own_side() -> None:
    texts = ["整机质保期三十六个月自验收合格之日起计算", "耗材的保存温度为二到八摄氏度不得冷冻"]
    samples = [asked(f"d{n}", f"资料：{texts[n % 2]}") for n in range(40)]
    parts = split(samples, {}, 0)
    (kept,) = [s for s in (*parts.train, *parts.heldout) if texts[0] in s.prompt]
    later = split([s for s in samples if s.unit != kept.unit], {}, 0)
    (next_one,) = [s for s in (*later.train, *later.heldout) if texts[0] in s.prompt]
    assert (next_one in later.heldout) == is_held_out(next_one.unit, 0)
    assert parts.left_out[next_one.id] in ("duplicate", "near_duplicate", "across")


def test_a_customer_is_on_one_side_with_sections_and_fuel() -> None:
    def of(kind: str, unit: str, prompt: str) -> Sample:
        return Sample(kind, "zh", prompt, "答", (), "opening", ("p1",), unit)  # pyright: ignore[reportArgumentType]

    samples = [of(kind, f"c{n}", f"{kind}{n}号客户的第一段") for n in range(60) for kind in ("section", "fuel")]
    parts = split(samples, {s.id: "edit" for s in samples if s.kind == "fuel"}, 0)
    assert {unit_of(s) for s in parts.train}.isdisjoint(unit_of(s) for s in parts.heldout)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 60), st.lists(st.integers(0, 4), max_size=80))
def test_sections_dominate_and_no_document_dominates_the_questions(sections: int, units: list[int]) -> None:
    spoken = [Sample("section", "zh", f"s{n}", "a", (), "x", ("p1",), "c1") for n in range(sections)]
    questions = [asked(f"d{unit}", f"q{n}") for n, unit in enumerate(units)]
    kept, beyond = mixed([*spoken, *questions])
    taken = [s for s in kept if s.kind == "extractive"]
    assert len(kept) + len(beyond) == sections + len(units)
    if sections:
        assert len(taken) * 100 <= EXTRACTIVE_PERCENT * len(kept)
    else:
        assert not beyond
    counts = {unit: sum(s.unit == unit for s in taken) for unit in {s.unit for s in questions}}
    for unit, count in counts.items():  # one has two more than another only when the other has no more to give
        assert all(count <= 1 + other or other == units.count(int(name[1:])) for name, other in counts.items()), unit


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 80),
    st.lists(st.tuples(st.sampled_from(["approved", "edit", "note"]), st.integers(1, 2)), max_size=60),
)
def test_the_model_does_not_eat_its_own_output(others: int, fed: list[tuple[FuelKind, int]]) -> None:
    base = [Sample("section", "zh", f"s{n}", "a", (), "x", ("p1",), "c1") for n in range(others)]
    fuel = [Sample("fuel", "zh", f"f{n}", "a", (), "x", ("p1",), f"c{n % 3}") for n in range(len(fed))]
    kinds = {sample.id: kind for sample, (kind, _) in zip(fuel, fed, strict=True)}
    repeats = {sample.id: count for sample, (_, count) in zip(fuel, fed, strict=True)}
    kept, beyond = with_fuel(base, fuel, kinds, repeats)
    total = others + len(kept)
    own = sum(kinds[sample.id] == "approved" for sample in kept)
    assert len(kept) * 100 <= FUEL_PERCENT * total
    assert own * 100 <= OWN_PERCENT * total
    assert {s.id for s in kept}.isdisjoint(s.id for s in beyond)
    assert all(kept.count(sample) <= repeats[sample.id] for sample in kept)


@pytest.mark.parametrize("count", [0, 1, 2, 6])
def test_very_few_units_still_leave_something_to_train_on(count: int) -> None:
    units = {("document", f"d{n}") for n in range(count)}
    held = held_out(units, 0)
    assert len(held) < max(1, count)
    assert held or count < 2
