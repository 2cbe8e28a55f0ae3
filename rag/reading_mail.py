"""Mail (.eml) → blocks: who wrote to whom, the newest message without what it quotes; and the files attached."""

import email
import re
from collections.abc import Iterator
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.policy import default
from email.utils import parsedate_to_datetime
from typing import cast

from selectolax.lexbor import LexborHTMLParser

from rag.blocks import Block, Outline, clean
from rag.decoding import decode
from rag.intake import Attachment, Task, within
from rag.names import plain_name
from rag.reading_html import read_html

MOST_ATTACHMENTS = 100
_HEADERS = re.compile(
    rb"\A(?:\xef\xbb\xbf|\s)*(?:From [^\n]+\n)?(?:[A-Za-z][A-Za-z0-9-]{1,40}:[^\n]*\n(?:[ \t][^\n]*\n)*){2,}"
)
_NEEDED = re.compile(rb"^(?:date|subject|message-id|mime-version|received|to):", re.IGNORECASE | re.MULTILINE)
_FROM = re.compile(rb"^from:", re.IGNORECASE | re.MULTILINE)
_QUOTED = re.compile(
    r"^\s*(?:-{2,}\s*(?:original message|forwarded message|原始邮件|原邮件|转发邮件|转发的邮件)\s*-{2,}.*"
    r"|_{10,}|on .{6,120} wrote:|在?.{6,80}(?:写道|来信)\s*[:：]"
    r"|(?:发件人|寄件者|from)\s*[:：].{1,200}\n\s*(?:发送时间|时间|日期|收件人|sent|date|to)\s*[:：].*)\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_QUOTES = (
    "blockquote, .gmail_quote, #appendonsend, #divRplyFwdMsg, #divRplyFwdMsg ~ *, .moz-cite-prefix, #isReplyContent"
)
_SHOWN = (("from", "发件人", "From"), ("to", "收件人", "To"), ("cc", "抄送", "Cc"))


def is_mail(content: bytes) -> bool:
    """Whether the bytes begin with the headers of a mail: From and one more that mails have."""
    match = _HEADERS.match(content[:65_536].replace(b"\r\n", b"\n"))
    return bool(match and _FROM.search(match[0]) and _NEEDED.search(match[0]))


def read_mail(content: bytes, task: Task) -> list[Block]:
    """Subject as heading, the addresses and the day, the body without the history that it quotes."""
    message = email.message_from_bytes(content, policy=default)
    subject = _header(message, "subject") or ""
    outline, blocks = Outline(), list[Block]()
    if subject:
        outline.enter(1, subject)
        blocks.append(Block("heading", subject, heading=outline.path))
    body = list(_body(message, task, outline.path))
    chinese = re.search(r"[\u4e00-\u9fff]", subject + "".join(block.text for block in body))
    lines = [
        f"{zh}：{value}" if chinese else f"{en}: {value}" for key, zh, en in _SHOWN if (value := _header(message, key))
    ]
    if day := _day(message):
        lines.append(f"日期：{day}" if chinese else f"Date: {day}")
    if lines:
        blocks.append(Block("text", "\n".join(lines), heading=outline.path))
    _attachments(message, task)
    return [*blocks, *body]


def _header(message: Message, name: str) -> str:
    raw = str(message.get(name, ""))
    try:
        return clean(str(make_header(decode_header(raw)))).replace("\n", " ")[:500]
    except (LookupError, ValueError):
        return clean(raw).replace("\n", " ")[:500]


def _day(message: Message) -> str:
    try:
        return parsedate_to_datetime(str(message.get("date", ""))).strftime("%Y-%m-%d %H:%M")
    except (TypeError, ValueError, IndexError):
        return ""


def _body(message: EmailMessage, task: Task, heading: str) -> Iterator[Block]:
    part = message.get_body(("plain", "html"))
    if part is None:
        return
    text = _text(part)
    if part.get_content_type() == "text/html":
        for block in read_html(_own_html(text), task.labels):
            path = " › ".join(filter(None, [heading, block.heading]))
            yield Block(block.kind, block.text, None, block.row, path)
        return
    for paragraph in re.split(r"\n\s*\n", _own(text)):
        if words := clean(paragraph):
            yield Block("text", words, heading=heading)


def _text(part: Message) -> str:
    raw = cast(bytes, part.get_payload(decode=True) or b"")
    charset = part.get_content_charset() or ""
    if charset.lower() in ("gb2312", "gbk", "gb18030"):
        return raw.decode("gb18030", errors="replace").replace("\r\n", "\n")
    try:
        return raw.decode(charset or "utf-8").replace("\r\n", "\n")
    except (LookupError, UnicodeDecodeError):
        return decode(raw)


def _own(text: str) -> str:
    """Without the messages below; a mail that only forwards keeps what it forwards."""
    lines = [line for line in text.split("\n") if not line.startswith(">")]
    kept = "\n".join(lines)
    quoted = _QUOTED.search(kept)
    own = kept[: quoted.start()] if quoted else kept
    return own if own.strip() else text


def _own_html(text: str) -> str:
    tree = LexborHTMLParser(text)
    for node in tree.css(_QUOTES):
        node.decompose()
    rest = tree.body.text() if tree.body else ""
    return (tree.html or "") if rest.strip() else text


def _attachments(message: EmailMessage, task: Task) -> None:
    for number, part in enumerate(_files(message), start=1):
        if number > MOST_ATTACHMENTS:
            return
        inner = plain_name(part.get_filename() or "") or f"{number}"
        if part.get_content_type() == "message/rfc822":
            payload = part.get_payload()
            content = cast(list[Message], payload)[0].as_bytes() if isinstance(payload, list) and payload else b""
            inner = inner if "." in inner else f"{inner}.eml"
        else:
            content = cast(bytes, part.get_payload(decode=True) or b"")
        if content:
            task.attachments.append(Attachment(within(task.name, inner), content))


def _files(message: EmailMessage) -> Iterator[Message]:
    """The parts that are files; a signature's inline picture is none."""
    for part in message.iter_attachments():
        kind = part.get_content_maintype()
        if part.get_content_disposition() == "inline" and kind == "image":
            continue
        if part.is_multipart() and part.get_content_type() != "message/rfc822":
            yield from _files(part)
        elif part.get_filename() or part.get_content_type() == "message/rfc822":
            yield part
