"""The prompt of a section and of a question, the same for training and serving: named placeholders, no value."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from eval.values import find_values
from governance.errors import Language
from rag.company import GROUPS, SLOT, PhraseBook

HEAD = {"zh": "话术", "en": "Script"}
MUST = {"zh": "必说", "en": "Must say"}
OUTLINE = {"zh": "要点", "en": "Outline"}
DISPUTED = {"zh": "存在矛盾，不可引用", "en": "Disputed, do not use"}
PASSAGE = {"zh": "资料", "en": "Passage"}
QUESTION = {"zh": "问题", "en": "Question"}
_MASKS = {
    "date": "date",
    "month": "date",
    "year": "date",
    "window": "date",
    "period": "period",
    "money": "amount",
    "code": "code",
    "person": "person",
}


@dataclass(frozen=True, slots=True)
class SectionTask:
    """
    What the model is asked to word. `groups` are the given fact groups and must_… phrases, in order; `outline` holds
    one approved sentence for each planned move, in the plan's order.
    """

    language: Language
    stage: str
    section: str
    groups: tuple[str, ...]
    disputed: tuple[str, ...] = ()
    outline: tuple[str, ...] = ()


def section_task(
    phrases: PhraseBook,
    language: Language,
    stage: str,
    section: str,
    known: Collection[str],
    disputed: Collection[str] = (),
    *,
    turn: int = 0,
) -> SectionTask:
    """
    The task with the groups that this section can use, in the canonical order; training and serving both start here.

    `turn` chooses the wordings of the outline, so that two customers do not hear the same; 0 takes the plan's own.
    """
    moves = phrases.sections[section].moves
    used = {group for move in moves for group in (*move.needs, *move.unless)}
    must = tuple(f"must_{name}" for name in phrases.stages[stage].must_say.get(section, ()))
    given = tuple(group for group in GROUPS if group in used and group in known and group not in disputed) + must
    kept_out = tuple(group for group in GROUPS if group in used and group in disputed)
    planned = phrases.sections[section].planned(given)
    sayings = [move.wordings(language) for move in planned]
    outline = tuple(said[(turn + place) % len(said)] if turn else said[0] for place, said in enumerate(sayings))
    return SectionTask(language, stage, section, given, kept_out, outline)


def section_prompt(phrases: PhraseBook, task: SectionTask) -> str:
    """
    One line per given group with its label and those of its {placeholders} that the section can use, what may not be
    used, then the outline.

    What is missing or disputed has no sentence in the outline, and the right answer has none either.
    """
    colon = "：" if task.language == "zh" else ": "
    comma = "，" if task.language == "zh" else ", "
    stage, section = phrases.stages[task.stage], phrases.sections[task.section]
    carried = {slot for move in section.moves for slot in move.slots}
    lines = [HEAD[task.language] + colon + stage.name.say(task.language) + "｜" + section.title.say(task.language)]
    for group in task.groups:
        own = GROUPS.get(group, (group,))
        slots = comma.join(f"{{{slot}}}" for slot in [each for each in own if each in carried] or own)
        lines.append(_label(phrases, group, task.language) + colon + slots)
    if task.disputed:
        names = comma.join(_label(phrases, group, task.language) for group in task.disputed)
        lines.append(DISPUTED[task.language] + colon + names)
    return "\n".join([*lines, OUTLINE[task.language] + colon.rstrip(), *task.outline])


def question_prompt(language: Language, passage: str, question: str) -> str:
    """A question that is answered by a piece of `passage`; both already masked."""
    colon = "：" if language == "zh" else ": "
    return f"{PASSAGE[language]}{colon}{passage}\n{QUESTION[language]}{colon}{question}"


def mask_values(text: str) -> tuple[str, dict[str, str]]:
    """
    `text` with named placeholders for its values, and the values by name.

    Names: date1, amount1, period1, certificate1, code1, number1, person1 and so on; equal texts share one.
    """
    slots: dict[str, str] = {}
    names: dict[str, str] = {}
    counts: dict[str, int] = {}
    pieces: list[str] = []
    end = 0
    for value in find_values(text):
        if (name := names.get(value.text)) is None:
            kind = "certificate" if value.kind == "code" and "械" in value.text else _MASKS.get(value.kind, "number")
            counts[kind] = counts.get(kind, 0) + 1
            name = names[value.text] = f"{kind}{counts[kind]}"
            slots[name] = value.text
        pieces += [text[end : value.start], f"{{{name}}}"]
        end = value.end
    return "".join([*pieces, text[end:]]), slots


def fill(text: str, slots: Mapping[str, str]) -> str:
    """The placeholders that `slots` knows, filled; others stay and are seen by the caller through `unfilled`."""
    return SLOT.sub(lambda found: slots.get(found.group(1), found.group()), text)


def unfilled(text: str) -> list[str]:
    """Names of the placeholders in `text`."""
    return SLOT.findall(text)


def _label(phrases: PhraseBook, group: str, language: Language) -> str:
    if label := phrases.labels.get(group):
        return label.say(language)
    return MUST[language] if group.startswith("must_") else group


def join(language: Language, sentences: Sequence[str]) -> str:
    """Sentences as one section: Chinese without a space between them."""
    return ("" if language == "zh" else " ").join(sentences)
