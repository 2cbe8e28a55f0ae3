"""Mail and archives: the message without what it quotes, each file inside on its own, nothing out of the archive."""

import email.policy
import io
import stat
import zipfile
from contextlib import suppress
from email.message import EmailMessage

import pytest

from governance.errors import UnreadableFile
from rag.intake import Task
from rag.reading import read, read_parts

QUOTED = [
    "-----原始邮件-----\n发件人：乙\n发送时间：2026年1月1日\n旧的内容",
    "On Tue, 3 Nov 2026 at 10:00, B <b@x.example> wrote:\n> 旧的内容",
    "在 2026年11月3日，乙 <b@x.example> 写道：\n> 旧的内容",
    "发件人: 乙\n发送时间: 2026年1月1日\n收件人: 甲\n旧的内容",
    "> 旧的内容\n> 更旧的内容",
]


def mail(body: str, *, html: str = "", files: tuple[tuple[str, bytes], ...] = (), charset: str = "utf-8") -> bytes:
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"], message["To"] = "甲 <a@x.example>", "b@x.example"
    message["Date"], message["Subject"] = "Tue, 17 Nov 2026 10:26:00 +0800", "校准安排"
    message.set_content(body, charset=charset, cte="base64")
    if html:
        message.add_alternative(html, subtype="html")
    for name, content in files:
        message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


@pytest.mark.parametrize("charset", ["utf-8", "gb18030", "gb2312", "big5"])
def test_a_mail_has_its_subject_its_people_its_day_and_its_words(charset: str) -> None:
    document = read("x.bin", mail("校准定在十二月八日。\n", charset=charset))
    assert (document.kind, document.blocks[0].text) == ("mail", "校准安排")
    assert "a@x.example" in document.blocks[1].text
    assert str(document.date) == "2026-11-17"
    assert document.blocks[-1].text == "校准定在十二月八日。"


@pytest.mark.parametrize("quoted", QUOTED)
def test_what_a_mail_quotes_is_cut_off(quoted: str) -> None:
    text = "\n".join(block.text for block in read("x", mail(f"新的内容。\n\n{quoted}\n")).blocks)
    assert "新的内容" in text
    assert "旧的内容" not in text


def test_a_mail_that_only_forwards_keeps_what_it_forwards() -> None:
    document = read("x", mail(QUOTED[0]))
    assert any("旧的内容" in block.text for block in document.blocks)


def test_an_html_body_loses_its_quotes_and_scripts() -> None:
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"], message["Date"], message["Subject"] = "a@x.example", "Tue, 17 Nov 2026 10:26:00 +0800", "s"
    body = "<p>新的内容</p><script>alert(1)</script><blockquote>旧的内容</blockquote>"
    message.set_content(body, subtype="html")
    text = "\n".join(block.text for block in read("x", message.as_bytes()).blocks)
    assert "新的内容" in text
    assert "旧的内容" not in text
    assert "alert" not in text


def test_attachments_are_files_of_their_own_with_harmless_names() -> None:
    files = (("清单.csv", b"a,b,c\n1,2,3\n4,5,6\n"), ("../../etc/pa\u202esswd", b"x"), ("清单.csv", b"y"))
    found = read_parts(Task("mail.eml", []), mail("见附件。", files=files))
    assert [each.name for each in found.attachments] == [
        "mail.eml › 清单.csv",
        "mail.eml › passwd",
        "mail.eml › 清单.csv",
    ]
    assert found.attachments[0].content.startswith(b"a,b,c")


@pytest.mark.parametrize(
    "content", [b"From: \nDate: \n\n", b"From: a\nSubject: =?x?q?y\nDate: nonsense\n\nBody here.\n"]
)
def test_headers_that_make_no_sense_do_no_harm(content: bytes) -> None:
    with suppress(UnreadableFile):
        assert read("x.eml", content).blocks


def archive(*files: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files:
            made.writestr(name, content)
    return target.getvalue()


def test_an_archive_gives_its_files_and_refuses_those_that_lead_out() -> None:
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    content = archive(
        ("合同/一.md", b"# a"),
        ("../evil.md", b"# b"),
        ("/etc/evil.md", b"# b"),
        ("C:\\evil.md", b"# b"),
        (link, b"/etc/passwd"),
        ("__MACOSX/._一.md", b"litter"),
        (".DS_Store", b"litter"),
    )
    found = read_parts(Task("a.zip", []), content)
    assert [each.name for each in found.attachments] == ["a.zip › 合同/一.md"]
    assert len(found.refused) == 4
    assert all("拒绝" in refused.say("zh") for refused in found.refused)


def test_names_of_a_chinese_windows_archive_are_read() -> None:
    raw = archive(("AAAA.md", b"# a")).replace(b"AAAA.md", "合同".encode("gb18030") + b".md")
    assert [each.name for each in read_parts(Task("a.zip", []), raw).attachments] == ["a.zip › 合同.md"]


def test_an_entry_that_lies_about_its_size_is_not_believed() -> None:
    content = bytearray(archive(("a.txt", b"\0" * 2_000_000)))
    place = content.rindex(b"PK\x01\x02")
    content[place + 24 : place + 28] = (10).to_bytes(4, "little")
    found = read_parts(Task("a.zip", []), bytes(content))
    assert not found.attachments or len(found.attachments[0].content) <= 2_000_000


@pytest.mark.parametrize("inner", ["mimetype", "META-INF/MANIFEST.MF"])
def test_programs_and_books_are_no_archives_of_documents(inner: str) -> None:
    with pytest.raises(UnreadableFile, match="type is unknown"):
        read_parts(Task("a.jar", []), archive((inner, b"x"), ("a.class", b"x")))
