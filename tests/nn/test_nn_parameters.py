"""Where parameters are looked for, and weights that are reached by two ways."""

import numpy as np
import pytest

from microgrid import Value, nn, optim


class Tied(nn.Module):
    """An encoder and a decoder that are one and the same layer."""

    def __init__(self):
        self.enc = nn.Linear(2, 2, bias=False, seed=0)
        self.dec = self.enc


def test_a_tied_weight_counts_once():
    model = Tied()
    assert len(model.parameters()) == 4
    assert list(model.state_dict()) == ["enc.weight", "dec.weight"]
    before = model.enc.weight[0][0].data
    for p in model.parameters():
        p.grad = 3.0
    assert optim.clip_grad_norm_(model.parameters() * 2, 1.0) == 6.0  # sqrt(4 * 9)
    assert optim.grad_norm(model.parameters()) == pytest.approx(1.0, rel=1e-6)
    optim.SGD([*model.enc.parameters(), *model.dec.parameters()], lr=0.1).step()
    assert model.enc.weight[0][0].data == pytest.approx(before - 0.1 * 0.5, abs=1e-7)


def test_a_tied_weight_is_loaded_only_where_both_names_agree():
    model, rows = Tied(), [[1.0, 2.0], [3.0, 4.0]]
    before = model.state_dict()
    with pytest.raises(ValueError, match=r"dec.weight\[1\]\[1\] is a tied weight, and cannot be"):
        model.load_state_dict({"enc.weight": rows, "dec.weight": [[1.0, 2.0], [3.0, 5.0]]})
    assert model.state_dict() == before
    model.load_state_dict({"enc.weight": rows, "dec.weight": rows})
    assert model.state_dict() == {"enc.weight": rows, "dec.weight": rows}


def test_a_stack_of_one_cell_twice_has_its_parameters_once():
    cell = nn.RNNCell(2, 2, seed=0)
    deep = nn.Stacked([cell, cell])
    assert len(deep.parameters()) == len(cell.parameters()) == 10
    assert cell.weight_hh[0][1].label == "W_h¹[0,1]"


def test_parameters_in_dicts_nested_lists_arrays_and_beside_none():
    class Odd(nn.Module):
        def __init__(self):
            self.heads = {"q": nn.Linear(1, 1, bias=False), "scale": Value(2.0)}
            self.blocks = [[nn.Linear(1, 1, bias=False)], [None, nn.Linear(1, 1, bias=False)]]
            self.array = np.array([[Value(5.0), Value(6.0)]])
            self.gaps = [Value(7.0), None, Value(8.0), 3.5]
            self.ragged = [[Value(9.0)], [Value(10.0), Value(11.0)]]
            self.computed = [Value(1.0) * 2.0]
            self.itself = self
            self._hidden = Value(0.0)

    model = Odd()
    assert [name for name, _ in model.named_parameters()] == [
        "heads.q.weight[0][0]", "heads.scale", "blocks.0.0.weight[0][0]", "blocks.1.1.weight[0][0]",
        "array[0][0]", "array[0][1]", "gaps.0", "gaps.2", "ragged.0[0]", "ragged.1[0]",
        "ragged.1[1]",
    ]  # fmt: skip
    state = model.state_dict() | {"array": [[1.0, 2.0]], "ragged.1": [3.0, 4.0]}
    model.load_state_dict(state)
    assert model.state_dict() == state
    assert model.array[0, 1].data == 2.0


def test_a_module_of_ones_own_in_three_lines():
    class Two(nn.Module):
        def __init__(self):
            self.first, self.gain = nn.Linear(2, 3, seed=0), nn.Parameter([[0.5], [2.0]])

        def forward(self, xs):
            return [self.gain[0][0] * sum(self.first(xs)), self.gain[1][0]]

    model = Two()
    assert [p.label for p in model.parameters()][-2:] == ["gain[0,0]", "gain[1,0]"]
    assert model([1.0, 2.0])[1].data == 2.0
    with pytest.raises(NotImplementedError, match="Module cannot be called: it defines no forward"):
        nn.Module()()
    with pytest.raises(ValueError, match="rows of equal length, got a list"):
        nn.Parameter([[1.0], [2.0, 3.0]])


def test_adding_to_what_an_embedding_returned_leaves_its_table_alone():
    table = nn.Embedding(4, 2, seed=0)
    x = table(0)
    x += table(1)
    assert (len(x), len(table.parameters())) == (4, 8)
    assert x[0] is table.weight[0][0]
