"""Bytes → text: UTF-8 with or without BOM, UTF-16 with BOM, GB18030, and files that mix lines of both."""

import codecs

REPLACED = "\ufffd"  # stands where no encoding fitted


def decode(content: bytes) -> str:
    """Never fails; what fits neither encoding comes back as U+FFFD. Line ends become a newline."""
    return _decode(content).replace("\r\n", "\n").replace("\r", "\n")


def _decode(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        lines = content.removeprefix(codecs.BOM_UTF8).split(b"\n")  # no GB18030 character holds the byte 0x0A
        return "\n".join(decode_line(line) for line in lines)


def decode_line(line: bytes) -> str:
    """One line of a file that mixes encodings."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("gb18030", errors="replace")
    # two bytes of GB18030 may by chance be a letter of UTF-8 below U+0800; Chinese in UTF-8 lies above
    unlikely = any("\x80" <= letter < "\u0800" and letter not in "·×÷±°§" for letter in text)
    return line.decode("gb18030", errors="replace") if unlikely else text
