"""A script that a real adapter wrote is written again to the letter, whatever the facts have become since."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from assistant.amend import regenerate
from assistant.draft import write_draft
from assistant.lead import LeadForm, enter_lead
from assistant.parts import Parts, silent
from assistant.pipeline import checker_of, prepare, write_script
from assistant.replay import prepared_then, replay
from assistant.store import Stored, script_of
from assistant.warm import in_force, warm
from governance import accounts
from governance.accounts import User
from governance.db import reading
from rag.facts import facts_about, make_fact, retire, state_facts
from sandbox.base import Base, prepare_base
from sandbox.engine import open_engine, quiet
from sandbox.prompt import section_prompt
from sandbox.registry import point_alias, taint
from tests.registered import add_approved
from tests.tiny_model import CHAT_TEMPLATE, tiny_tokenizer

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC)
LATER = NOW + timedelta(days=30)
STAGE, SECTION = "message", "message"
MOST_ROUNDS = 400
ENOUGH = 0.02  # loss at which a text is known by heart


def rita(parts: Parts) -> User:
    with reading(parts.db) as tx:
        return accounts.user(tx, "rita")


def entered(parts: Parts) -> Any:
    with parts.db.begin() as tx:
        form = LeadForm(customer="H001", stage=STAGE, product="P01")
        return enter_lead(tx, parts.vault, parts.company, form, rita(parts), NOW)


def lessons(parts: Parts) -> list[tuple[str, str]]:
    """The prompt of each section, and an answer in the second of its approved wordings."""
    plan = prepare(parts, entered(parts), "zh", rita(parts), now=NOW).plan
    book = parts.company.phrases
    return [(section_prompt(book, s.task), "".join(move.zh[-1] for move in s.moves)) for s in plan.sections]


def untaught(folder: Path, texts: Sequence[str]) -> Path:
    """A model of two layers whose tokenizer knows these texts."""
    tokenizer: Any = tiny_tokenizer(texts, 3000)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def taught(base: Base, pairs: Sequence[tuple[str, str]], folder: Path) -> Path:
    """An adapter that has learnt the answers by heart; of no pairs, one that has learnt nothing."""
    chat = open_engine(base, threads=1).chat  # pyright: ignore[reportAttributeAccessIssue]
    torch.manual_seed(1)
    lora = LoraConfig(r=32, lora_alpha=64, target_modules="all-linear", task_type="CAUSAL_LM")
    with quiet():
        model: Any = get_peft_model(AutoModelForCausalLM.from_pretrained(base.folder), lora)
    steps = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=8e-3)
    rows = [(chat.prompt_ids([("user", prompt)]), chat.answer_ids(answer)) for prompt, answer in pairs]
    longest = max((len(asked) + len(answered) for asked, answered in rows), default=0)
    ids = torch.tensor([[*a, *b, *[chat.pad] * (longest - len(a) - len(b))] for a, b in rows])
    labels = torch.tensor([[*[-100] * len(a), *b, *[-100] * (longest - len(a) - len(b))] for a, b in rows])
    for _ in range(MOST_ROUNDS if rows else 0):
        found = model(input_ids=ids, attention_mask=(ids != chat.pad).long(), labels=labels).loss
        found.backward()
        steps.step()
        steps.zero_grad()
        if float(found.detach()) < ENOUGH:
            break
    with quiet():
        model.save_pretrained(folder)
    return folder


@pytest.fixture(params=[True])
def writing(request: pytest.FixtureRequest, parts: Parts, tmp_path: Path) -> tuple[Parts, str]:
    """The small office with an adapter in force that knows the sections of one lead by heart, or nothing."""
    pairs = lessons(parts)
    folder = untaught(tmp_path / "base", [text for pair in pairs for text in pair])
    parts.settings = parts.settings.model_copy(update={"base_model": str(folder)})
    base = prepare_base(str(folder), parts.settings.home, silent)
    trained = taught(base, pairs if request.param else [], tmp_path / "draft")
    with parts.db.begin() as tx:
        more: dict[str, Any] = {"trained": trained, "base": base.hash, "template": CHAT_TEMPLATE}
        adapter = add_approved(tx, parts.settings.home, "taught", **more)
        point_alias(tx, "", adapter, by="ada", reason="passed", now=NOW)
    return parts, adapter


def stored(parts: Parts, script: str) -> Stored:
    with reading(parts.db) as tx:
        return script_of(tx, parts.vault, script)


def again(parts: Parts, script: str) -> Any:
    """What the adapter writes from the stored input, with what was replaced."""
    found = stored(parts, script)
    given = found.body.inputs
    assert given is not None
    then = prepared_then(parts, found, given, LATER)
    checker = checker_of(parts.company, then.brief, then.scopes)
    return write_draft(then.plan, checker, parts.engine, found.body.adapter, seed=given.seed)


def test_the_same_input_adapter_and_seed_give_the_same_script_after_the_facts_changed(
    writing: tuple[Parts, str],
) -> None:
    parts, adapter = writing
    told: list[str] = []

    def heard(step: str, done: int, total: int) -> None:
        told.append(step)

    script = write_script(parts, entered(parts).id, "zh", rita(parts), now=NOW, on_progress=heard)
    body = stored(parts, script).body
    lines = [line for section in body.sections for line in section.sentences]
    assert body.adapter == adapter
    assert [line.origin for line in lines].count("adapter") >= len(lines) // 2  # its own words stand
    assert told.count("load") == 1
    rewritten = regenerate(parts, script, SECTION, rita(parts), "太长", now=NOW)
    _change_the_facts(parts)
    for each in (script, rewritten):
        found = replay(parts, each, now=LATER)
        assert found.same, found.differences
        assert found.reasons == ()
    sections, replaced = again(parts, script)
    assert (sections, replaced) == (body.sections, body.replaced)
    fresh = replace(parts, settings=parts.settings)  # another process: nothing is loaded yet
    fresh.__dict__.pop("engine", None)
    assert replay(fresh, script, now=LATER).same
    write_script(parts, entered(parts).id, "zh", rita(parts), now=NOW, on_progress=heard)
    assert told.count("load") == 1


def _change_the_facts(parts: Parts) -> None:
    """Afterwards: another warranty, another director, and a purchase that is taken back."""
    with parts.db.begin() as tx:
        [warranty, *_] = facts_about(tx, "product:P01", as_of=NOW.date(), relation="warranty")
        [bought, *_] = facts_about(tx, "customer:H001", as_of=None, relation="bought")
        retire(tx, [warranty.id, bought.id], LATER - timedelta(days=1))
        said = {"customer": "customer:H001", "department": "设备科", "decides": "yes"}
        head = make_fact(
            "p_00000000000000aa",
            "holds_title",
            "设备科主任",
            said,
            source=bought.source,
            known_from=LATER - timedelta(days=1),
            valid_from=(NOW + timedelta(days=5)).date(),
            unique=True,
        )
        state_facts(tx, [head])


@pytest.mark.parametrize("writing", [False], indirect=True)
def test_the_adapters_in_force_are_loaded_ahead_and_a_broken_one_stops_nobody(writing: tuple[Parts, str]) -> None:
    parts, adapter = writing
    assert parts.waits_for_model(STAGE, "customer:H001")
    assert in_force(parts) == [adapter]
    warm(parts)
    assert parts.engine.loaded() == [adapter]
    assert not parts.waits_for_model(STAGE, "customer:H001")
    with parts.db.begin() as tx:
        taint(tx, adapter, by="ada", reason="withdrawn", now=NOW)
    assert in_force(parts) == []


def test_without_an_adapter_nothing_is_loaded_and_a_missing_model_stops_no_start(parts: Parts) -> None:
    warm(parts)
    assert "engine" not in parts.__dict__
    assert "redactor" in parts.__dict__
    assert not parts.waits_for_model(STAGE, "customer:H001")
    with parts.db.begin() as tx:
        point_alias(tx, "", add_approved(tx, parts.settings.home, "broken"), by="ada", reason="passed", now=NOW)
    parts.settings = parts.settings.model_copy(update={"base_model": str(parts.settings.home / "nothing")})
    warm(parts)
    assert "engine" not in parts.__dict__
