"""Text to token ids, the same for training and serving; no control token can come in with a text."""

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from governance.errors import Unavailable

Turn = tuple[str, str]  # ("user" | "assistant", text)


@dataclass(frozen=True, slots=True)
class Chat:
    """A tokenizer with its template. `tokenizer` is a transformers fast tokenizer."""

    tokenizer: Any
    template: str
    stop: int  # closes an assistant turn
    stops: tuple[int, ...]  # every token at which generation ends
    control: re.Pattern[str]

    @property
    def pad(self) -> int:
        """What fills short rows; masked everywhere."""
        pad = self.tokenizer.pad_token_id
        return self.stop if pad is None else int(pad)

    @property
    def template_hash(self) -> str:
        """SHA-256 of the template file."""
        return hashlib.sha256(self.template.encode()).hexdigest()

    def clean(self, text: str) -> str:
        """`text` with the names of control tokens made harmless: <end_of_turn> becomes ＜end_of_turn＞."""
        return self.control.sub(lambda found: _full_width(found.group()), text)

    def render(self, turns: list[Turn], *, open_answer: bool) -> str:
        """The whole conversation as text; with `open_answer` up to where the assistant begins to write."""
        messages = [{"role": role, "content": self.clean(text).strip()} for role, text in turns]
        return self.tokenizer.apply_chat_template(messages, add_generation_prompt=open_answer, tokenize=False)

    def prompt_ids(self, turns: list[Turn]) -> list[int]:
        """What the model reads before it answers. The template writes <bos>, so none is added."""
        return self.tokenizer(self.render(turns, open_answer=True), add_special_tokens=False).input_ids

    def answer_ids(self, answer: str) -> list[int]:
        """The answer and the token that ends it."""
        return [*self.tokenizer(self.clean(answer).strip(), add_special_tokens=False).input_ids, self.stop]

    def agrees(self, prompt: str, answer: str) -> bool:
        """Whether prompt and answer, tokenized apart as in training, are the ids of the rendered conversation."""
        rendered = self.render([("user", prompt), ("assistant", answer)], open_answer=False)
        whole = self.tokenizer(rendered, add_special_tokens=False).input_ids
        apart = self.prompt_ids([("user", prompt)]) + self.answer_ids(answer)
        return whole[: len(apart)] == apart

    def decode(self, ids: list[int]) -> str:
        """Text of generated ids without control tokens."""
        return self.tokenizer.decode([i for i in ids if i not in self.stops], skip_special_tokens=True).strip()


def open_chat(tokenizer: Any, stops: int | list[int] | None) -> Chat:
    """A chat for a tokenizer; `stops` is the model's generation_config.eos_token_id, its last one closes a turn."""
    if not tokenizer.chat_template or not stops:
        raise Unavailable(
            what={"zh": "基础模型的对话模板或结束符", "en": "The base model's chat template or stop token"},
            remedy={
                "zh": "请选择带 chat_template 与 generation_config.eos_token_id 的指令模型",
                "en": "name a chat model with a chat_template and generation_config.eos_token_id",
            },
        )
    ends = tuple(stops) if isinstance(stops, list) else (stops,)
    template = str(tokenizer.chat_template)
    added = [token for token in tokenizer.added_tokens_decoder.values() if token.content.strip()]
    names = {
        t.content for t in added if t.special or t.content in template or re.fullmatch(r"[<\[]\S+[>\]]", t.content)
    }
    names |= {text for text in tokenizer.all_special_tokens if text.strip()}
    longest_first = sorted(names, key=lambda name: (-len(name), name))
    control = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
    closing = [end for end in ends if tokenizer.convert_ids_to_tokens(end) in template]
    return Chat(tokenizer, template, (closing or list(ends))[-1], ends, control)


def _full_width(name: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if c in "<>[]|" else c for c in name)
