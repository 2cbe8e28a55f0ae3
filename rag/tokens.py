"""Texts → tokens for BM25: jieba for Chinese, model numbers whole and split."""

import logging
import os
import re
import tempfile
import zlib
from functools import cache
from typing import Any

from governance.errors import Language
from governance.identifiers import HALF_WIDTH

LATIN = re.compile(r"[A-Za-z0-9]+(?:[-./][A-Za-z0-9]+)*")
HAN = re.compile(r"[\u4e00-\u9fff]+")
_ENGLISH_STOP_WORDS = frozenset(
    ["the", "a", "an", "of", "and", "for", "to", "in", "is", "on", "by", "with", "at", "or"]
) | {"be", "we", "do", "how", "will", "what", "which", "when", "does", "are", "it", "its", "this", "that", "from", "as"}
_CHINESE_STOP_WORDS = frozenset("的了和是在有")
_WORD = re.compile(r"[\u4e00-\u9fff]+|[A-Za-z0-9]+(?:[-./'][A-Za-z0-9]+)*|[^\W_]+")


@cache
def _segmenter() -> Any:
    """jieba with its cache in a folder of this user alone: the shared default could be planted by another user."""
    import jieba

    jieba.setLogLevel(logging.CRITICAL)
    segmenter: Any = jieba.Tokenizer()
    segmenter.tmp_dir = _private_folder()
    segmenter.initialize()
    return segmenter


def _private_folder() -> str:
    """Ours, mode 0700, kept between runs where the user has a cache folder; else one for this process."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = os.path.join(home, "xinyan")
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if os.stat(folder).st_uid == os.getuid() and os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    return tempfile.mkdtemp(prefix="xinyan-")


def latin_tokens(text: str) -> list[str]:
    """Model numbers whole and split: HX-BA800 → hx-ba800, hx, ba800."""
    tokens: list[str] = []
    for match in LATIN.finditer(text.translate(HALF_WIDTH)):
        word = match.group().lower()
        if word not in _ENGLISH_STOP_WORDS:
            parts = re.split(r"[-./]", word)
            tokens += [word, *parts] if len(parts) > 1 else [word]
    return tokens


def tokens_of(text: str) -> list[str]:
    """Latin tokens, then Chinese words and their parts."""
    words = (word for run in HAN.findall(text) for word in _segmenter().cut_for_search(run))
    return latin_tokens(text) + [word for word in words if word not in _CHINESE_STOP_WORDS]


def token_id(token: str) -> int:
    """Stable across processes (hash() is salted). 31 bits: a collision is possible and harmless."""
    return zlib.crc32(token.encode()) & 0x7FFFFFFF


def words_of(text: str) -> list[str]:
    """Every word of any language in its order, Chinese segmented."""
    runs = (match.group() for match in _WORD.finditer(text))
    return [word for run in runs for word in (_segmenter().cut(run) if HAN.match(run) else [run])]


def language_of_question(text: str) -> Language:
    """A question without any Chinese character is English."""
    return "zh" if HAN.search(text) else "en"
