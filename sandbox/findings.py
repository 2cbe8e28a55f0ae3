"""What a pre-flight finds wrong with a training set: which row, what it is, and what to do about it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from governance.errors import Invalid, Language
from rag.company import Bilingual

Part = Literal["train", "heldout", ""]
Kind = Literal[
    "empty",
    "no_heldout",
    "masked",
    "stop",
    "roles",
    "enormous",
    "overlong",
    "control",
    "garbled",
    "split",
    "template",
    "base",
    "tampered",
    "disk",
    "unreadable",
]
SHOWN = 5  # rows of a kind that are listed; the others are counted
EXCERPT = 60

TITLES: Mapping[Kind, Bilingual] = {
    "empty": Bilingual(zh="训练集为空", en="the training set is empty"),
    "no_heldout": Bilingual(zh="没有留出样本", en="nothing is held out"),
    "masked": Bilingual(zh="没有可学的内容", en="nothing to learn"),
    "stop": Bilingual(zh="缺少结束符", en="missing stop token"),
    "roles": Bilingual(zh="角色顺序错误", en="wrong roles"),
    "enormous": Bilingual(zh="样本过大", en="enormous row"),
    "overlong": Bilingual(zh="样本过长", en="rows too long"),
    "control": Bilingual(zh="文字中有控制符", en="control token inside a text"),
    "garbled": Bilingual(zh="乱码", en="garbled text"),
    "split": Bilingual(zh="训练与留出重复", en="same row on both sides"),
    "template": Bilingual(zh="训练与服务不一致", en="training and serving differ"),
    "base": Bilingual(zh="基础模型不符", en="another base model"),
    "tampered": Bilingual(zh="训练集被改动", en="data set altered"),
    "disk": Bilingual(zh="磁盘空间不足", en="disk too small"),
    "unreadable": Bilingual(zh="无法读取", en="not readable"),
}


PARTS: Mapping[Part, Bilingual] = {
    "train": Bilingual(zh="训练集", en="training row"),
    "heldout": Bilingual(zh="留出集", en="held-out row"),
    "": Bilingual(zh="文件", en="row"),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """`row` counts from 1; None when it is about the whole set. The reason says what to do."""

    kind: Kind
    reason: Bilingual
    part: Part = ""
    row: int | None = None
    excerpt: str = ""

    def say(self, language: Language) -> str:
        """One line."""
        zh, title = language == "zh", TITLES[self.kind].say(language)
        reason = self.reason.say(language)
        if self.row is None:
            return f"{title}：{reason}" if zh else f"{title}: {reason}"
        part = PARTS[self.part].say(language)
        if zh:
            return f"{title}：{part}第 {self.row} 行“{self.excerpt}”，{reason}"
        return f"{title}: {part} {self.row} '{self.excerpt}', {reason}"


class Findings:
    """All that was found; of each kind the first rows, the rest counted."""

    def __init__(self) -> None:
        self._kept: list[Finding] = []
        self.counts: Counter[Kind] = Counter()

    def add(self, found: Iterable[Finding]) -> None:
        for finding in found:
            self.counts[finding.kind] += 1
            if self.counts[finding.kind] <= SHOWN:
                self._kept.append(finding)

    @property
    def listed(self) -> Sequence[Finding]:
        """Kind by kind, in the order in which they were found."""
        kinds = list(dict.fromkeys(finding.kind for finding in self._kept))
        return sorted(self._kept, key=lambda finding: kinds.index(finding.kind))

    def lines(self, language: Language) -> list[str]:
        """One line a finding, and how many more there are."""
        said: list[str] = []
        for kind, count in self.counts.items():
            said += [finding.say(language) for finding in self._kept if finding.kind == kind]
            if (more := count - SHOWN) > 0:
                title = TITLES[kind].say(language)
                said.append(f"{title}：另有 {more} 处" if language == "zh" else f"{title}: {more} more")
        return said

    def refuse(self) -> None:
        """Raises Invalid with all of it; does nothing when nothing was found."""
        if self._kept:
            zh, en = "\n".join(self.lines("zh")), "\n".join(self.lines("en"))
            raise Invalid(
                reason={"zh": f"训练集不可用。{zh}", "en": f"the training set cannot be used: {en}"},
                kinds=tuple(self.counts),
            )


def excerpt(text: str, at: int = 0) -> str:
    """At most 60 characters around a place, on one line, with nothing in it that a terminal or a file chokes on."""
    part = text[max(0, at - EXCERPT // 3) :][:EXCERPT]
    return "".join(each if each.isprintable() and not "\ud800" <= each <= "\udfff" else "\ufffd" for each in part)
