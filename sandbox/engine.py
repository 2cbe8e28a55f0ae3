"""One base model with many adapters in this process: mixed batches, streaming, log-probabilities."""

import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, RLock, Thread
from typing import Any, Protocol, runtime_checkable

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, StoppingCriteriaList, TextIteratorStreamer
from transformers.utils import logging as hub_logging
from transformers.utils.logging import disable_progress_bar

from governance.errors import Corrupt, NotFound
from governance.signing import trusted_keys
from sandbox.base import Base
from sandbox.card import copy_verified, verify_adapter
from sandbox.chat import Chat, Turn, open_chat

hub_logging.disable_progress_bar()  # a bar per file says nothing to a rep
BASE = "__base__"  # peft's name for "no adapter" in a mixed batch


@dataclass(frozen=True, slots=True)
class Prompt:
    """`adapter` is a content hash, None for the untuned base; `before` are earlier turns of the conversation."""

    text: str
    adapter: str | None
    before: tuple[Turn, ...] = ()

    @property
    def turns(self) -> list[Turn]:
        return [*self.before, ("user", self.text)]


@dataclass(frozen=True, slots=True)
class Generation:
    """`stopped`: the model ended by itself. `tokens` counts what it wrote, `prompt_tokens` what it read."""

    text: str
    stopped: bool
    tokens: int
    prompt_tokens: int = 0


class Engine(Protocol):
    """What serves adapters. Adapter names are content hashes and are never used twice for other content."""

    @property
    def base_hash(self) -> str: ...
    @property
    def base_name(self) -> str: ...
    def load(self, name: str, folder: Path) -> None: ...
    def unload(self, name: str) -> None: ...
    def loaded(self) -> list[str]: ...
    def generate(
        self, prompts: Sequence[Prompt], *, max_new_tokens: int = 160, seed: int = 0, temperature: float = 0.0
    ) -> list[Generation]: ...
    def stream(
        self, prompt: Prompt, *, max_new_tokens: int = 160, seed: int = 0, temperature: float = 0.0
    ) -> Iterator[str]: ...
    def log_probabilities(self, prompt: Prompt, answer: str) -> list[float]: ...
    def pieces(self, answer: str) -> list[str]: ...


@runtime_checkable
class Telling(Protocol):
    """An engine that tells of each answer of a batch when it ends, not when the longest one does."""

    def generate_telling(
        self,
        prompts: Sequence[Prompt],
        tell: Callable[[int, Generation], None],
        *,
        limits: Sequence[int],
        seed: int = 0,
        temperature: float = 0.0,
    ) -> list[Generation]: ...


class PeftEngine:
    """transformers and peft. One call runs at a time; the others wait at the lock."""

    def __init__(self, base: Base, *, threads: int, keys: Path | None = None) -> None:
        disable_progress_bar()  # a bar of 0.2 s between our own lines
        torch.set_num_threads(max(1, threads))
        self._base, self._keys, self._lock = base, keys, RLock()
        tokenizer = AutoTokenizer.from_pretrained(base.folder, trust_remote_code=False)
        model: Any = AutoModelForCausalLM.from_pretrained(
            base.folder, dtype=fast_dtype(), trust_remote_code=False, use_safetensors=True
        )
        self._model: Any = model.to(device()).eval()
        self._chat: Chat = open_chat(tokenizer, model.generation_config.eos_token_id)
        keep_head_contiguous(model)
        self._names: list[str] = []

    @property
    def base_hash(self) -> str:
        return self._base.hash

    @property
    def base_name(self) -> str:
        return self._base.name

    @property
    def chat(self) -> Chat:
        """Tokenizer and template."""
        return self._chat

    def load(self, name: str, folder: Path) -> None:
        """
        Verified first: signature, hashes of all files, base, template; loading twice does nothing.

        Raises NotFound, Corrupt, Refused. Without a folder of keys nothing is trusted and no adapter loads.
        """
        trusted = trusted_keys(self._keys) if self._keys else frozenset[str]()
        of_base = {"base_hash": self._base.hash, "template_hash": self._chat.template_hash}
        card = verify_adapter(folder, name, **of_base, trusted=trusted)
        with self._lock, TemporaryDirectory() as scratch:
            if name in self._names:
                return
            copy = str(copy_verified(folder, card, Path(scratch), name))
            options: dict[str, Any] = {"adapter_name": name, "autocast_adapter_dtype": False}
            with quiet():
                if isinstance(self._model, PeftModel):
                    self._model.load_adapter(copy, torch_device=str(device()), **options)
                else:
                    self._model = PeftModel.from_pretrained(self._model, copy, **options)
            self._model.eval()
            self._names.append(name)

    def unload(self, name: str) -> None:
        """Raises NotFound."""
        with self._lock:
            self._check(name)
            self._names.remove(name)
            if self._names:
                self._model.set_adapter(self._names[0])  # peft warns when the active one is deleted
                self._model.delete_adapter(name)
            else:
                self._model = self._model.unload()

    def loaded(self) -> list[str]:
        """Names in the order of loading."""
        return list(self._names)

    def generate(
        self, prompts: Sequence[Prompt], *, max_new_tokens: int = 160, seed: int = 0, temperature: float = 0.0
    ) -> list[Generation]:
        """One batch, each prompt by its own adapter. Greedy at temperature 0; else the seed decides."""
        return self._generate(prompts, max_new_tokens, seed, temperature)

    def generate_telling(
        self,
        prompts: Sequence[Prompt],
        tell: Callable[[int, Generation], None],
        *,
        limits: Sequence[int],
        seed: int = 0,
        temperature: float = 0.0,
    ) -> list[Generation]:
        """
        The same batch; `tell` hears of every answer once, as soon as it ends or has as many tokens as its limit.

        It runs between two tokens of the others: what takes long belongs elsewhere.
        """
        ended: dict[int, Generation] = {}

        def hear(index: int, prompt: Sequence[int], tail: list[int]) -> None:
            ended[index] = self._generation(prompt, tail)
            tell(index, ended[index])

        if not prompts:
            return []
        found = self._generate(prompts, max(limits), seed, temperature, _Listen(self._chat, hear, limits))
        for index, each in enumerate(found):
            if index not in ended:
                ended[index] = each
                tell(index, each)
        return [ended[index] for index in range(len(prompts))]

    def _generate(
        self,
        prompts: Sequence[Prompt],
        max_new_tokens: int,
        seed: int,
        temperature: float,
        listen: "_Listen | None" = None,
    ) -> list[Generation]:
        if not prompts:
            return []
        rows = [self._chat.prompt_ids(prompt.turns) for prompt in prompts]
        with self._lock, self._adapters([prompt.adapter for prompt in prompts]) as names:
            ids, mask = self._left_padded(rows)
            options = self._options(max_new_tokens, seed, temperature) | names
            if listen is not None:
                listen.begin(rows, ids.shape[1])
                options["stopping_criteria"] = StoppingCriteriaList([listen])
            with torch.inference_mode():
                out = self._model.generate(input_ids=ids, attention_mask=mask, **options)
        return [self._generation(row, tail) for row, tail in zip(rows, out[:, ids.shape[1] :].tolist(), strict=True)]

    def stream(
        self, prompt: Prompt, *, max_new_tokens: int = 160, seed: int = 0, temperature: float = 0.0
    ) -> Iterator[str]:
        """The answer in pieces. Closing the iterator stops the model."""
        streamer = TextIteratorStreamer(self._chat.tokenizer, skip_prompt=True, skip_special_tokens=True)
        stop = Event()
        failures: list[Exception] = []

        def write() -> None:
            try:
                with self._lock, self._adapters([prompt.adapter]) as names, torch.inference_mode():
                    ids, mask = self._left_padded([self._chat.prompt_ids(prompt.turns)])
                    options = self._options(max_new_tokens, seed, temperature) | names
                    halt = StoppingCriteriaList([_Halt(stop)])
                    options |= {"streamer": streamer, "stopping_criteria": halt}
                    self._model.generate(input_ids=ids, attention_mask=mask, **options)
            except Exception as failed:  # handed to the reader below: a thread has no caller
                failures.append(failed)
                streamer.end()

        thread = Thread(target=write, daemon=True)
        thread.start()
        try:
            yield from (piece for piece in streamer if piece)
        finally:
            stop.set()
            thread.join()
        if failures:
            raise failures[0]

    def log_probabilities(self, prompt: Prompt, answer: str) -> list[float]:
        """Natural logarithms, one for each token of the answer and one for the token that ends it."""
        before, after = self._chat.prompt_ids(prompt.turns), self._chat.answer_ids(answer)
        with self._lock, self._adapters([prompt.adapter]) as names, torch.inference_mode():
            ids = torch.tensor([before + after], device=device())
            keep = len(after) + 1
            logits = self._model(input_ids=ids, logits_to_keep=keep, use_cache=False, **names).logits[0, :-1].float()
            targets = torch.tensor(after, device=device())[:, None]
            return (logits.gather(1, targets)[:, 0] - torch.logsumexp(logits, dim=-1)).tolist()

    def pieces(self, answer: str) -> list[str]:
        """The answer's tokens as text, one for each of `log_probabilities` but the last."""
        return [self._chat.tokenizer.decode([token]) for token in self._chat.answer_ids(answer)[:-1]]

    def _check(self, name: str | None) -> None:
        if name is not None and name not in self._names:
            raise NotFound(kind={"zh": "已载入的适配器", "en": "loaded adapter"}, name=name)

    @contextmanager
    def _adapters(self, wanted: Sequence[str | None]) -> Generator[dict[str, Any]]:
        """Choose the adapter of the whole batch, or give the keyword that chooses per row. Raises NotFound."""
        for name in wanted:
            self._check(name)
        if not self._names:
            yield {}
        elif len(set(wanted)) > 1:
            yield {"adapter_names": [name or BASE for name in wanted]}
        elif wanted[0] is None:
            with self._model.disable_adapter():
                yield {}
        else:
            self._model.set_adapter(wanted[0])
            yield {}

    def _left_padded(self, rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        longest, pad = max(map(len, rows)), self._chat.pad
        ids = [[pad] * (longest - len(row)) + list(row) for row in rows]
        mask = [[0] * (longest - len(row)) + [1] * len(row) for row in rows]
        return torch.tensor(ids, device=device()), torch.tensor(mask, device=device())

    def _options(self, max_new_tokens: int, seed: int, temperature: float) -> dict[str, Any]:
        options: dict[str, Any] = {"max_new_tokens": max_new_tokens, "pad_token_id": self._chat.pad}
        options["eos_token_id"] = list(self._chat.stops)
        if temperature <= 0:
            return options | {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        torch.manual_seed(seed)
        return options | {"do_sample": True, "temperature": temperature, "top_p": 0.95, "top_k": None}

    def _generation(self, prompt: Sequence[int], tail: list[int]) -> Generation:
        ends = [place for place, token in enumerate(tail) if token in self._chat.stops]
        written = tail[: ends[0]] if ends else tail
        return Generation(self._chat.decode(written), bool(ends), len(written), len(prompt))


class _Halt:
    """A stopping criterion that another thread can pull."""

    def __init__(self, event: Event) -> None:
        self._event = event

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        return torch.full((input_ids.shape[0],), self._event.is_set(), dtype=torch.bool, device=input_ids.device)


class _Listen:
    """A stopping criterion that never stops: it sees which rows of a batch have ended since the last token."""

    def __init__(
        self, chat: Chat, hear: Callable[[int, Sequence[int], list[int]], None], limits: Sequence[int]
    ) -> None:
        self._stops, self._hear, self._limits = frozenset(chat.stops), hear, limits
        self._rows: Sequence[Sequence[int]] = ()
        self._start, self._open = 0, set[int]()

    def begin(self, rows: Sequence[Sequence[int]], start: int) -> None:
        """A batch of these prompts; answers begin at position `start`."""
        self._rows, self._start, self._open = rows, start, set(range(len(rows)))

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> torch.Tensor:
        written = input_ids.shape[1] - self._start
        last = input_ids[:, -1].tolist()
        for index in sorted(self._open):
            if last[index] in self._stops or written >= self._limits[index]:
                self._open.discard(index)
                self._hear(index, self._rows[index], input_ids[index, self._start :].tolist())
        return torch.zeros((input_ids.shape[0],), dtype=torch.bool, device=input_ids.device)


def open_engine(base: Base, *, threads: int, keys: Path | None = None) -> PeftEngine:
    """
    Load the base model; adapters load when a key in the folder `keys` signed them.

    Raises Unavailable when it has no chat template, Corrupt when its files are broken.
    """
    try:
        return PeftEngine(base, threads=threads, keys=keys)
    except (OSError, ValueError) as broken:
        raise Corrupt(what={"zh": "基础模型", "en": "The base model"}, reason=str(broken)[:300]) from broken


@contextmanager
def quiet() -> Generator[None]:
    """peft 0.21 asks transformers 5.23 for a property that it will drop in version 6; both versions are pinned."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
        yield


def device() -> torch.device:
    """The GPU when there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fast_dtype() -> torch.dtype:
    """bfloat16 where the processor computes in it (1.8 times as fast), else float32."""
    cpu: Any = torch.cpu
    supported = torch.cuda.is_available() or cpu._is_avx512_bf16_supported() or cpu._is_amx_tile_supported()
    return torch.bfloat16 if supported else torch.float32


def precision() -> str:
    """Its name, as an adapter's card holds it."""
    return str(fast_dtype()).removeprefix("torch.")


def keep_head_contiguous(model: Any) -> None:
    """Over a frozen weight torch otherwise copies the whole vocabulary matrix once per row: 9.6 s against 0.03 s."""
    head = model.get_output_embeddings()
    head.register_forward_pre_hook(_contiguous)


def _contiguous(_head: Any, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor]:
    # a copy, for contiguous() keeps the odd strides of a batch of one, and those make torch copy the matrix as well:
    # 2.4 CPU s against 0.3 for the log-probabilities of an answer
    return (inputs[0].clone(memory_format=torch.contiguous_format),)
