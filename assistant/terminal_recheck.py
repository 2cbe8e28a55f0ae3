"""What `python -m assistant recheck` prints: the live scripts that the rules in force would stop, with the article."""

import sys

from assistant.comply_recheck import Rechecked, recheck
from assistant.parts import open_parts
from governance.errors import Language
from governance.settings import Settings


def run_recheck(settings: Settings, language: Language, *, force: bool = False) -> int:
    """0: nothing is stopped; 3: some script is."""
    parts = open_parts(settings)
    found = recheck(parts.db, parts.vault, parts.company, force=force)
    sys.stdout.write("\n".join([*lines(found, language), ""]))
    return 3 if any(each.is_stopped for each in found or ()) else 0


def lines(found: list[Rechecked] | None, language: Language) -> list[str]:
    """One line for each finding that is new or gone."""
    zh = language == "zh"
    if found is None:
        return [
            "规则和日期自上次检查以来未变；加 --force 可再查。"
            if zh
            else "Neither the rules nor the day changed; --force checks again."
        ]
    said: list[str] = []
    for each in found:
        state = ("已停用" if zh else "stopped") if each.is_stopped else ("有变化" if zh else "changed")
        said.append(f"{each.script}  {each.status}  {state}")
        said += [f"  + [{f.severity}] {f.rule}: “{f.quoted}” {f.article} ({f.version})" for f in each.new]
        said += [f"  - [{f.severity}] {f.rule}: “{f.quoted}”" for f in each.gone]
    stopped = sum(each.is_stopped for each in found)
    total = (
        f"{len(found)} 份话术结果有变化，其中 {stopped} 份停用。"
        if zh
        else f"{len(found)} scripts changed, {stopped} stopped."
    )
    return [*said, total]
