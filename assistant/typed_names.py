"""What a person typed, before it is stored: people of the records become tokens, anything else personal is refused."""

import re
from collections.abc import Callable, Collection, Mapping
from difflib import SequenceMatcher

from governance.errors import Refused
from governance.pseudonyms import NAME_FIELDS, TOKEN
from governance.redact import Redactor
from governance.vault import Vault

_WORDS = re.compile(r"[^\W_]")
_MASK = 0xE000  # private characters stand for what may be named


def without_names(
    text: str, before: str, own: Collection[str], redactor: Callable[[], Redactor], vault: Vault
) -> tuple[str, Mapping[str, str]]:
    """
    `text` with a token for everybody whom exactly one person of the records can be, and token → what was typed.

    `before`: what stood there and has been checked; `own`: the caller's name, companies and products, which may be
    named. Raises Refused for a name that nobody or several bear, and for telephone numbers and the like.
    """
    if not _WORDS.search(_added(before, text)):
        return text, {}
    kept = sorted({each for each in own if each}, key=lambda each: -len(each))[: 0xF8FF - _MASK]
    masked = text
    for at, each in enumerate(kept):
        masked = masked.replace(each, chr(_MASK + at))
    finder, typed = redactor(), dict[str, str]()
    for span in reversed(finder.residue(masked)):
        value = masked[span.start : span.end]
        if value in TOKEN.sub("\n", before):
            continue
        found, unknown = finder.tokenise(value, scope="typed", vault=vault) if span.known else (value, {value: {}})
        match = TOKEN.fullmatch(found)
        if unknown or match is None or match[2] not in NAME_FIELDS:
            raise _refused(_unmasked(value, kept), span.entity, known=bool(span.known))
        typed[found] = value
        masked = masked[: span.start] + found + masked[span.end :]
    return _unmasked(masked, kept), typed


def _added(before: str, text: str) -> str:
    """What the new text holds that the old one did not."""
    old, new = TOKEN.sub("\n", before), TOKEN.sub("\n", text)
    changes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return "".join(new[start:end] for kind, _, _, start, end in changes if kind in ("insert", "replace"))


def _unmasked(text: str, kept: Collection[str]) -> str:
    for at, each in enumerate(kept):
        text = text.replace(chr(_MASK + at), each)
    return text


def _refused(value: str, entity: str, *, known: bool) -> Refused:
    if entity != "PERSON":
        return Refused(
            reason={
                "zh": f"话术里不能写个人信息“{value}”（电话、微信、地址等）",
                "en": f"no personal detail such as '{value}' (phone, WeChat, address) may stand in a script",
            }
        )
    if known:
        return Refused(
            reason={
                "zh": f"“{value}”不止一人，请只写职务",
                "en": f"'{value}' may be several people: name the post instead",
            }
        )
    return Refused(
        reason={
            "zh": f"“{value}”不是客户记录中的姓名：请写记录中的全名，或只写职务",
            "en": f"'{value}' is no name in the records: write the full name as recorded, or the post alone",
        }
    )
