"""Paths: every chain-rule product, counted first, found lazily, and written on the board."""

import math

import pytest
from hypothesis import given, settings
from random_graphs import graphs

from demos.quiz import quiz
from microgrid import Value, bptt
from microgrid import functional as F
from microgrid.ops import Op
from microgrid.sweep import plan_sweeps
from microgrid.value import record


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
        "  1. L(y_2(h_2(h_1(h_0))))",
        "     dL/dy_2 · dy_2/dh_2 · dh_2/dh_1 · dh_1/dh_0",
        "     = 1 · W_y · W_h · W_h",
        "     = 1 · (-1) · (-5) · (-5) = -25",
        "  2. L(y_1(h_1(h_0)))",
        "     dL/dy_1 · dy_1/dh_1 · dh_1/dh_0",
        "     = 1 · W_y · W_h",
        "     = 1 · (-1) · (-5) = 5",
        "",
        "  dL/dh_0 = -25 + 5 = -20",
        "",
        "  where L = y_1 + y_2",
        "        y_2 = W_y × h_2",
        "        h_2 = W_x·E[c] + W_h·h_1",
        "        h_1 = W_x·E[o] + W_h·h_0",
        "        y_1 = W_y × h_1",
    ]


def test_explain_nests_the_functions_and_keeps_factors_together():
    """Row 004-6, E(f(g(w))), and row 004-7, (y_hat - y) y_hat (1 - y_hat) a_1."""
    w, b = Value(0.7, label="w"), Value(0.5, label="b")
    a, s = Value(0.9, label="a"), None
    s = F.dot([b, w], [1.0, a])
    y_hat, s.label = s.sigmoid(), "s"
    error = F.mse_loss(y_hat, 0.1, reduction="half_sum")
    y_hat.label, error.label = "ŷ", "E"
    lines = str(bptt.explain(error, "w")).splitlines()
    assert lines[2] == "  1. E(u_1(u_2(ŷ(s(w)))))"
    assert lines[4] == "     = 0.5 · (2·u_2) · 1 · (ŷ·(1 − ŷ)) · a"
    assert lines[-2:] == ["        ŷ = sigmoid(s)", "        s = b·1 + w·a"]
    assert r"\left(ŷ \, \left(1 - ŷ\right)\right) \cdot a" in bptt.explain(error, "w").latex


def test_explain_takes_the_branch_of_a_kink_and_any_op():
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    own = Op("twice", "2x", lambda xp, x: 2.0 * x if x else x, lambda xp, out, x: (2.0,))
    loss = (a * b).relu() + a**2 + F.logsumexp([a, b]) + record(own, [a])
    loss.label = "L"
    text = str(bptt.explain(loss, "a"))
    assert "· (2·a)" in text
    assert "· 0 · b" in text
    assert "· exp(a − u_" in text
    assert text.count("· 2 = 2") == 1
    many = str(bptt.explain(quiz("ciao" * 4), "W_h"))
    assert "\n        … (" in many


def test_explain_in_latex():
    run = quiz("o")
    run.loss.label = "loss"
    explained = bptt.explain(run, "W_h")
    assert explained.latex == (
        r"\begin{aligned} \frac{\partial \mathrm{loss}}{\partial W_{h}} &= "
        r"\frac{\partial \mathrm{loss}}{\partial h_{1}}\,"
        r"\frac{\partial h_{1}}{\partial W_{h}} = W_{y} \cdot h_{0} = (-1) \cdot 0 = 0 "
        r"\\ &= 0 \end{aligned}"
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
