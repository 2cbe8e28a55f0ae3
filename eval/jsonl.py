"""Reading the JSON Lines of a suite's data folder; what is wrong is said with file and line, in both languages."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

KINDS: Mapping[type, tuple[str, str]] = {
    str: ("文字", "text"),
    int: ("整数", "a whole number"),
    bool: ("true 或 false", "true or false"),
    list: ("列表", "a list"),
    dict: ("对象", "an object"),
}


class BadData(ValueError):
    """A suite's data cannot be used; `zh` and `en` say where and why."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh, self.en = zh, en


def read_lines(path: Path, fields: Mapping[str, type]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number (from 1) and object of every line that is not blank; each object has `fields` of these types."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as missing:
        raise BadData(
            f"找不到文件 {path.name}，格式见 docs/eval.md", f"{path.name} is missing, see docs/eval.md"
        ) from missing
    except (OSError, UnicodeDecodeError) as broken:
        raise BadData(f"无法读取 {path.name}，应为 UTF-8 文本", f"{path.name} is not readable UTF-8 text") from broken
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield number, _object(path.name, number, line, fields)


def at(name: str, line: int, zh: str, en: str) -> BadData:
    """An error in line `line` of file `name`."""
    return BadData(f"{name} 第 {line} 行：{zh}", f"{name}, line {line}: {en}")


def _object(name: str, number: int, line: str, fields: Mapping[str, type]) -> dict[str, Any]:
    try:
        loaded: Any = json.loads(line)
    except json.JSONDecodeError as broken:
        raise at(name, number, f"不是有效的 JSON（{broken.msg}）", f"not valid JSON ({broken.msg})") from broken
    if not isinstance(loaded, dict):
        raise at(name, number, "应为一个 JSON 对象", "a JSON object is expected")
    found = cast(dict[str, Any], loaded)
    for field, kind in fields.items():
        if field not in found:
            raise at(name, number, f"缺少字段 {field}", f"the field {field} is missing")
        if not isinstance(found[field], kind) or (kind is int and isinstance(found[field], bool)):
            zh, en = KINDS[kind]
            raise at(name, number, f"字段 {field} 应为{zh}", f"the field {field} must be {en}")
    return found
