"""Names of files as they came in → names that are shown and kept: no path out, no control or direction marks."""

import re
import unicodedata

LONGEST = 200
_ODD = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def plain_name(name: str) -> str:
    """The last part of the path, readable."""
    return plain_path(name.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1])


def plain_path(name: str) -> str:
    """A relative path with forward slashes; "" for one that leads out of its folder."""
    text = _ODD.sub("", unicodedata.normalize("NFC", name)).replace("\\", "/").replace("›", ">")
    parts = [part.strip() for part in text.split("/")]
    if ".." in parts:
        return ""
    kept = [part for part in parts if part not in ("", ".") and not re.fullmatch(r"[A-Za-z]:", part)]
    return _short("/".join(kept))


def leads_out(name: str) -> bool:
    """Whether a path is absolute or climbs out of its folder: no archive of documents needs that."""
    text = name.replace("\\", "/")
    return text.startswith("/") or ".." in text.split("/") or bool(re.match(r"[A-Za-z]:", text))


def _short(name: str) -> str:
    """At most 200 characters, the ending kept."""
    if len(name) <= LONGEST:
        return name
    stem, dot, ending = name.rpartition(".")
    return f"{stem[: LONGEST - len(ending) - 1]}.{ending}" if dot and len(ending) <= 10 else name[:LONGEST]
