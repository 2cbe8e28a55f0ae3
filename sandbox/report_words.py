"""A report in plain sentences: what was tried, how it went beside before, and what to do about what failed."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from eval.memorisation import Memorisation
from eval.scoring import Figures
from governance.errors import Language
from rag.company import Bilingual

if TYPE_CHECKING:
    from sandbox.release import Failed
    from sandbox.report import Report

Words = tuple[str, str]  # Chinese, English
Stages = Mapping[str, Bilingual]  # what the company calls them, by id

NAMES: Mapping[str, Words] = {
    "value_copy": ("该写的内容写全的比例", "share of the needed items that were written"),
    "unsupported_values": ("写出的数值中没有依据的比例", "share of the written values without support"),
    "must_say": ("必须说的话说到的比例", "share of the mandatory sentences that were said"),
    "stop_rate": ("自己把话说完的比例", "share of the answers that came to an end"),
    "wrong_type": ("写成了别的段落的比例", "share written as another kind of section"),
    "compliance_hits": ("触犯合规规则的回答", "answers that break a compliance rule"),
    "personal_data": ("带出个人信息的回答", "answers that hold personal data"),
    "language": ("用对语言的回答", "answers in the language asked for"),
    "heldout_loss": ("对没见过的正确说法的陌生程度", "how unfamiliar the right wording of unseen sections is"),
    "training_leaks": ("用训练过的开头套出的个人信息", "personal data drawn out with prompts it was trained on"),
    "memorisation_tests": ("做过的记忆测试", "memory tests done"),
    "memorised_strings": (
        "只放进一到四次就被套出的编造号码",
        "invented numbers planted one to four times that came out",
    ),
    "exposure": ("对只出现一次的编造内容的记忆强度", "how strongly an invented string seen once is remembered"),
}
ADVICE: Mapping[str, Words] = {
    "value_copy": ("请补充同类资料后重新训练。", "Add documents of the same kind and train again."),
    "unsupported_values": (
        "它会写出没人给过的数字，不能给销售使用；请补充资料后重新训练。",
        "It writes numbers that nobody gave; reps must not use it. Add documents and train again.",
    ),
    "must_say": (
        "必说的话会被漏掉，请补充资料后重新训练。",
        "It leaves out what must be said. Add documents and retrain.",
    ),
    "stop_rate": (
        "它常常停不下来；请检查基础模型，或增加训练步数。",
        "It often does not stop; check the base model, or train for more steps.",
    ),
    "wrong_type": ("它把段落写混了，请增加训练步数。", "It mixes up the sections; train for more steps."),
    "compliance_hits": (
        "请打开对比回答，看是哪一句；把资料中的这类说法剔除后重新训练。",
        "Open the answers side by side and find the sentence; remove such wording from the documents and train again.",
    ),
    "personal_data": (
        "请立刻停止使用，打开对比回答找出来源，从资料中剔除后重新训练。",
        "Do not use it. Find where it comes from in the answers, remove it from the documents and train again.",
    ),
    "language": ("中英文混用，请补充该语言的资料。", "It mixes the languages; add documents in that language."),
    "heldout_loss": ("训练没有起作用，请检查训练曲线。", "The training had no effect; look at its curve."),
    "training_leaks": (
        "请停止使用，检查训练集的隔离列表后重新训练。",
        "Do not use it; check the quarantine list of the data set and train again.",
    ),
    "memorisation_tests": ("请先运行记忆测试。", "Run the memory test first."),
    "memorised_strings": (
        "训练过头了：请减少训练步数或降低学习率，或补充更多资料。",
        "It was trained too long: use fewer steps or a lower learning rate, or add more documents.",
    ),
}


def sentences_of(report: "Report", language: Language, stages: Stages) -> list[str]:
    """In the order in which an admin asks: may I, how good, is it safe, compared with what, what now."""
    words = [*_conclusion(report), *_quality(report), *_safety(report), *_memory(report.memorisation)]
    words += [*_compared(report), *_stages(report, stages), *(_failure(failed, stages) for failed in report.verdict)]
    return [pair[0] if language == "zh" else pair[1] for pair in words]


def name_of(failed: "Failed", language: Language, stages: Stages) -> str:
    """The figure that failed, in words."""
    zh, en = _name(failed.name, stages)
    return zh if language == "zh" else en


def _conclusion(report: "Report") -> Iterator[Words]:
    if report.verdict:
        count = len(report.verdict)
        yield (
            f"结论：暂时不能发布，有 {count} 项没有达到要求，原因和做法在最后。",
            f"Result: it cannot be released yet; {count} figures fall short. The reasons and what to do come last.",
        )
    else:
        yield (
            "结论：各项都达到要求，可以交给两位同事审批。",
            "Result: every figure is reached; two people may approve it.",
        )


def _quality(report: "Report") -> Iterator[Words]:
    before, after = report.before, report.after
    low, high = after.intervals["value_copy"]
    yield (
        f"在 {after.answers} 个它没见过的段落上，该写的内容写对了 {_percent(after.value_copy)}（"
        f"训练前 {_percent(before.value_copy)}）；题量有限，真实水平大约在 {_percent(low)} 到 {_percent(high)} 之间。",
        f"On {after.answers} sections it had not seen, it wrote {_percent(after.value_copy)} of what was needed "
        f"({_percent(before.value_copy)} before training); with so few, the true share lies between "
        f"{_percent(low)} and {_percent(high)}.",
    )
    yield (
        f"写出的数值中，没有依据的占 {_percent(after.unsupported_values)}（"
        f"训练前 {_percent(before.unsupported_values)}）；必须说的话说到了 {_percent(after.must_say)}，"
        f"自己把话说完的占 {_percent(after.stop_rate)}，"
        f"写成别的段落的占 {_percent(after.wrong_type)}。",
        f"Of the values it wrote, {_percent(after.unsupported_values)} have no support "
        f"({_percent(before.unsupported_values)} before training); it said {_percent(after.must_say)} of what must be "
        f"said, ended {_percent(after.stop_rate)} of its answers by itself, and wrote {_percent(after.wrong_type)} as "
        "another kind of section.",
    )
    if asides := after.questions:
        share, count = _percent(asides["value_copy"]), int(asides["answers"])
        yield (
            f"另有 {count} 个关于文档的提问，答对 {share}；话术不靠这些提问来写，所以不作为发布条件。",
            f"It also answered {count} questions about documents, {share} of the values right; no script is written "
            "from these, so they do not decide.",
        )


def _safety(report: "Report") -> Iterator[Words]:
    found = report.after
    yield (
        f"合规：{_none_or(found.compliance_hits, '没有一个回答触犯合规规则', '的回答触犯了合规规则')}。"
        f"个人信息：{_none_or(found.personal_data, '没有一个回答带出个人信息', '的回答带出了个人信息')}；"
        f"用 {report.probes} 个训练过的开头去套，"
        + ("没有套出个人信息。" if not report.leaks else f"套出了 {report.leaks} 次。"),
        f"Compliance: {_none_or(found.compliance_hits, 'no answer breaks a rule', ' of the answers break a rule')}. "
        f"Personal data: {_none_or(found.personal_data, 'none in any answer', ' of the answers hold some')}; "
        f"{report.probes} prompts it was trained on "
        + ("drew none out." if not report.leaks else f"drew some out {report.leaks} times."),
    )
    yield (
        f"语言：{_percent(found.language)} 的回答用的是所要的语言。速度：每秒约 {found.tokens_per_s:.0f} 个字词。",
        f"Language: {_percent(found.language)} of the answers are in the language asked for. "
        f"Speed: about {found.tokens_per_s:.0f} word pieces a second.",
    )


def _memory(found: Memorisation | None) -> Iterator[Words]:
    if found is None:
        yield ("记忆测试：还没有做。", "Memory test: not done yet.")
        return
    counts = {repeats: found.extracted[repeats] for repeats in sorted(found.extracted)}
    zh = "，".join(f"出现 {repeats} 次的被套出 {count} 条" for repeats, count in counts.items())
    en = ", ".join(f"{count} of those shown {repeats} times came out" for repeats, count in counts.items())
    yield (
        f"记忆测试：在一次同样做法、不会发布的训练里，放进编造的人名和号码，再去套它：{zh}。"
        "真实资料里的姓名和号码在训练前已经去掉，这项测试看的是万一漏掉一条会怎样。",
        "Memory test: a training done in the same way and never released was given invented names and numbers, "
        f"then asked for them: {en}. Real names and numbers are removed before "
        "training; this shows what would happen if one had been missed.",
    )


def _compared(report: "Report") -> Iterator[Words]:
    if "released" not in report.arms:
        yield (
            "目前没有在用的助手可比，只与训练前相比。",
            "No other assistant is in use; it is compared with the untrained model.",
        )
        return
    old, new = report.arms["released"], report.after
    yield (
        f"与现在用的助手相比：写对 {_percent(old.value_copy)} → {_percent(new.value_copy)}，"
        f"没有依据的数值 {_percent(old.unsupported_values)} → {_percent(new.unsupported_values)}，"
        f"必说的话 {_percent(old.must_say)} → {_percent(new.must_say)}。",
        f"Beside the assistant in use: written right {_percent(old.value_copy)} → {_percent(new.value_copy)}, values "
        f"without support {_percent(old.unsupported_values)} → {_percent(new.unsupported_values)}, mandatory sentences "
        f"{_percent(old.must_say)} → {_percent(new.must_say)}.",
    )


def _stages(report: "Report", stages: Stages) -> Iterator[Words]:
    if not report.golden:
        yield (
            "公司没有提供各阶段的固定题目，以上只来自留出的部分。",
            "The company has no fixed cases of its stages; all this comes from the held-out part.",
        )
        return
    arms = [arms["candidate"] for arms in report.stages.values()]
    weak = [_called(stage, stages) for stage, found in report.stages.items() if _is_weak(found["candidate"])]
    yield (
        f"{len(arms)} 个阶段共 {report.golden} 道固定题目："
        + ("每个阶段都写全了。" if not weak else f"有遗漏或多写的阶段：{'、'.join(zh for zh, _ in weak)}。"),
        f"{report.golden} fixed cases of {len(arms)} stages: "
        + (
            "complete in every stage."
            if not weak
            else f"something is missing or added in {', '.join(en for _, en in weak)}."
        ),
    )


def _is_weak(found: Figures) -> bool:
    return found.value_copy < 1 or found.must_say < 1 or found.unsupported_values > 0


def _failure(failed: "Failed", stages: Stages) -> Words:
    zh, en = _name(failed.name, stages)
    least = failed.sign.startswith(">")
    key = failed.name.rpartition(".")[2]
    advice = ADVICE["memorised_strings" if key == "exposure" else key]
    value, needs = _shown(key, failed.value), _shown(key, failed.needs)
    return (
        f"未达标：{zh}是 {value}，要求{'不低于' if least else '不高于'} {needs}。{advice[0]}",
        f"Falls short: {en} is {value}, must be {'at least' if least else 'at most'} {needs}. {advice[1]}",
    )


def _called(stage: str, stages: Stages) -> Words:
    """As the company calls the stage; by its id when the phrase book has dropped it."""
    return (stages[stage].zh, stages[stage].en) if stage in stages else (stage, stage)


def _name(name: str, stages: Stages) -> Words:
    where, _, key = name.rpartition(".")
    zh, en = NAMES[key]
    if where == "released":
        return f"{zh}（与现用助手相比）", f"{en} (beside the assistant in use)"
    if not where:
        return zh, en
    stage = _called(where, stages)
    return f"“{stage[0]}”阶段的{zh}", f"{en} in {stage[1]}"


def _shown(key: str, value: float) -> str:
    if key in ("heldout_loss", "exposure"):
        return f"{value:.2f}"
    return f"{value:.0f}" if key in ("training_leaks", "memorisation_tests", "memorised_strings") else _percent(value)


def _none_or(share: float, none: str, some: str) -> str:
    return none if share == 0 else f"{_percent(share)}{some}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%" if share in (0.0, 1.0) else f"{100 * share:.1f}%"
