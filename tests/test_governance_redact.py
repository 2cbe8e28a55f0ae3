"""Redaction with the real models: what is found, what is left alone, and that twice is once."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.china_ids import bank_card, is_bank_card, is_resident_id, is_uscc, resident_id, uscc
from governance.lexicon import Lexicon, lexical_key
from governance.redact import Redactor
from governance.vault import TOKEN, Vault, open_vault, person_id, pseudonymise, token

HUANG, WANG, LI_ONE, LI_TWO, GAO = (f"p_{digit * 16}" for digit in "abcde")
NAMES = {"黄河": [HUANG], "王芳": [WANG], "Wang Fang": [WANG], "李伟": [LI_ONE, LI_TWO], "高峰": [GAO]}
ALLOW = ["李惠利医院", "YD-300 Volumetric Infusion Pump", "Hexin Aria", "输液泵"]
ID = resident_id("32010219850312451")
CARD = bank_card("622202430100123456")
CODE = uscc("91320115MA1WX2YP8")

# {ENTITY:text} marks what has to be found, exactly; a line without a mark has to stay as it is. All of it is fictional.
GOLD = f"""联系人：{{PERSON:赵敏}}，手机{{PHONE:13812345678}}，邮箱{{EMAIL:zhaomin@huaxin.example.com}}。
昨天拜访了{{PERSON:张主任}}，{{PERSON:李伟明}}院长说预算还没批。
设备科{{PERSON:陈建国}}处长的电话是{{PHONE:+86 138 1234 5678}}，座机{{LANDLINE:025-83271234}}。
全角号码：{{PHONE:１３８１２３４５６７８}}
采购办{{PERSON:刘科长}}让我们加他微信：{{WECHAT:liu_ke1980}}。
授权代表{{PERSON:马云飞}}，身份证号{{CN_ID:{ID}}}，有效期内。
请把差旅费打到{{PERSON:赵敏}}的卡上，卡号{{BANK_CARD:{CARD}}}，开户行工行南京分行。
送货车辆车牌{{PLATE:苏A·8K2P7}}，司机{{PERSON:吴师傅}}{{PHONE:13770001122}}
家庭住址：{{ADDRESS:南京市江宁区秣陵街道天元东路88号3栋502室}}，收件人{{PERSON:周雨桐}}。
法定代表人：{{PERSON:林志强}}，统一社会信用代码：{{USCC:{CODE}}}。
副主任医师{{PERSON:钱学兵}}，{{PERSON:王芳}}主任和{{PERSON:李伟}}院长在李惠利医院开会。
{{PERSON:欧阳娜娜}}教授与{{PERSON:阿不都热合曼·买买提}}医生都来了。
姓名：{{PERSON:王　芳}}，也写作{{PERSON:WANG FANG}}或{{PERSON:Fang Wang}}。
请{{PERSON:黄河}}处长和{{PERSON:高峰}}主任避开客户高峰期，并请{{PERSON:Smith}}医生参加。
{{PERSON:Li Weiming}} signed the distribution agreement, passport {{PASSPORT:E98765432}}.
Mindray {{PERSON:Zhang Wei}} sold it to {{PERSON:John Smith}} at Hexin Hospital, {{PERSON:Dr. Chen}} agreed.
注册证编号国械注准20193130001，有效期至2029年3月18日。
参会：设备科{{PERSON:喻之恒}}、财务科{{PERSON:花满楼}}；司机{{PERSON:老滕}}，家属{{PERSON:柳含烟}}。
{{PERSON:阿依古丽·买买提}}和{{PERSON:扎西顿珠}}到场，{{PERSON:上官云霜}}记录。
客户{{PERSON:连城}}偏好上午，{{PERSON:薄小云}}说下周来。牛顿、高斯为单位，孙公司不在此列。
证件号{{CN_ID:{ID[:6]} {ID[6:14]} {ID[14:]}}}，税号{{USCC:{CODE[:4]} {CODE[4:8]} {CODE[8:]}}}。
Attendees: {{PERSON:Helen Park}}, {{PERSON:Deng Lifu}}; ship to {{ADDRESS:No. 9 Hankou Road, Building 2, Room 301}}.
和平医院、建国医院、李惠利医院、王府井医院都是我们的老客户。
身份证号码校验示例：{ID[:-1]}{"1" if ID[-1] == "0" else "0"}不是有效号码，请勿使用。
微信wx群和WeChat groups里，销售代表和公司负责人和职务代码都不写。卫健委的负责人和职务不变。
施工单位和应用工程师明年全部安排妥当，型号经合规专员确认，我公司工程师负责安装。
Qinghe First People's Hospital and Tinglan Children's Hospital bought it.
Serial number SN-20240318-000123, firmware 2.3.15, order PO-4500123456.
The YD-300 Volumetric Infusion Pump weighs 2.1 kg; Hexin Aria is made for the ward. Battery: 5 h."""


def marked(line: str) -> tuple[str, list[tuple[str, str]]]:
    """The text without its marks, and (entity, text) of each."""
    parts = [part.split(":", 1) for part in line.replace("{", "\0").replace("}", "\0").split("\0")[1::2]]
    text = line
    for entity, value in parts:
        text = text.replace(f"{{{entity}:{value}}}", value)
    return text, [(entity, value) for entity, value in parts]


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was written to standard error, by native code too, while the redactor was built and first used."""
    return tmp_path_factory.mktemp("stderr") / "complaints.txt"


@pytest.fixture(scope="module")
def redactor(complaints: Path) -> Redactor:
    kept = os.dup(2)
    with complaints.open("wb") as file:
        os.dup2(file.fileno(), 2)
        try:
            built = Redactor(NAMES, ALLOW)
            built.find("请联系张主任，电话13812345678。Call John Smith.")
            built.find("Call John Smith, +86 138 1234 5678.")
        finally:
            os.dup2(kept, 2)
            os.close(kept)
    return built


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    return open_vault(tmp_path_factory.mktemp("keys"))


@pytest.mark.parametrize("line", GOLD.splitlines())
def test_what_is_marked_is_found_and_nothing_else(redactor: Redactor, line: str) -> None:
    text, gold = marked(line)
    assert [(span.entity, text[span.start : span.end]) for span in redactor.find(text)] == gold


@pytest.mark.parametrize(
    "text", ["", " \n", "！", "王", "𠮷野家" * 300, "1" * 5000, "\0", "[[", "■■", "·", "王芳" * 800]
)
def test_odd_input_is_redacted_without_an_error(redactor: Redactor, vault: Vault, text: str) -> None:
    once, _ = redactor.tokenise(text, scope="s", vault=vault)
    assert redactor.tokenise(once, scope="s", vault=vault) == (once, {})


def test_a_known_name_leads_to_its_person_and_a_shared_one_is_never_guessed(redactor: Redactor, vault: Vault) -> None:
    text, values = redactor.tokenise("黄河、王芳和李伟，电话13812345678；李伟明。", scope="doc1", vault=vault)
    shared, phone = person_id(vault, "mention:doc1:李伟"), person_id(vault, "mention:doc1:13812345678")
    longer = person_id(vault, "mention:doc1:李伟明")
    assert text == (
        f"{token(HUANG, 'name')}、{token(WANG, 'name')}和{token(shared, 'name')}，"
        f"电话{token(phone, 'phone')}；{token(longer, 'name')}。"
    )
    assert values == {shared: {"name": "李伟"}, phone: {"phone": "13812345678"}, longer: {"name": "李伟明"}}
    english, none = redactor.tokenise("Fang Wang agreed.", scope="doc1", vault=vault)
    assert (english, none) == (f"{token(WANG, 'name_en')} agreed.", {})


def test_the_same_value_has_one_id_in_a_document_and_another_one_in_the_next(redactor: Redactor, vault: Vault) -> None:
    text = "座机025-83271234，传真025-83271234，手机138 1234 5678，再打１３８１２３４５６７８。"
    one, values = redactor.tokenise(text, scope="doc1", vault=vault)
    assert len(values) == 2
    assert pseudonymise(one, "zh") == "座机电话1，传真电话1，手机电话2，再打电话2。"
    other, _ = redactor.tokenise(text, scope="doc2", vault=vault)
    assert not {match[1] for match in TOKEN.finditer(one)} & {match[1] for match in TOKEN.finditer(other)}


def test_tokens_are_neither_broken_nor_taken_for_something_personal(redactor: Redactor, vault: Vault) -> None:
    text = (
        f"{token(WANG, 'name')}主任，手机{token(GAO, 'phone')}，致：{token(LI_ONE, 'name')}王芳{token(HUANG, 'name')}"
    )
    done, values = redactor.tokenise(text, scope="s", vault=vault)
    assert done == text.replace("王芳", token(WANG, "name"))
    assert values == {}
    assert redactor.residue(done) == []


def test_a_name_recognised_once_is_removed_everywhere_in_the_document(redactor: Redactor, vault: Vault) -> None:
    text, _ = redactor.tokenise(
        "穆清和：您好，我是澄言医疗的穆清和，想回访一下。\n穆清和：谢谢。", scope="s", vault=vault
    )
    assert "穆" not in text
    assert len(TOKEN.findall(text)) == 3


PIECES = [
    *(
        "黄河",
        "王芳",
        "李伟",
        "李伟明",
        "高峰期",
        "Wang Fang",
        "John Smith",
        "Dr. ",
        "陈建国",
        "张主任",
        "欧阳",
        "·",
        " ",
    ),
    *("13812345678", "025-83271234", ID, CARD, "a.b@c.example", "微信：", "wx_abc123", "苏A8K2P7", "天元东路88号"),
    *(
        "联系人：",
        "主任",
        "医院",
        "，",
        "。",
        "\n",
        "的",
        "和",
        "请",
        "输液泵",
        "YD-300",
        token(WANG, "name"),
        "[[p_",
        "]]",
    ),
]


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_redacting_twice_is_redacting_once(redactor: Redactor, vault: Vault, text: str) -> None:
    tokens = TOKEN.findall(text)
    once, values = redactor.tokenise(text, scope="s", vault=vault)
    assert redactor.tokenise(once, scope="s", vault=vault) == (once, {})
    assert redactor.residue(once) == []
    assert set(tokens) <= set(TOKEN.findall(once))
    restored = once
    for person, fields in values.items():
        for field, value in fields.items():
            assert token(person, field) in once
            restored = restored.replace(token(person, field), value)
    assert len(values) == 0 or restored != once


def test_a_long_document_is_redacted_to_the_end(redactor: Redactor, vault: Vault) -> None:
    filler = "本产品适用于病房和重症监护室的输液治疗，使用前请阅读说明书。" * 12 + "\n"
    text = "".join(f"{filler}第{i}次回访：王芳主任，手机139{i:08d}。\n" for i in range(50))
    assert len(text) > 19_000
    begun = time.process_time()
    done, values = redactor.tokenise(text, scope="s", vault=vault)
    assert len(TOKEN.findall(done)) == 100
    assert len(values) == 50
    assert time.process_time() - begun < 20


def test_another_list_of_names_needs_no_other_models(redactor: Redactor) -> None:
    text = "许可让黄河审阅，经许可审阅，黄河大道高峰时段拥堵。"
    other = redactor.knowing({"许可": [HUANG], "高峰": [GAO]})
    assert [text[span.start : span.end] for span in other.find(text) if span.known] == ["许可", "许可"]
    assert "许可" not in [text[span.start : span.end] for span in redactor.find(text)]


def test_importing_loads_no_model_library() -> None:
    code = "import sys, governance.redact; print({'presidio_analyzer', 'spacy', 'onnxruntime'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_loading_and_running_the_models_writes_nothing_to_standard_error(redactor: Redactor, complaints: Path) -> None:
    assert redactor.find("请联系张主任。")
    assert complaints.read_text() == ""


def test_a_lexicon_finds_the_longest_term_in_any_spelling() -> None:
    lexicon = Lexicon(["王芳", "王芳华", "Wang Fang", "Aria", "阿里·买买提", "王"])
    found = [("王芳华", 0), ("王 芳", 3), ("wang  FANG", 6), ("阿里•买买提", 16), ("Aria", 22)]
    text = "".join(term for term, _ in found) + " aria 王"
    assert sorted((start, text[start:end]) for start, end, _ in lexicon.find(text)) == [(n, t) for t, n in found]
    assert lexical_key("ＷＡＮＧ  Fang") == "wang fang"


def test_many_names_cost_no_time_per_name() -> None:
    names = [f"{chr(0x4E00 + i % 3000)}{chr(0x5E00 + i // 3000)}{chr(0x6E00 + i % 97)}" for i in range(50_000)]
    lexicon, text = Lexicon(names), "本产品适用于病房和重症监护室的输液治疗。" * 1000 + names[40_000]
    begun = time.process_time()
    assert lexicon.find(text)[-1][2] == names[40_000]
    assert time.process_time() - begun < 2


def test_check_digits_are_made_and_checked() -> None:
    assert is_resident_id(ID)
    assert is_resident_id(resident_id("11010519491231002"))
    assert not is_resident_id(ID[:-1] + "Y")
    assert not is_resident_id(resident_id("32010219850231451"))  # no 31 February
    assert is_uscc(CODE)
    assert not is_uscc(CODE[:-1] + "!")
    assert is_bank_card(CARD)
    assert not is_bank_card(CARD[:-1] + str((int(CARD[-1]) + 1) % 10))
