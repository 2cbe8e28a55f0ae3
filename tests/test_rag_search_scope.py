"""Filters inside the search: both engines look at nothing outside the scope, and agree with its definition."""

import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, insert

from governance.errors import Unavailable
from governance.vault import Vault
from rag import tables
from rag.engine_exact import Asked, ExactEngine, SearchEngine
from rag.engine_qdrant import QdrantEngine
from rag.facts import Fact, make_fact, state_facts
from rag.search_mentions import Mentions, names_of
from rag.search_scope import EVERYTHING, Point, Scope, Tags, fits
from rag.search_words import Vocabulary
from rag.sources import Source, add_sources
from tests.qdrant_server import serving

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
SIZES = {"m": 8}
SOME = st.frozensets(st.sampled_from("abc"), max_size=2)
DAYS = st.sampled_from([date(2026, 1, 1), date(2026, 6, 1), date(2026, 11, 21)])
TAGS = st.builds(
    Tags,
    language=st.sampled_from(["zh", "en"]),
    document=st.sampled_from("xy"),
    kind=st.sampled_from(["mail", "pdf"]),
    day=st.none() | DAYS,
    customers=SOME,
    products=SOME,
    purposes=SOME,
)
SCOPES = st.builds(
    Scope,
    customers=SOME,
    products=SOME,
    documents=st.frozensets(st.sampled_from("xyz"), max_size=2),
    kinds=st.frozensets(st.sampled_from(["mail", "pdf"]), max_size=1),
    language=st.sampled_from([None, "zh", "en"]),
    not_after=st.none() | DAYS,
    purposes=SOME,
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture(params=["exact", "qdrant"])
def engine(request: pytest.FixtureRequest) -> Iterator[SearchEngine]:
    if request.param == "exact":
        yield ExactEngine(SIZES)
    else:
        server = QdrantEngine(request.getfixturevalue("url"), "xinyan-test", SIZES)
        yield server
        server.close()


def points(tags: list[Tags]) -> list[Point]:
    ids = (str(uuid.uuid5(uuid.NAMESPACE_OID, f"{row} {each}")) for row, each in enumerate(tags))
    return [Point(id_, f"s{row}", each) for row, (id_, each) in enumerate(zip(ids, tags, strict=True))]


def filled(engine: SearchEngine, tags: list[Tags]) -> Asked:
    words = Vocabulary([["泵"]])
    engine.fill(points(tags), [words.passage(["泵"])] * len(tags))
    vectors = np.random.default_rng(1).standard_normal((len(tags), 8)).astype(np.float32)
    engine.put("m", np.arange(len(tags)), vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    return Asked({"m": np.eye(8, dtype=np.float32)[0]}, words.question(["泵"]))


@given(st.lists(TAGS, min_size=1, max_size=12), SCOPES)
def test_the_exact_engine_scores_what_fits_and_nothing_else(tags: list[Tags], scope: Scope) -> None:
    engine = ExactEngine(SIZES)
    found = engine.scores(filled(engine, tags), scope, 50)
    assert found.rows.tolist() == [row for row, each in enumerate(tags) if fits(scope, each)]
    assert len(found.words) == len(found.cosines["m"]) == len(found.rows)


def test_both_engines_stay_within_every_part_of_a_scope(engine: SearchEngine) -> None:
    old, new = date(2025, 1, 1), date(2026, 12, 31)
    tags = [
        Tags("zh", "x", "mail", old, frozenset({"a"}), frozenset({"p"}), frozenset({"retrieval"})),
        Tags("en", "y", "pdf", new, frozenset({"a", "b"}), frozenset(), frozenset({"retrieval", "training"})),
        Tags("zh", "y", "mail", None, frozenset(), frozenset({"p", "q"}), frozenset()),
    ]
    asked = filled(engine, tags)
    scopes = [
        EVERYTHING,
        Scope(customers=frozenset({"b", "z"})),
        Scope(products=frozenset({"p"})),
        Scope(documents=frozenset({"y"})),
        Scope(kinds=frozenset({"mail"}), language="zh"),
        Scope(not_after=date(2026, 1, 1)),
        Scope(purposes=frozenset({"retrieval", "training"})),
        Scope(customers=frozenset({"nobody"})),
    ]
    for scope in scopes:
        found = sorted(engine.scores(asked, scope, 10).rows.tolist())
        assert found == [row for row, each in enumerate(tags) if fits(scope, each)], scope


def test_a_filter_applies_before_candidates_are_chosen(engine: SearchEngine) -> None:
    tags = [Tags("zh", customers=frozenset({"a"} if row == 29 else {"b"})) for row in range(30)]
    asked = filled(engine, tags)
    assert engine.scores(asked, Scope(customers=frozenset({"a"})), 3).rows.tolist() == [29]


def test_both_engines_give_the_same_scores(url: str) -> None:
    tags = [Tags("zh" if row % 2 else "en", document=str(row)) for row in range(20)]
    exact, server = ExactEngine(SIZES), QdrantEngine(url, "xinyan-same", SIZES)
    asked = filled(exact, tags)
    filled(server, tags)
    one, other = exact.scores(asked, EVERYTHING, 50), server.scores(asked, EVERYTHING, 50)
    order = np.argsort(other.rows)
    assert other.rows[order].tolist() == one.rows.tolist()
    assert np.allclose(other.cosines["m"][order], one.cosines["m"], atol=1e-5)
    assert np.allclose(other.words[order], one.words, atol=1e-5)
    server.close()


def test_a_server_keeps_its_points_and_loses_what_vanished(url: str) -> None:
    tags = [Tags("zh", document=str(row)) for row in range(3)]
    first = QdrantEngine(url, "xinyan-kept", SIZES)
    filled(first, tags)
    first.close()
    again = QdrantEngine(url, "xinyan-kept", SIZES)
    words = Vocabulary([["泵"]])
    again.fill(
        [*points(tags)[1:], Point("00000000-0000-0000-0000-00000000000f", "new", tags[0])], [words.passage(["泵"])] * 3
    )
    assert again.missing("m").tolist() == [2]
    found = again.scores(Asked({}, words.question(["泵"])), EVERYTHING, 10)
    assert sorted(found.rows.tolist()) == [0, 1, 2]
    again.close()


def test_a_server_that_is_not_there_says_what_to_do() -> None:
    engine = QdrantEngine("http://127.0.0.1:9", "xinyan-test", SIZES)
    with pytest.raises(Unavailable, match="XINYAN_QDRANT_URL"):
        engine.fill([], [])
    engine.close()


def test_mentions_fold_case_and_width_and_stop_at_other_models() -> None:
    names = {
        "TM-8": "product:P05",
        "TM-80": "product:P99",
        "青禾市第一人民医院": "customer:H001",
        "Qinghe": "customer:H001",
        "": "x",
    }
    mentions = Mentions(names)
    assert mentions.of("青禾市第一人民医院的ｔｍ－８") == {"customer:H001", "product:P05"}
    assert mentions.of("TM-80用了三年") == {"product:P99"}
    assert mentions.of("TM-8000 and Qinghes") == frozenset()
    assert Mentions({}).of("TM-8") == frozenset()


def test_a_name_that_two_bear_is_no_mention_of_either(db: Engine) -> None:
    def name(subject: str, value: str, **attributes: str) -> Fact:
        return make_fact(subject, "name", value, attributes, source="s_1", known_from=NOW)

    with db.begin() as tx:
        document = {"id": "d_1", "name": "a.csv", "kind": "csv", "language": "zh", "sha256": "0", "passport": ""}
        tx.execute(insert(tables.documents).values(**document, added_at=NOW))
        add_sources(
            tx, Vault(b"", b"", b"", bytes(32)), [Source("s_1", "d_1", "a.csv", "row", None, 1, "", None, "行")]
        )
        one = name("customer:H001", "青禾市第一人民医院", name_en="Qinghe First Hospital", aliases="青禾一院；一院")
        other = name("customer:H002", "云渚市第一人民医院", name_en="Yunzhu First Hospital", aliases="云渚一院；一院")
        state_facts(tx, [one, other, name("product:P01", "便携超声", name_en="Portable", model="CY-60")])
        names = names_of(tx)
    mentions = Mentions(names)
    assert mentions.of("一院") == frozenset()
    assert mentions.of("青禾一院的cy-60") == {"customer:H001", "product:P01"}
    assert mentions.of("Yunzhu First Hospital") == {"customer:H002"}
