"""What may not be trained on, and why: the gates that every sample passes, and what an admin may let through."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from governance.vault import TOKEN
from rag.company import SLOT, Bilingual, Rule
from rag.hostile import is_hostile
from sandbox.samples import Sample

Kind = Literal["hostile", "control", "purpose", "personal", "compliance", "leak"]
CONTROL = re.compile(r"<\|?/?[a-z][a-z_]*\|>|<(?:bos|eos|pad|unk|mask|s|/s|start_of_turn|end_of_turn)>|\[/?INST\]")
MASKED = re.compile(r"(?:date|period|amount|code|certificate|number|person)\d+")

REASONS: Mapping[Kind, Bilingual] = {  # in the order of their weight
    "hostile": Bilingual(zh="含有对模型的指令", en="holds instructions to the model"),
    "control": Bilingual(zh="含有控制符", en="holds a control token"),
    "purpose": Bilingual(zh="来源未允许用于训练", en="its source may not be used for training"),
    "leak": Bilingual(zh="含有未遮盖的客户数值", en="holds a customer's value in the open"),
    "personal": Bilingual(zh="仍像含有个人信息", en="still looks like personal data"),
    "compliance": Bilingual(zh="回答触犯规则", en="its answer breaks a rule"),
}
RELEASABLE = frozenset({"personal", "compliance"})  # a person can see that these are false alarms


@dataclass(frozen=True, slots=True)
class Quarantined:
    """`caught` names what was found, gravest first: a kind, for compliance with the rule ("compliance:R1")."""

    sample: Sample
    reason: Bilingual
    caught: tuple[str, ...]

    @property
    def kind(self) -> Kind:
        """The gravest."""
        return kind_of(self.caught[0])

    @property
    def resolvable(self) -> bool:
        """Whether an admin may let it through; everything can be discarded."""
        return is_resolvable(self.caught)


@dataclass(frozen=True, slots=True)
class Gates:
    """
    `hostile`: prompts from passages that instruct. `purposes`: of each passport at the moment of building.

    `breaks`: the rules that block the sample's answer. `leaks`: whether it holds a value that it should not.
    `released`: sample → what a person let through; anything else that is found in it later is caught again.
    """

    hostile: frozenset[str]
    purposes: Mapping[str, tuple[str, ...]]
    is_personal: Callable[[Sample], bool]
    breaks: Callable[[Sample], Sequence[Rule]]
    leaks: Callable[[Sample], bool]
    released: Mapping[str, frozenset[str]]

    def check(self, sample: Sample, *, spoken: bool = True) -> Quarantined | None:
        """What is found in a sample. Not `spoken`: a text that is only shown as the wrong one may break a rule."""
        kinds: list[Kind] = [kind for kind, found in self._found(sample) if found]
        rules = list(self.breaks(sample)) if spoken else []
        caught = (*kinds, *(f"compliance:{rule.id}" for rule in rules))
        if not set(caught) - self.released.get(sample.id, frozenset()):
            return None
        said = [REASONS[kind] for kind in kinds]
        said += [
            Bilingual(
                zh=f"{REASONS['compliance'].zh}：{r.message.zh}", en=f"{REASONS['compliance'].en}: {r.message.en}"
            )
            for r in rules
        ]
        reason = Bilingual(zh="；".join(s.zh for s in said), en="; ".join(s.en for s in said))
        return Quarantined(sample, reason, caught)

    def _found(self, sample: Sample) -> Sequence[tuple[Kind, bool]]:
        text = f"{sample.prompt}\n{sample.answer}"
        read = sample.kind != "section"  # sections are made of our own wordings
        foreign = sample.kind == "extractive" and not all(MASKED.fullmatch(name) for name in SLOT.findall(text))
        allowed = all("training" in self.purposes.get(passport, ()) for passport in sample.passports)
        grave: list[tuple[Kind, bool]] = [
            ("hostile", sample.prompt in self.hostile or (read and is_hostile(text))),
            ("control", bool(CONTROL.search(text) or foreign)),
            ("purpose", not (allowed and sample.passports)),
            ("leak", self.leaks(sample)),
        ]
        if any(found for _, found in grave):  # what can never be let through need not be read for names
            return grave
        return [*grave, ("personal", bool(TOKEN.search(text)) or self.is_personal(sample))]


def kind_of(caught: str) -> Kind:
    """The kind of what was caught; raises KeyError for none of ours."""
    return next(kind for kind in REASONS if kind == caught.split(":")[0])


def is_resolvable(caught: Sequence[str]) -> bool:
    """Whether all of it may be a false alarm."""
    return {kind_of(each) for each in caught} <= RELEASABLE
