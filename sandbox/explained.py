"""The fields of a recipe in the user's words: what each does, and when to change it."""

from collections.abc import Mapping
from dataclasses import dataclass

from rag.company import Bilingual


@dataclass(frozen=True, slots=True)
class Explained:
    """A name that needs no machine learning, and two or three sentences."""

    title: Bilingual
    text: Bilingual


def _say(zh: str, en: str, text_zh: str, text_en: str) -> Explained:
    return Explained(Bilingual(zh=zh, en=en), Bilingual(zh=text_zh, en=text_en))


EXPLAINED: Mapping[str, Explained] = {
    "steps": _say(
        "学习次数",
        "Learning steps",
        "模型一共调整多少次。太少学不会，太多会死记硬背。留出样本的曲线还在明显下降时可以加大，已经上升时应减小。",
        "How many times the model is adjusted. Too few and it does not learn, too many and it learns by heart. "
        "Raise it while the held-out curve still falls clearly, lower it once that curve rises.",
    ),
    "rows_per_step": _say(
        "每次学习的样本数",
        "Samples per step",
        "每次调整前看多少条样本。多则更平稳也更慢；超过 31 条时这种训练方式效果会变差。一般不用改。",
        "How many samples are read before each adjustment. More is steadier and slower; from 32 on this way of "
        "training learns worse. Rarely needs a change.",
    ),
    "learning_rate": _say(
        "学习速度",
        "Learning speed",
        "每次调整的幅度。损失忽上忽下或训练“发散”时减半；曲线几乎不动时加倍。",
        "How far each adjustment goes. Halve it when the loss jumps about or the training diverges; double it when "
        "the curve hardly moves.",
    ),
    "warmup": _say(
        "预热次数",
        "Warm-up steps",
        "开头若干次用较小的幅度，避免一开始就走偏。开头几步损失突然升高时加大。",
        "The first steps are smaller, so that the training does not go astray at once. Raise it when the loss jumps "
        "up within the first steps.",
    ),
    "rank": _say(
        "可学内容的容量",
        "Capacity",
        "适配器能记住多少新内容。资料很多（五千条以上）而曲线早早停住时加大；更大的容量更占内存和磁盘。",
        "How much new material the adapter can hold. Raise it when there is a lot of data (above five thousand "
        "samples) and the curve stops early; more takes more memory and disk.",
    ),
    "alpha": _say(
        "适配器的力度",
        "Strength",
        "适配器对基础模型影响的大小。改变容量时也不必改它；只有在专家建议下才调整。",
        "How strongly the adapter acts on the base model. It need not follow the capacity; change it only on an "
        "expert's advice.",
    ),
    "max_tokens": _say(
        "单条样本的长度上限",
        "Longest sample",
        "以词元计（一个词元约一两个汉字）。更长的样本不参加训练并会被列出。被列出的样本很多时加大，需要更多内存。",
        "In tokens (about one or two Chinese characters, or three quarters of an English word). Longer samples are "
        "left out and listed. Raise it when many are listed; it takes more memory.",
    ),
    "clip": _say(
        "单次调整的上限",
        "Limit of an adjustment",
        "防止个别异常样本把模型带偏。看板上的“梯度”经常远大于此值时，请先检查资料，而不是改它。",
        "Keeps single odd samples from pulling the model away. When the gradient on the board is often far above it, "
        "look at the data first instead of changing this.",
    ),
    "seed": _say(
        "随机种子",
        "Random seed",
        "决定样本的先后顺序。同一资料、同一配方、同一种子，得到同一个适配器；想看结果是否稳定时换一个数。",
        "Decides the order of the samples. The same data, recipe and seed give the same adapter; take another number "
        "to see whether the result is stable.",
    ),
    "checkpoint_every": _say(
        "保存间隔",
        "Saving interval",
        "每多少次保存一次进度并测一次留出样本。断电最多损失一个间隔；间隔越小，保存越频繁。",
        "After how many steps progress is saved and the held-out samples are measured. A power cut costs one "
        "interval at most; a smaller one saves more often.",
    ),
    "heldout_rows": _say(
        "训练中观察的留出样本数",
        "Held-out samples watched",
        "这些样本不参加训练，只用来看模型有没有真正学会。多则曲线更可信，也更慢。",
        "These samples are not trained on; they show whether the model really learns. More make the curve more "
        "reliable and the training slower.",
    ),
    "micro_rows": _say(
        "一次放进内存的样本数",
        "Samples in memory at once",
        "内存不够时系统会自动减半，结果不变，只是更慢。填 0 表示每次学习的样本一起处理。",
        "Halved by itself when memory is short; the result stays the same, it only takes longer. 0 takes all samples "
        "of a step together.",
    ),
    "patience": _say(
        "提前停止的耐心",
        "Patience before stopping early",
        "留出样本的损失连续多少次没有变好就停止，并保留最好的一次。0 表示不提前停止。资料少时建议 3。",
        "How many measurements in a row may pass without a better held-out loss before it stops; the best state is "
        "kept. 0 never stops early. With little data, 3 is advisable.",
    ),
    "packing": _say(
        "拼接短样本",
        "Packing short samples",
        "把多条短样本接成一行以节省时间。系统会先检查样本之间是否互相影响，不通过就不使用。",
        "Joins short samples into one row to save time. Whether samples influence each other is tested first; if "
        "they do, it is not used.",
    ),
    "quantized": _say(
        "压缩基础模型（QLoRA）",
        "Compressed base model (QLoRA)",
        "仅用于显卡：基础模型以 4 位存放，显存放不下时使用，精度略有损失。没有显卡时不能开启。",
        "For a GPU only: the base model is held in 4 bits, for when it does not fit otherwise; costs a little "
        "precision. Cannot be switched on without a GPU.",
    ),
    "compile": _say(
        "预先编译",
        "Compile first",
        "开始前多花约一分钟，之后每次更快。训练很长且有显卡时才值得。",
        "Takes about a minute before the start and makes each step faster. Only worth it for long trainings on a GPU.",
    ),
    "attention": _say(
        "注意力的计算方式",
        "Way of computing attention",
        "不影响学到的内容，只影响速度和内存。处理器用 eager，显卡用 sdpa；flash_attention_2 需要另装软件。",
        "Changes speed and memory, not what is learnt. eager for a processor, sdpa for a GPU; flash_attention_2 has "
        "to be installed separately.",
    ),
}
