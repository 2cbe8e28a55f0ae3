"""Chats and transcripts: turns with who spoke, in every form that exports have; a list of labels is no dialogue."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.passages import LONGEST, length, passages_of
from rag.reading import read
from rag.turns import is_dialogue, names_a_person, role_of, turns_of

ASKED, ANSWERED = "整机质保多久？", "36个月，自验收合格之日起计算。"
FORMS = {
    "one line": "2025-03-02 10:11 张三: 您好\n2025-03-02 10:12 李四: {q}\n2025-03-02 10:13 张三: {a}\n",
    "two lines": "张三 2025-03-02 10:11:05\n您好\n\n李四 2025-03-02 10:12:09\n{q}\n\n张三 2025-03-02 10:13:00\n{a}\n",
    "time above": "2025/3/2 上午10:11 张三\n您好\n2025/3/2 上午10:12 李四\n{q}\n2025/3/2 上午10:13 张三\n{a}\n",
    "transcript": "[00:01:20] 张三：您好\n[00:01:23] 李四：{q}\n[00:01:29] 张三：{a}\n",
    "phone app": "张三(00:01:20): 您好\n李四(00:01:23): {q}\n张三(00:01:29): {a}\n",
    "bare": "张三：您好。\n李四：{q}\n张三：{a}\n李四：谢谢。\n",
    "markdown": "# 通话记录\n\n**张三**：您好。\n\n**李四**：{q}\n\n**张三**：{a}\n\n**李四**：谢谢。\n",
    "table": "时间,发送者,内容\n2025-03-02 10:11,张三,您好\n2025-03-02 10:12,李四,{q}\n2025-03-02 10:13,张三,{a}\n",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "utf-16"])
def test_every_form_gives_the_same_turns(form: str, encoding: str) -> None:
    document = read("a.txt", FORMS[form].format(q=ASKED, a=ANSWERED).encode(encoding))
    turns = [(block.speaker, block.text.rstrip("。")) for block in document.blocks if block.kind == "turn"]
    assert document.kind == "dialogue"
    assert turns[:3] == [("张三", "您好"), ("李四", ASKED), ("张三", ANSWERED.rstrip("。"))]


@pytest.mark.parametrize(
    "text",
    [
        "产品：A\n价格：3元\n产品：B\n价格：4元\n产品：C\n价格：5元\n",
        "问：保养一年几次？\n答：2次。\n问：收费吗？\n答：不收。\n问：多久？\n答：4小时。\n",
        "2025-03-02 10:11 已建工单：001\n2025-03-02 10:12 已派人：002\n2025-03-02 10:13 已到场：003\n",
        "张三：您好。\n",
        "",
    ],
)
def test_lists_of_labels_and_answers_are_no_dialogue(text: str) -> None:
    assert read("a.txt", (text + "正文在这里。\n").encode()).kind != "dialogue"


def test_the_side_of_a_speaker_is_known_from_his_label_or_from_the_text_above() -> None:
    text = "通话记录\n通话人：销售代表张三，设备科主任李四\n张三：您好。\n李四：多久？\n张三：三年。\n李四：好。\n"
    roles = {block.speaker: block.role for block in read("a.txt", text.encode()).blocks if block.kind == "turn"}
    assert roles == {"张三": "rep", "李四": "customer"}
    assert [role_of(each) for each in ("客户", "销售", "客户经理", "Rep", "Customer", "王工")] == [
        "customer",
        "rep",
        "rep",
        "rep",
        "customer",
        "",
    ]
    assert names_a_person("欧阳小美")
    assert not any(map(names_a_person, ("Speaker 1", "客户", "质量部", "负责人", "Quality manager")))


def test_pictures_and_recalled_messages_are_left_out() -> None:
    text = "张三 2025-03-02 10:11:05\n[图片]\n李四 2025-03-02 10:12:09\n看到了\n张三 2025-03-02 10:13:00\n好\n"
    assert [block.text for block in read("a.txt", text.encode()).blocks if block.kind == "turn"] == ["看到了", "好"]


words = st.text(st.sampled_from("质保多久三年好的，。？ abc12"), min_size=1, max_size=400).filter(str.strip)


@given(st.lists(words, min_size=4, max_size=12))
def test_turns_come_back_out_of_the_passages_with_their_places(said: list[str]) -> None:
    text = "".join(f"[00:00:{n:02d}] {'客户' if n % 2 else '销售'}：{each}\n" for n, each in enumerate(said))
    document = read("a.txt", text.encode())
    spoken: dict[str, str] = {"客户": "", "销售": ""}
    for passage in passages_of(document.blocks):
        assert length(passage.text) <= LONGEST
        if is_dialogue(passage.heading):
            for turn in turns_of(passage.text):
                assert passage.text[turn.start : turn.end] == turn.text
                assert turn.role == {"客户": "customer", "销售": "rep"}[turn.speaker]
                spoken[turn.speaker] += turn.text
    for speaker, joined in spoken.items():
        whole = "".join(b.text for b in document.blocks if b.kind == "turn" and b.speaker == speaker)
        assert joined.replace(" ", "") == whole.replace(" ", "")
