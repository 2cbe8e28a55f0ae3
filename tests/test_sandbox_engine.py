"""Several adapters over one base in one batch, and an adapter that was tampered with never loads."""

import json
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from governance.errors import Corrupt, NotFound, Refused, Unavailable
from governance.signing import open_signing_key
from sandbox.base import Base, prepare_base
from sandbox.card import CARD, CONFIG, SIGNATURE, TEMPLATE, WEIGHTS, keep_adapter
from sandbox.engine import PeftEngine, Prompt, open_engine, quiet
from tests.tiny_model import CHAT_TEMPLATE, save_tiny_model

TEXTS = ["话术：开场白\n医院：{customer}", "Script: Opening\nhospital: {customer}", "短"]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    home = tmp_path_factory.mktemp("home")
    return prepare_base(
        str(save_tiny_model(home / "tiny", initializer_range=0.3)), home, lambda step, done, total: None
    )


def make_adapter(base: Base, adapters: Path, seed: int) -> str:
    torch.manual_seed(seed)
    lora = LoraConfig(r=4, lora_alpha=64, target_modules="all-linear", task_type="CAUSAL_LM", init_lora_weights=False)
    draft = adapters.parent / f"draft{seed}"
    with quiet():
        get_peft_model(AutoModelForCausalLM.from_pretrained(base.folder), lora).save_pretrained(draft)
    key = open_signing_key(adapters.parent / "keys")
    return keep_adapter(draft, adapters, base_hash=base.hash, template=CHAT_TEMPLATE, detail={"seed": seed}, key=key)


@pytest.fixture(scope="module")
def adapters(base: Base, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    folder = tmp_path_factory.mktemp("kept") / "adapters"
    return folder, make_adapter(base, folder, 1), make_adapter(base, folder, 2)


@pytest.fixture(scope="module")
def engine(base: Base, adapters: tuple[Path, str, str]) -> PeftEngine:
    opened = open_engine(base, threads=1, keys=adapters[0].parent / "keys")
    for name in adapters[1:]:
        opened.load(name, adapters[0] / name)
    return opened


def test_a_mixed_batch_gives_each_prompt_its_own_adapter(engine: PeftEngine, adapters: tuple[Path, str, str]) -> None:
    _, first, second = adapters
    mixed = [Prompt(text, name) for name in (None, first, second) for text in TEXTS]
    together = engine.generate(mixed, max_new_tokens=12)
    for prompt, answer in zip(mixed, together, strict=True):
        (alone,) = engine.generate([prompt], max_new_tokens=12)
        assert answer == alone
    texts = [answer.text for answer in together]
    assert len({texts[0], texts[3], texts[6]}) == 3


def test_the_base_is_untouched_by_its_adapters(engine: PeftEngine, base: Base) -> None:
    fresh = open_engine(base, threads=1)
    prompts = [Prompt(text, None) for text in TEXTS]
    assert engine.generate(prompts, max_new_tokens=8) == fresh.generate(prompts, max_new_tokens=8)


def test_a_stream_is_the_same_text_in_pieces(engine: PeftEngine, adapters: tuple[Path, str, str]) -> None:
    prompt = Prompt(TEXTS[0], adapters[1])
    (whole,) = engine.generate([prompt], max_new_tokens=20)
    assert "".join(engine.stream(prompt, max_new_tokens=20)).strip() == whole.text


def test_a_stream_that_is_closed_early_leaves_the_engine_free(engine: PeftEngine) -> None:
    stream = engine.stream(Prompt(TEXTS[0], None), max_new_tokens=800)
    next(stream)
    stream.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert engine.generate([Prompt("短", None)], max_new_tokens=2)[0].tokens <= 2


def test_a_seed_repeats_a_sampled_answer_and_another_changes_it(engine: PeftEngine) -> None:
    prompt = [Prompt(TEXTS[0], None)]
    texts = [engine.generate(prompt, max_new_tokens=16, temperature=1.5, seed=seed)[0].text for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]


def test_log_probabilities_are_one_for_each_token_and_its_end(
    engine: PeftEngine, adapters: tuple[Path, str, str]
) -> None:
    answer = "您好，{customer}。 Hello 😀"
    for name in (None, adapters[1]):
        values = engine.log_probabilities(Prompt(TEXTS[0], name), answer)
        assert len(values) == len(engine.pieces(answer)) + 1
        assert all(value < 0 for value in values)
    assert engine.log_probabilities(Prompt(TEXTS[0], None), answer) != values


def test_a_greedy_answer_is_likelier_than_another(engine: PeftEngine) -> None:
    prompt = Prompt(TEXTS[1], None)
    logits = engine.log_probabilities(prompt, engine.generate([prompt], max_new_tokens=1)[0].text or "a")
    assert logits[0] >= engine.log_probabilities(prompt, "咦")[0]


def test_unloading_frees_the_name_and_the_last_one_leaves_the_base(base: Base, adapters: tuple[Path, str, str]) -> None:
    folder, first, second = adapters
    own = open_engine(base, threads=1, keys=folder.parent / "keys")
    before = own.generate([Prompt(TEXTS[0], None)], max_new_tokens=6)
    own.load(first, folder / first)
    own.load(first, folder / first)
    own.load(second, folder / second)
    assert own.loaded() == [first, second]
    own.unload(first)
    with pytest.raises(NotFound):
        own.generate([Prompt(TEXTS[0], first)])
    own.unload(second)
    assert own.loaded() == []
    assert own.generate([Prompt(TEXTS[0], None)], max_new_tokens=6) == before
    own.load(first, folder / first)
    assert own.loaded() == [first]
    with pytest.raises(NotFound):
        own.unload(second)


def tampered(adapters: tuple[Path, str, str], target: Path) -> Path:
    folder = target / adapters[1]
    folder.mkdir(parents=True)
    for path in (adapters[0] / adapters[1]).iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


@pytest.mark.parametrize("file", [WEIGHTS, CONFIG, TEMPLATE, CARD])
def test_one_flipped_byte_and_the_adapter_does_not_load(
    engine: PeftEngine, adapters: tuple[Path, str, str], tmp_path: Path, file: str
) -> None:
    folder = tampered(adapters, tmp_path)
    content = bytearray((folder / file).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / file).write_bytes(content)
    with pytest.raises(Corrupt):
        engine.load(adapters[1], folder)


@pytest.mark.parametrize("stray", ["adapter_model.bin", "a.pt", "modeling_evil.py", "tokenizer.pkl", ".hidden"])
def test_a_pickle_or_any_other_stray_file_is_refused(
    engine: PeftEngine, adapters: tuple[Path, str, str], tmp_path: Path, stray: str
) -> None:
    folder = tampered(adapters, tmp_path)
    (folder / stray).write_bytes(b"\x80\x04")
    with pytest.raises(Corrupt) as refused:
        engine.load(adapters[1], folder)
    assert stray in refused.value.say("zh")


def test_a_link_or_a_folder_in_the_place_of_a_file_is_refused(
    engine: PeftEngine, adapters: tuple[Path, str, str], tmp_path: Path
) -> None:
    folder = tampered(adapters, tmp_path)
    (folder / WEIGHTS).unlink()
    (folder / WEIGHTS).symlink_to(adapters[0] / adapters[1] / WEIGHTS)  # the very bytes that are expected
    with pytest.raises(Corrupt, match="link"):
        engine.load(adapters[1], folder)
    (folder / WEIGHTS).unlink()
    (folder / WEIGHTS).mkdir()
    with pytest.raises(Corrupt, match="folder"):
        engine.load(adapters[1], folder)
    linked = tmp_path / "linked"
    linked.symlink_to(adapters[0] / adapters[1], target_is_directory=True)
    with pytest.raises(Corrupt, match="link"):
        engine.load(adapters[1], linked)


@pytest.mark.parametrize("name", ["../x", "", "a" * 63, "A" * 64, "a" * 64 + "/..", "a" * 64 + "\n"])
def test_a_name_that_is_no_hash_is_not_looked_for(
    engine: PeftEngine, adapters: tuple[Path, str, str], name: str
) -> None:
    with pytest.raises(NotFound):
        engine.load(name, adapters[0] / adapters[1])


def test_only_what_a_trusted_key_signed_is_loaded(
    base: Base, engine: PeftEngine, adapters: tuple[Path, str, str], tmp_path: Path
) -> None:
    folder = tampered(adapters, tmp_path / "adapters")
    with pytest.raises(Refused) as refused:
        open_engine(base, threads=1).load(adapters[1], folder)  # it knows no key
    assert f"python -m sandbox sign {adapters[1]}" in refused.value.say("zh")
    elsewhere = open_engine(base, threads=1, keys=tmp_path / "elsewhere")
    open_signing_key(tmp_path / "elsewhere")
    with pytest.raises(Refused):
        elsewhere.load(adapters[1], folder)  # a second site with a key of its own
    trusted = tmp_path / "elsewhere" / "trusted"
    trusted.mkdir()
    (trusted / "home.pub").write_bytes((adapters[0].parent / "keys" / "signing.pub").read_bytes())
    elsewhere.load(adapters[1], folder)
    for damage in (b"", b"{}", b'{"version": 1, "key": 3, "signature": "x"}', b"\xff" * 9000):
        (folder / SIGNATURE).write_bytes(damage)
        with pytest.raises(Refused):
            engine.load(adapters[1], folder)
    (folder / SIGNATURE).unlink()
    with pytest.raises(Refused):
        engine.load(adapters[1], folder)


def test_another_adapters_signature_does_not_fit(
    engine: PeftEngine, adapters: tuple[Path, str, str], tmp_path: Path
) -> None:
    folder = tampered(adapters, tmp_path)
    (folder / SIGNATURE).write_bytes((adapters[0] / adapters[2] / SIGNATURE).read_bytes())
    with pytest.raises(Refused):
        engine.load(adapters[1], folder)


def test_an_adapter_of_another_base_or_template_is_refused(
    base: Base, adapters: tuple[Path, str, str], tmp_path: Path
) -> None:
    folder, first, _ = adapters
    other = prepare_base(str(save_tiny_model(tmp_path / "other", seed=9)), tmp_path, lambda step, done, total: None)
    assert other.hash != base.hash
    with pytest.raises(Corrupt, match="another base"):
        open_engine(other, threads=1, keys=folder.parent / "keys").load(first, folder / first)


def test_an_adapter_that_is_not_there_is_not_found(engine: PeftEngine, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        engine.load("0" * 64, tmp_path / ("0" * 64))


def test_an_adapter_folder_names_no_path_of_this_machine(adapters: tuple[Path, str, str], base: Base) -> None:
    config = json.loads((adapters[0] / adapters[1] / CONFIG).read_text(encoding="utf-8"))
    assert config["base_model_name_or_path"] == base.hash
    for path in (adapters[0] / adapters[1]).iterdir():
        assert str(base.folder).encode() not in path.read_bytes()


def test_the_same_adapter_gets_the_same_name(base: Base, adapters: tuple[Path, str, str], tmp_path: Path) -> None:
    assert make_adapter(base, tmp_path / "again" / "adapters", 1) == adapters[1]  # also on a machine with another key


def test_a_base_without_template_or_weights_is_refused_with_a_remedy(tmp_path: Path) -> None:
    plain = save_tiny_model(tmp_path / "plain", template=False)
    with pytest.raises(Unavailable) as refused:
        prepare_base(str(plain), tmp_path, lambda step, done, total: None)
    assert "对话模板" in refused.value.say("zh")
    (plain / "model.safetensors").rename(plain / "model.bin")
    with pytest.raises(Unavailable) as refused:
        prepare_base(str(plain), tmp_path, lambda step, done, total: None)
    assert "safetensors" in refused.value.say("en")


def test_a_changed_base_has_another_hash_and_an_unchanged_one_is_not_read_again(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "tiny")
    first = prepare_base(str(folder), tmp_path, lambda step, done, total: None)
    remembered = (tmp_path / "base" / "hashes.json").read_text(encoding="utf-8")
    assert prepare_base(str(folder), tmp_path, lambda step, done, total: None) == first
    assert (tmp_path / "base" / "hashes.json").read_text(encoding="utf-8") == remembered
    (folder / "chat_template.jinja").write_text(CHAT_TEMPLATE + " ", encoding="utf-8")
    assert prepare_base(str(folder), tmp_path, lambda step, done, total: None).hash != first.hash
