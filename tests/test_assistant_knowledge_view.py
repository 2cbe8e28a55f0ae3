"""The queues of the knowledge page: in words, with quoted sources, decided once, undone, by coordinators and admins."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from assistant.affected_view import ArtefactView, affected_queue
from assistant.components import render
from assistant.fact_words import Speaker
from assistant.i18n import Locale
from assistant.knowledge import ACTS, Suggestions, decide
from assistant.knowledge_view import ConflictView, Queue, Room, RulingView, conflict_queue
from assistant.mapping_view import MappingDecided, MappingView, mapping_queue, shape, waiting_mappings
from assistant.merge_view import MergeDecided, MergeView, merge_queue
from assistant.proposal_view import ProposalDecided, ProposalView, proposal_queue
from assistant.quotes import LONGEST, quote_of
from governance import ledger, vault
from governance.accounts import User
from governance.db import reading
from governance.errors import Conflict, Invalid, NotAllowed, NotFound
from governance.vault import Vault, open_vault, pseudonymise
from rag import mappings
from rag.company import Company, load_company
from rag.customers import customers, decision_maker
from rag.facts import facts_about, make_fact, state_facts
from rag.relations import RELATIONS
from rag.sources import Source
from tests.doubtful_company import HOSPITAL, NOW, PRODUCT, TWIN, fill, person, title, write_script

LATER = NOW + timedelta(days=2)
CORA = User("cora", frozenset({"coordinator"}), "Cora", "zh")
ADAM = User("adam", frozenset({"admin"}), "Adam", "en")


@pytest.fixture(scope="module")
def company() -> Company:
    return load_company(Path(__file__).resolve().parent.parent / "data_samples")


@pytest.fixture
def keys(db: Engine, tmp_path: Path) -> Vault:
    """The keys of a database that holds what is doubtful."""
    opened = open_vault(tmp_path / "keys")
    with db.begin() as tx:
        fill(tx, opened)
    assert Suggestions(db).look(NOW) == 2
    return opened


@pytest.fixture
def look(db: Engine, keys: Vault, company: Company) -> "Look":
    return Look(db, keys, company)


class Look:
    def __init__(self, db: Engine, keys: Vault, company: Company) -> None:
        self.db, self.keys, self.company = db, keys, company

    def conflicts(self, lang: Locale = "zh-CN", page: int = 1) -> Queue[ConflictView, RulingView]:
        with reading(self.db) as tx:
            return conflict_queue(Room(tx, self.keys, self.company, lang), page)

    def proposals(self, lang: Locale = "zh-CN", page: int = 1) -> Queue[ProposalView, ProposalDecided]:
        with reading(self.db) as tx:
            return proposal_queue(Room(tx, self.keys, self.company, lang), page)

    def mappings(self, lang: Locale = "zh-CN", page: int = 1) -> Queue[MappingView, MappingDecided]:
        with reading(self.db) as tx:
            return mapping_queue(Room(tx, self.keys, self.company, lang), page)

    def affected(self, *, reviews: bool = False) -> Queue[ArtefactView, None]:
        with reading(self.db) as tx:
            return affected_queue(Room(tx, self.keys, self.company, "zh-CN", reviews), 1, LATER.date())

    def merges(self, lang: Locale = "zh-CN", page: int = 1) -> Queue[MergeView, MergeDecided]:
        with reading(self.db) as tx:
            return merge_queue(Room(tx, self.keys, self.company, lang), page)

    def about(self, kind: str) -> ConflictView:
        return next(row for row in self.conflicts().rows if row.kind == kind)


def rule(db: Engine, row: ConflictView, fact: str, user: User = CORA, reason: str = "电话核实") -> None:
    decide(db, user, "rule", {"slot": row.slot, "shown": row.shown, "fact": fact, "reason": reason}, LATER)


def test_statements_stand_side_by_side_in_words_with_their_sources(look: Look) -> None:
    queue = look.conflicts()
    assert {row.topic for row in queue.rows} == {
        "青禾市第一人民医院的设备科主任",
        "多参数病人监护仪给青禾市第一人民医院的价格",
        "多参数病人监护仪的适用范围",
    }
    post = look.about("职务")
    first, second = post.statements
    assert (first.period, first.known_since < second.known_since) == ("2026-03-01 起", True)
    assert dict(first.details) == {"联系人编号": "K1", "科室": "设备科", "决策人": "是"}
    [row], [passage] = first.quotes, second.quotes
    assert (row.title, row.place, row.date) == ("任职.csv", "第 7 行", "2026-03-01")
    assert (passage.title, passage.place) == ("培训记录.md", "第 2 页")
    assert [said.answer for said in look.about("价格").statements] == ["1,360,000 CNY / 台", "1,320,000 CNY / 台"]
    english = next(row for row in look.conflicts("en").rows if row.kind == "Price")
    assert english.topic == "The price of Patient monitor for Qinghe First People's Hospital"
    assert english.statements[0].answer == "1,360,000 CNY / unit"


def test_people_are_pseudonyms_and_uploaded_text_is_a_quotation(look: Look) -> None:
    for lang, language, name in (("zh-CN", "zh", "人员"), ("en", "en", "Person ")):
        page = render("page_knowledge.html", "conflicts", lang, look.conflicts(lang), None)  # type: ignore[arg-type]
        shown = pseudonymise(page, language)  # type: ignore[arg-type]
        assert f"{name}1" in shown
        assert f"{name}2" in shown
        assert "李静" not in shown
        assert "p_" not in shown.replace("x-pop_", "")
        assert "<script" not in shown
        assert "&lt;script&gt;alert(1)" in shown
        assert "holds_title" not in shown
    use = look.about("适用范围").statements[0].quotes[0]
    assert use.marked.startswith("适用范围：成人监护")
    assert use.hostile


def test_the_chosen_statement_answers_and_undo_brings_the_conflict_back(db: Engine, look: Look) -> None:
    post = look.about("职务")
    rule(db, post, post.statements[1].fact)
    with reading(db) as tx:
        decider = decision_maker(tx, HOSPITAL, date(2026, 6, 1))
        assert decider is not None
        assert decider.subject == person(look.keys, "K2")
    after = look.conflicts()
    assert (after.total, len(after.decided)) == (2, 1)
    done = after.decided[0]
    assert (done.topic, done.by, done.reason) == (post.topic, "cora", "电话核实")
    with reading(db) as tx:
        assert [(each.event, each.actor) for each in ledger.events_of(tx, done.id)] == [("conflict_decided", "cora")]
    assert done.chosen == vault.token(person(look.keys, "K2"), "name")
    assert done.set_aside == (vault.token(person(look.keys, "K1"), "name"),)
    decide(db, ADAM, "undo-ruling", {"ruling": done.id}, LATER)
    assert (look.conflicts().total, look.conflicts().decided) == (3, ())
    with pytest.raises(Conflict):
        decide(db, CORA, "undo-ruling", {"ruling": done.id}, LATER)


def test_none_may_be_right_with_a_reason_and_then_nothing_is_known(db: Engine, look: Look) -> None:
    price = look.about("价格")
    for reason in ("", "   ", "长" * 201):
        with pytest.raises(Invalid):
            rule(db, price, "", reason=reason)
    rule(db, price, "", reason="两份都是旧价目表")
    with reading(db) as tx:
        assert facts_about(tx, PRODUCT, as_of=None, relation="price") == []
    done = look.conflicts().decided[0]
    assert (done.chosen, len(done.set_aside)) == (None, 2)


def test_sources_that_agree_are_one_statement_and_all_stay_when_it_is_chosen(db: Engine, look: Look) -> None:
    again = make_fact(PRODUCT, "scope", "新生儿监护。", {"language": "zh"}, source="s_h1", known_from=LATER)
    once_more = make_fact(PRODUCT, "scope", "新生儿监护", {"language": "zh"}, source="s_h9", known_from=LATER)
    with db.begin() as tx:
        state_facts(tx, [again, once_more])
    use = look.about("适用范围")
    assert [(said.answer, len(said.quotes)) for said in use.statements] == [("成人监护", 1), ("新生儿监护", 3)]
    rule(db, use, use.statements[1].fact)
    with reading(db) as tx:
        assert len(facts_about(tx, PRODUCT, as_of=None, relation="scope")) == 3
    assert len(look.conflicts().decided[0].set_aside) == 1


def test_whoever_comes_second_is_told_and_a_new_statement_reopens_what_is_shown(db: Engine, look: Look) -> None:
    post, use = look.about("职务"), look.about("适用范围")
    rule(db, post, post.statements[0].fact)
    with pytest.raises(Conflict) as late:
        rule(db, post, post.statements[1].fact, ADAM)
    assert "他人" in late.value.say("zh")
    new = make_fact(PRODUCT, "scope", "儿童监护", {"language": "zh"}, source="s_h1", known_from=LATER)
    with db.begin() as tx:
        state_facts(tx, [new])
    with pytest.raises(Conflict) as changed:
        rule(db, use, use.statements[0].fact)  # nobody has seen the third statement yet
    assert "新的说法" in changed.value.say("zh")
    rule(db, look.about("适用范围"), new.id)
    with pytest.raises(NotFound):
        rule(db, look.about("价格"), "f_none")


def test_a_representative_and_a_data_protection_officer_decide_nothing(db: Engine, look: Look) -> None:
    before = look.conflicts()
    for role in ("rep", "dpo"):
        for act in (*ACTS, "nonsense"):
            with pytest.raises(NotAllowed):
                decide(db, User("rita", frozenset({role}), "Rita", "zh"), act, {"reason": "x"}, LATER)
    with pytest.raises(Invalid):
        decide(db, CORA, "nonsense", {"reason": "x"}, LATER)
    assert look.conflicts() == before


def test_both_sides_of_a_suggested_merge_are_told_apart(look: Look) -> None:
    hospitals, people = sorted(look.merges().rows, key=lambda row: row.kind != "客户")
    lines = {line.label: (line.kept, line.merged, line.differs) for line in hospitals.lines}
    assert (hospitals.kept, hospitals.merged) == ("青禾市第一人民医院 (H1)", "青禾市第一人民医院 (H9)")
    assert lines["编号"] == ("H1", "H9", False)
    assert "招标" not in lines
    assert lines["登记号"] == ("12320000466007", "", False)
    assert lines["地区"] == ("江苏", "浙江", True)
    assert lines["订单"] == ("2", "0", False)
    assert lines["联系人"] == ("3", "0", False)
    assert hospitals.why == "名称相同，登记号不冲突"
    told = {line.label: {line.kept, line.merged} for line in people.lines}
    assert told["联系人编号"] == {"K1", "K3"}
    assert told["科室"] == {"设备科", "采购中心"}
    assert "李静" not in str(people)
    assert "13800000001" not in str(people)


def test_a_merge_is_decided_once_and_taken_apart_again(db: Engine, look: Look) -> None:
    asked = next(row for row in look.merges().rows if row.kind == "客户")
    sent = {"merge": asked.id, "reason": "同一登记"}
    with pytest.raises(Invalid):
        decide(db, CORA, "merge", {"merge": asked.id}, LATER)
    decide(db, CORA, "merge", sent, LATER)
    with reading(db) as tx:
        assert TWIN not in {customer.id for customer in customers(tx)}
    for act in ("merge", "keep-two"):
        with pytest.raises(Conflict):
            decide(db, ADAM, act, sent, LATER)
    done = look.merges().decided
    assert [(row.kept, row.merged, row.state, row.by) for row in done] == [
        ("青禾市第一人民医院 (H1)", "青禾市第一人民医院 (H9)", "merged", "cora")
    ]
    decide(db, ADAM, "undo-merge", sent, LATER)
    with reading(db) as tx:
        assert TWIN in {customer.id for customer in customers(tx)}
    with pytest.raises(NotFound):
        decide(db, CORA, "merge", {"merge": "m_none", "reason": "x"}, LATER)


def test_proposals_come_document_by_document_with_the_words_they_were_read_from(look: Look) -> None:
    first, second = look.proposals(), look.proposals(page=2)
    assert (first.total, first.pages) == (3, 2)
    both = [*first.rows, *second.rows]
    assert {row.topic: row.answer for row in both} == {
        "多参数病人监护仪的质保期": "36 个月",
        "青禾市第一人民医院的采购中心主任": vault.token(person(look.keys, "K3"), "name"),
        "青禾市第一人民医院 2027 年的预算": "10月至11月申报",
    }
    assert {row.extractor for row in both} == {"按规则识别", "由模型识别", "自动识别"}
    assert all(row.quote for row in both)
    assert look.proposals(page=99).page == 2
    page = pseudonymise(render("page_knowledge.html", "proposals", "zh-CN", first, None), "zh")
    assert "one_holder" not in page
    assert "llm" not in page


def test_an_accepted_proposal_is_a_fact_until_it_is_undone(db: Engine, look: Look) -> None:
    asked = next(row for row in (*look.proposals().rows, *look.proposals(page=2).rows) if row.kind == "质保期")
    decide(db, CORA, "accept", {"proposal": asked.id}, LATER)
    with reading(db) as tx:
        assert [fact.value for fact in facts_about(tx, PRODUCT, as_of=None, relation="warranty")] == ["36"]
    for act in ("accept", "refuse"):
        with pytest.raises(Conflict):
            decide(db, ADAM, act, {"proposal": asked.id, "reason": "x"}, LATER)
    assert [(row.answer, row.state, row.by) for row in look.proposals().decided] == [("36 个月", "accepted", "cora")]
    decide(db, ADAM, "undo-proposal", {"proposal": asked.id}, LATER)
    with reading(db) as tx:
        assert facts_about(tx, PRODUCT, as_of=None, relation="warranty") == []
    with pytest.raises(Invalid):
        decide(db, CORA, "refuse", {"proposal": asked.id}, LATER)
    decide(db, CORA, "refuse", {"proposal": asked.id, "reason": "是配件的质保"}, LATER)
    assert (look.proposals().total, look.proposals().decided[0].state) == (2, "refused")


def test_several_proposals_are_accepted_together_or_not_at_all(db: Engine, look: Look) -> None:
    ids = [row.id for row in (*look.proposals().rows, *look.proposals(page=2).rows)]
    with pytest.raises(Invalid):
        decide(db, CORA, "accept", {"proposals": ""}, LATER)
    decide(db, ADAM, "accept", {"proposal": ids[0]}, LATER)
    with pytest.raises(Conflict):
        decide(db, CORA, "accept", {"proposals": ",".join(reversed(ids))}, LATER)  # the last one is taken
    assert look.proposals().total == 2
    decide(db, CORA, "accept", {"proposals": ",".join(ids[1:])}, LATER)
    assert (look.proposals().total, look.proposals().rows) == (0, ())


def test_a_mapping_shows_fields_in_words_and_only_the_shape_of_cells(db: Engine, look: Look) -> None:
    name = "records/contacts.csv"
    with db.begin() as tx:
        content = (look.company.folder / name).read_bytes()
        proposed = mappings.propose(tx, look.company, "contacts", name, content, by="ingest", now=NOW)
        assert waiting_mappings(tx) == 1
    asked = look.mappings().rows[0]
    assert (asked.id, asked.kind, asked.version, asked.approvable) == (proposed.id, "联系人", 1, True)
    columns = {field.name: (field.column, field.required, field.shapes) for field in asked.fields}
    assert columns["姓名"][:2] == ("姓名", True)
    assert columns["手机"][2] == "99999…"
    shown = render("page_knowledge.html", "mappings", "en", look.mappings("en"), None)
    assert "Contact name" in shown
    assert "1990000" not in shown
    assert "h001.example" not in shown
    sent = {"mapping": asked.id, "reason": "已核对"}
    with pytest.raises(NotAllowed):
        decide(db, CORA, "approve-mapping", sent, LATER)
    decide(db, ADAM, "approve-mapping", sent, LATER)
    with pytest.raises(Conflict):
        decide(db, ADAM, "refuse-mapping", sent, LATER)
    assert [(row.state, row.in_force, row.by) for row in look.mappings().decided] == [("approved", True, "adam")]
    decide(db, ADAM, "roll-back-mapping", sent, LATER)
    assert [(row.state, row.in_force) for row in look.mappings().decided] == [("refused", False)]


@given(st.text(max_size=60))
def test_the_shape_of_a_cell_says_nothing_of_it(cell: str) -> None:
    built = shape(cell)
    assert not set(built) & set("012345678abcdefghijklmnopqrstuvwxyzBCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert shape("2026-03-01") == "9999-99-99"
    assert shape("张三13800000001") == "□□99999…"


def test_what_rests_on_a_set_aside_statement_is_listed_with_its_path(db: Engine, look: Look) -> None:
    price = look.about("价格")
    with db.begin() as tx:
        write_script(tx, "s_used", price.statements[0].fact)
        write_script(tx, "s_gone", price.statements[0].fact, status="superseded")
    assert [flag.reason for row in look.affected().rows for flag in row.flags] == ["出现矛盾"]
    rule(db, price, price.statements[1].fact)
    [row] = look.affected(reviews=True).rows
    assert row.name.startswith("话术 · 青禾市第一人民医院")
    assert (row.link, row.status) == ("/review/?script=s_used", "approved")
    assert [flag.reason for flag in row.flags] == ["裁定不用"]
    assert row.flags[0].steps
    assert look.affected().rows[0].link == ""
    decide(db, CORA, "undo-ruling", {"ruling": look.conflicts().decided[0].id}, LATER)
    assert [flag.reason for row in look.affected().rows for flag in row.flags] == ["出现矛盾"]


def test_who_withdrew_is_in_no_queue(db: Engine, look: Look) -> None:
    rule(db, look.about("职务"), look.about("职务").statements[0].fact)
    with db.begin() as tx:
        for number in ("K1", "K2"):
            vault.forget(tx, look.keys, person(look.keys, number), actor="dora", now=LATER)
        vault.forget(tx, look.keys, person(look.keys, "K3"), actor="dora", now=LATER)
    assert [row.kind for row in look.merges().rows] == ["客户"]
    assert {row.kind for page in (1, 2) for row in look.proposals(page=page).rows} == {"质保期", "预算"}
    assert {row.kind for row in look.conflicts().rows} == {"价格", "适用范围"}
    assert [row.topic for row in look.conflicts().decided] == ["（原记录已不在）"]


def test_duplicates_are_looked_for_once_after_each_import(db: Engine, keys: Vault) -> None:
    again = Suggestions(db)
    assert again.due()
    assert again.look(LATER) == 0  # all are known
    assert not again.due()


def test_every_relation_is_said_in_words_in_both_languages(company: Company, keys: Vault) -> None:
    for lang in ("zh-CN", "en"):
        speaker = Speaker(company, lang, {HOSPITAL: "青禾"})
        for relation in (*RELATIONS, "category", "model", "invented_by_an_extractor"):
            attributes = {"customer": HOSPITAL, "strange_key": "1", "amount": "12a", "window_from": "13"}
            fact = make_fact(HOSPITAL, relation, "2027", attributes, source="s", known_from=NOW)
            said = " ".join(map(str, (speaker.words(fact)).__getstate__()))
            assert "_" not in said, relation
            assert speaker.words(fact).kind != speaker.words(fact).topic
    post = title(keys, "K1", "s_row", date(2026, 3, 1))
    assert Speaker(company, "en", {}).words(post).topic == "Director of Medical Equipment, H1"


def test_a_number_that_a_document_got_from_us_is_not_shown(company: Company) -> None:
    speaker = Speaker(company, "zh-CN", {HOSPITAL: "青禾"})
    for value, details in (("GT2023-0001", (("编号", "GT2023-0001"),)), ("D-0a1b2c3d4e", ())):
        talk = make_fact(HOSPITAL, "contacted", value, {"subject": "交货期"}, source="s", known_from=NOW)
        said = speaker.words(talk)
        assert (said.topic, said.answer, said.details) == ("与青禾的沟通", "交货期", details)


@given(st.text(min_size=1, max_size=3000), st.integers(0, 3000), st.integers(1, 40))
def test_a_quotation_is_cut_without_tearing_a_token(text: str, start: int, length: int) -> None:
    whole = text.replace("[", "(").replace("]", ")")
    token = vault.token("p_0123456789abcdef", "name")
    holds = f"{whole[:start]}{token}{whole[start:]}"
    found = Source("s", "d", "a.md", "passage", None, None, "", None, holds)
    for words in ("", whole[start : start + length]):
        quote = quote_of(found, "zh-CN", words)
        shown = quote.before + quote.marked + quote.after
        assert shown.count("[[") == shown.count("]]") == shown.count(token)
        assert len(shown) <= LONGEST + len(token) + 2
