"""Paths: every chain-rule product, counted first, found lazily, and written on the board."""

import math

import pytest
from hypothesis import given, settings
from random_graphs import graphs

from demos.quiz import quiz
from microgrid import Value, bptt
from microgrid import functional as F
from microgrid.sweep import plan_sweeps


def test_the_paths_of_the_quiz_from_the_loss_to_the_start_state():
    ways = bptt.paths(quiz(), "h_0")
    assert ways.count == 2
    described = {
        "→".join(node.label for node in path.nodes): (path.factors, path.product) for path in ways
    }
    assert described == {
        "L→y_1→h_1→h_0": ((1.0, -1.0, -5.0), 5.0),
        "L→y_2→h_2→h_1→h_0": ((1.0, -1.0, -5.0, -5.0), -25.0),
    }
    assert ways.total == -20.0
    assert repr(ways) == "Paths(L → h_0: 2 paths, sum -20)"


@settings(max_examples=60)
@given(graphs())
def test_paths_sum_to_the_gradient_and_largest_is_the_same_in_order(root):
    leaf = plan_sweeps([root])[-1][0].parents[0] if root.parents else root
    ways = bptt.paths(root, leaf)
    if ways.count > 2000:
        return
    found = list(ways)
    assert len(found) == len({(p.nodes, i) for i, p in enumerate(found)}) == ways.count
    sizes = [abs(path.product) for path in ways.largest()]
    assert len(sizes) == ways.count
    total = math.fsum(p.product for p in found) if all(map(math.isfinite, sizes)) else math.nan
    if math.isfinite(total) and all(math.isfinite(f) for p in found for f in p.factors):
        assert total == pytest.approx(ways.total, rel=1e-9, abs=1e-9 * max([1.0, *sizes]))
        assert sizes == pytest.approx(sorted(sizes, reverse=True), rel=1e-12)


def test_an_edge_that_is_there_twice_is_two_paths():
    a = Value(3.0, label="a")
    assert [path.product for path in bptt.paths(a * a, a)] == [3.0, 3.0]
    assert [path.nodes for path in bptt.paths(a, a)] == [(a,)]
    assert bptt.paths(a, a).total == 1.0


def test_an_astronomic_number_is_counted_exactly_and_starts_at_once():
    run = quiz("ciao" * 75)
    ways = bptt.paths(run, "W_h")
    assert ways.count == 300 * 301 // 2
    node = Value(1.0, label="a")
    root = node
    for _ in range(2000):
        root = F.sum([root, root, root]) / 3.0
    ways = bptt.paths(root, "a")
    assert ways.count == 3**2000
    assert ways.total == pytest.approx(1.0, rel=1e-9)
    assert len(next(iter(ways)).factors) == len(next(ways.largest()).factors) == 4000


def test_largest_comes_first_without_looking_at_the_rest():
    run = quiz("ciao" * 75)
    first = next(bptt.paths(run, "W_h").largest())
    assert abs(first.product) == max(abs(path.product) for path in bptt.paths(run, "W_h"))


def test_a_leaf_elsewhere_is_named():
    with pytest.raises(ValueError, match=r"Value\(1.0\) is not in the graph of"):
        bptt.paths(quiz(), Value(1.0))
    with pytest.raises(ValueError, match="called 'W_z'; near it: W_"):
        bptt.paths(quiz(), "W_z")


def test_explain_writes_the_sum_on_the_board():
    assert str(bptt.explain(quiz(), "h_0")).splitlines() == [
        "dL/dh_0 is the sum over 2 paths:",
        "",
        "  1. L → y_2 → h_2 → h_1 → h_0",
        "     dL/dy_2 · dy_2/dh_2 · dh_2/dh_1 · dh_1/dh_0 = 1 · (-1) · (-5) · (-5) = -25",
        "  2. L → y_1 → h_1 → h_0",
        "     dL/dy_1 · dy_1/dh_1 · dh_1/dh_0 = 1 · (-1) · (-5) = 5",
        "",
        "  dL/dh_0 = -25 + 5 = -20",
    ]


def test_explain_in_latex():
    run = quiz("o")
    run.loss.label = "loss"
    explained = bptt.explain(run, "W_h")
    assert explained.latex == (
        r"\begin{aligned} \frac{\partial \mathrm{loss}}{\partial W_{h}} &= "
        r"\frac{\partial \mathrm{loss}}{\partial h_{1}}\,"
        r"\frac{\partial h_{1}}{\partial W_{h}} = (-1) \cdot 0 = 0 \\ &= 0 \end{aligned}"
    )
    assert explained._repr_latex_() == rf"$\displaystyle {explained.latex}$"
    odd = Value(2.0, label="E[_#]")
    assert r"\partial E[\mathrm{\_\#}]" in bptt.explain(odd * 2.0, odd).latex


def test_explain_gives_what_is_left_out_as_one_number():
    explained = bptt.explain(quiz("ciao"), "h_0", most=1)
    assert len(explained.shown) == 1
    assert "the sum over 4 paths" in explained.text
    assert "dL/dh_0 = -625 + 105 = -520 (the last is the sum of the 3 paths not shown)" in str(
        explained
    )
    assert r"(3\text{ more})" in explained.latex
    with pytest.raises(ValueError, match="most must be 1 or more, got 0"):
        bptt.explain(quiz(), "h_0", most=0)
