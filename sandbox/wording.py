"""Text that would teach nonsense: encodings mixed up, control characters, rows that are whole documents."""

import re

LONGEST = 100_000  # characters of a prompt or an answer; a sample has a few hundred

_NEXT = "[\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"  # a byte 80 to BF as Latin-1 or Windows-1252 show it
GARBLED = re.compile(
    "|".join(
        (
            "\ufffd",  # what a decoder writes where it gave up
            "[\ud800-\udfff]",  # half a character
            "[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f]",  # not for the eye: binary data, or UTF-8 read as Latin-1
            "锟斤拷|烫烫烫|屯屯屯|ï¿½",
            "â€[™œ˜¦“”•\u009c\u009d]",  # UTF-8 quotation marks read as Windows-1252
            f"(?:[ÂÃ]{_NEXT}){{2}}|Ã[©¨¤¶¼ŸŠ§±¡³º]",  # UTF-8 accents
            f"(?:[ã-éï]{_NEXT}{{2}}){{2}}",  # UTF-8 Chinese
        )
    )
)
_TWICE = re.compile(rb"(?:[\xe3-\xe9\xef][\x80-\xbf]{2}){3}")
_PAIRS = re.compile("(?:[°-÷][¡-þ]){4,}")  # GBK Chinese read as Latin-1; "××××××××" is none
_WIDE = re.compile(r"[^\x00-\x7f]{4,}")


def garbled_at(text: str) -> int | None:
    """Where a text is garbled: replacement characters, half characters, or one encoding read as another."""
    if (found := GARBLED.search(text)) is not None:
        return found.start()
    for run in _PAIRS.finditer(text):
        if len(set(run.group())) > 4:
            return run.start()
    for run in _WIDE.finditer(text):
        # UTF-8 read as GBK: its bytes, taken as UTF-8 again, are Chinese. Common characters do not have such bytes.
        raw = run.group().encode("gb18030", "replace")
        if any(hit.start() % 2 == 0 for hit in _TWICE.finditer(raw)):
            return run.start()
    return None
