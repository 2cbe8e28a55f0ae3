"""The graph suite: its seeded graph, its format, and that what it measures is really there and really gone."""

from pathlib import Path

import pytest

from eval.graph import drawn, percentile, read_graph, sales_graph, write_graph
from eval.jsonl import BadData
from eval.run_graph import run
from governance.settings import Settings


def test_the_seeded_graph_has_the_size_that_was_asked_for_and_every_end_is_a_node() -> None:
    graph = sales_graph(1000, 5000)
    assert graph.size == (1000, 5000)
    assert graph == sales_graph(1000, 5000)
    assert graph != sales_graph(1000, 5000, seed=1)
    ids = {node.id for node in graph.nodes}
    assert {end for edge in graph.edges for end in (edge.source, edge.target) if end} <= ids


def test_a_graph_survives_its_folder(tmp_path: Path) -> None:
    graph = sales_graph(120, 400)
    write_graph(graph, tmp_path)
    assert read_graph(tmp_path) == graph


@pytest.mark.parametrize(
    ("nodes", "edges", "said"),
    [
        ('{"id": "customer:1"}', '{"source": "customer:1", "relation": "bought", "target": "product:9"}', "product:9"),
        ('{"id": "hospital 1"}', "", "KIND:NUMBER"),
        ('{"id": "customer:1"}', "", "empty"),
        ('{"id": 1}', "", "id"),
        (
            '{"id": "customer:1"}',
            '{"source": "customer:1", "relation": "part_of", "target": "customer:1", "from": "soon"}',
            "YYYY-MM-DD",
        ),
        (
            '{"id": "customer:1"}',
            '{"source": "customer:1", "relation": "part_of", "target": "customer:1", "attributes": []}',
            "attributes",
        ),
        ('{"id": "customer:1"}', '{"source": "customer:1", "relation": "likes", "target": "customer:1"}', "likes"),
    ],
)
def test_what_is_wrong_with_a_folder_is_said_in_both_languages(
    tmp_path: Path, nodes: str, edges: str, said: str
) -> None:
    (tmp_path / "nodes.jsonl").write_text(nodes, "utf-8")
    (tmp_path / "edges.jsonl").write_text(edges, "utf-8")
    with pytest.raises(BadData) as raised:
        run(tmp_path, Settings())
    assert said in raised.value.en
    assert raised.value.zh


def test_percentiles_are_of_the_nearest_rank_and_draws_are_seeded() -> None:
    assert [percentile([3, 1, 2, 4], share) for share in (0.25, 0.5, 0.95, 1)] == [1, 2, 4, 4]
    assert drawn(["a", "b", "c"], 9) == drawn(["a", "b", "c"], 9)
    assert sorted(drawn(["a", "b", "c"], 9)) == ["a", "b", "c"]


@pytest.mark.slow
def test_the_suite_measures_a_folder_beside_llama_indexs_own_store(tmp_path: Path) -> None:
    write_graph(sales_graph(200, 900), tmp_path)
    found = run(tmp_path, Settings())
    assert (found["nodes_data"], found["edges_data"]) == (200, 900)
    assert found["two_hop_edges_data"] > 50
    assert found["left_after_delete_data"] == 0
    for name in ("two_hop_p95_ms", "customer_360_p95_ms", "load_s", "delete_customer_ms", "peer_two_hop_ratio"):
        assert found[f"{name}_data"] > 0
