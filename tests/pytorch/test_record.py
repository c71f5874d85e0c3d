"""Any PyTorch code as a graph: values and gradients are PyTorch's, and nothing is silent."""

from __future__ import annotations

import gc
import io
import weakref

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import viz  # noqa: E402
from microgrid import Value, bptt, scope  # noqa: E402
from microgrid.debugger import debug  # noqa: E402
from microgrid.graph import creation_order  # noqa: E402
from microgrid.pytorch import record  # noqa: E402
from microgrid.saving import load_graph, save_graph  # noqa: E402
from microgrid.stepper import Stepper  # noqa: E402
from microgrid.tape import Tape  # noqa: E402
from tests.pytorch.models import MODELS  # noqa: E402
from viz.layout.gates import gated  # noqa: E402
from viz.picture.build import picture_of  # noqa: E402

nn, F = torch.nn, torch.nn.functional
BOUND = {torch.float64: 1e-12, torch.float32: 1e-6}


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("dtype", BOUND, ids=str)
@pytest.mark.parametrize("name", MODELS)
def test_values_and_gradients_are_pytorchs(name, dtype):
    model, inputs, loss_of = MODELS[name]()
    model = model.to(dtype)
    inputs = [x.to(dtype).requires_grad_() if x.is_floating_point() else x for x in inputs]
    with record(model, inputs=inputs) as recording:
        loss = loss_of(model, *inputs)
    loss.backward()
    assert recording.loss.data == pytest.approx(loss.item(), rel=BOUND[dtype])
    tensors = [p for p in (*model.parameters(), *inputs) if p.grad is not None]
    largest = max(float(p.grad.abs().max()) for p in tensors)
    for p in tensors:
        apart = np.abs(recording.gradient(p) - p.grad.double().numpy()).max()
        assert apart <= BOUND[dtype] * largest
        own = np.vectorize(lambda v: v.grad or 0.0, otypes=[float])(
            np.array(recording.value(p), dtype=object)
        )
        assert np.abs(own - p.grad.double().numpy()).max() <= BOUND[dtype] * largest


def small(kind="RNN", hidden=1, steps=3, **options):
    model = nn.Sequential()
    model.rnn, model.head = getattr(nn, kind)(1, hidden, **options), nn.Linear(hidden, 2)
    model = model.double()
    x, y = torch.randn(steps, 1, 1).double(), torch.arange(steps) % 2
    with record(model, inputs=[x]) as recording:
        loss = F.cross_entropy(model.head(model.rnn(x)[0]).reshape(-1, 2), y)
    return model, x, recording, loss


def test_a_recurrent_module_gets_columns_names_and_a_loss_per_step():
    _, _, recording, _ = small()
    run = recording.__graph__()
    assert [[h.label for h in row] for row in run.states] == [["h_0"], ["h_1"], ["h_2"], ["h_3"]]
    assert [row[0].label for row in run.inputs] == ["x_1", "x_2", "x_3"]
    assert [y.label for y in run.outputs[1]] == ["y_2[0]", "y_2[1]"]
    assert [loss.label for loss in run.losses] == ["L_1", "L_2", "L_3"]
    labels = {node.label for node in creation_order(run.loss)}
    assert {"W_ih", "W_hh", "b_ih", "b_hh", "head.weight[1,0]", "z_2", "L"} <= labels
    assert run.states[2][0].scope == "t=2/cell"
    assert run.outputs[1][0].scope == "t=2/head"
    assert run.losses[2].scope == "t=3/loss"


@pytest.mark.parametrize(
    ("kind", "gates"),
    [("LSTM", "input forget candidate output"), ("GRU", "reset update candidate")],
)
def test_gates_stand_in_scopes_of_their_names(kind, gates):
    _, _, recording, _ = small(kind, hidden=2)
    scopes = {node.scope for node in creation_order(recording.loss)}
    assert {f"t=2/cell/{gate}" for gate in gates.split()} <= scopes


def test_a_loop_by_hand_has_its_columns_from_scope():
    w = torch.tensor(0.5, requires_grad=True, dtype=torch.float64)
    with record() as recording:
        h = torch.tensor(1.0, dtype=torch.float64)
        for t in range(1, 4):
            with scope(f"t={t}"):
                h = torch.tanh(w * h)
        loss = h * h
    loss.backward()
    parts = bptt.contributions(recording, "w")
    assert list(parts) == [1, 2, 3]
    assert sum(parts.values()) == pytest.approx(w.grad.item(), rel=1e-15)


def test_cells_in_a_loop_get_their_columns_by_themselves():
    model, inputs, loss_of = MODELS["LSTMCell"]()
    with record(model, inputs=inputs) as recording:
        loss_of(model, *inputs)
    run = recording.__graph__()
    assert len(run) == 3
    assert run.states[3][0].label == "h_3[0,0]"
    assert run.states[3][0].scope == "t=3/cell"


class Two(nn.Module):
    """Two layers, the second fed by the first's last state or by its outputs."""

    def __init__(self, stacked):
        super().__init__()
        self.enc, self.dec, self.stacked = nn.LSTM(1, 1), nn.LSTM(1, 1), stacked

    def forward(self, x, y):
        outputs, state = self.enc(x)
        return self.dec(outputs)[0] if self.stacked else self.dec(y, state)[0]


@pytest.mark.parametrize(
    ("stacked", "columns", "headings"),
    [(False, {4, 5}, ["enc"] * 3 + ["dec"] * 2), (True, {1, 2, 3}, [""] * 3)],
    ids=["decoder", "stack"],
)
def test_two_recurrent_modules_have_names_and_columns_of_their_own(stacked, columns, headings):
    model, x, y = Two(stacked), torch.randn(3, 1, 1), torch.randn(2, 1, 1)
    with record(model, inputs=[x, y]) as recording:
        loss = model(x, y).square().sum()
    loss.backward()
    nodes = {node.label: node for node in creation_order(recording.loss)}
    first = min(columns)
    assert {f"dec.h_{t}" for t in columns} <= nodes.keys()
    assert nodes["enc.c_3"].scope == "enc/t=3/cell"
    assert nodes[f"dec.h_{first}"].scope == f"dec/t={first}/cell"
    assert sorted(bptt.contributions(recording, "dec.W_hh[0,0]")) == sorted(columns)
    assert [column.caption for column in picture_of(recording).columns] == headings


def test_a_layer_called_step_by_step_gets_a_column_a_call():
    rnn, x, state = nn.GRU(1, 1), torch.randn(3, 1, 1), None
    with record(rnn, inputs=[x]) as recording:
        for step in x:
            out, state = rnn(step[None], state)
        out.sum()
    labels = {node.label for node in creation_order(recording.loss)}
    assert {"h_1", "h_2", "x_1", "x_3", "z_2"} <= labels


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_contributions_sum_to_pytorchs_grad(kind):
    model, _, recording, loss = small(kind, hidden=3, steps=4)
    loss.backward()
    for name, p in model.named_parameters():
        parts = bptt.contributions(recording, name)
        assert sorted(parts) == [1, 2, 3, 4]
        np.testing.assert_allclose(sum(parts.values()), p.grad, rtol=0, atol=1e-14)
    assert bptt.contributions(recording, "weight_hh_l0").total.shape == model.rnn.weight_hh_l0.shape


def test_everything_that_takes_a_value_takes_the_recording(tmp_path):
    model, x, recording, loss = small("LSTM")
    loss.backward()
    wanted = model.rnn.weight_hh_l0.grad[0, 0].item()
    assert "t = 3" in viz.draw(recording).source
    for name in ("a.svg", "a.png"):
        assert viz.render(recording, tmp_path / name).stat().st_size > 1000
    assert "h₂" in viz.player(recording, tmp_path / "a.html").read_text(encoding="utf-8")
    assert "LSTM" in viz.text(recording)
    out = io.StringIO()
    debug(recording, io.StringIO("n\nq\n"), out)
    assert "gets gradient 1" in out.getvalue()
    copy = load_graph(save_graph(recording, tmp_path / "a.json"))
    assert copy.data == pytest.approx(loss.item(), rel=1e-15)
    tape = Tape(recording, inputs=[recording.value(x)])
    assert tape.forward(x.flatten().tolist()) == pytest.approx(loss.item(), rel=1e-14)
    other = torch.randn(3, 1, 1).double()
    y = torch.arange(3) % 2
    want = F.cross_entropy(model.head(model.rnn(other)[0]).reshape(-1, 2), y).item()
    assert tape.forward(other.flatten().tolist()) == pytest.approx(want, rel=1e-12)
    other_model, _, again, _ = small("LSTM")
    sweep = Stepper(again)
    sweep.run()
    assert sweep.done
    assert again.value(other_model.rnn.weight_hh_l0)[0][0].grad != 0.0
    assert recording.gradient(model.rnn.weight_hh_l0)[0, 0] == pytest.approx(wanted, rel=1e-12)
    assert bptt.flow(recording).verdict == "vanishing"
    assert bptt.jacobian(recording, 2, 1).shape == (1, 1)


def test_nothing_of_a_recording_is_left_when_it_goes():
    recording = small()[2]
    node = weakref.ref(recording.loss)
    del recording
    gc.collect()
    assert node() is None


class Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g * 2


def test_an_autograd_function_is_seen_through_and_detach_cuts():
    x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)
    with record(inputs={"x": x}) as recording:
        y = Twice.apply(x)
        with torch.no_grad():
            z = y * 3
        loss = (Twice.apply(x.detach()) * y + z * x + y.detach()).sum()
    loss.backward()
    np.testing.assert_array_equal(recording.gradient(x), x.grad)
    assert {call.function for call in recording.calls} == {"", "Twice"}


def test_the_loss_is_the_last_number_that_nothing_else_uses_or_the_one_chosen():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    with record() as recording:
        first = (x * x).sum()
        second = x.sum()
        x.exp()
    assert recording.loss.data == 3.0
    recording.loss = first
    assert recording.loss.data == 5.0
    np.testing.assert_array_equal(recording.gradient(x), [2.0, 4.0])
    assert second.item() == 3.0


def test_the_branch_taken_is_said_and_guarded():
    x = torch.tensor(2.0, requires_grad=True, dtype=torch.float64)
    with record() as recording:
        y = x * 3
        loss = y * 2 if y > 0 else y
    assert loss.item() == 12.0
    (note,) = recording.notes
    assert "test_record.py" in note
    assert "branch" in note
    tape = Tape(recording, inputs=[recording.value(x)])
    assert tape.forward([1.0]) == 6.0
    with pytest.raises(RuntimeError, match="another branch"):
        tape.forward([-1.0])


# Bad input: one clear sentence each


def test_an_unknown_call_raises_with_its_name_and_the_users_line():
    x = torch.eye(2, requires_grad=True)
    with (
        pytest.raises(NotImplementedError, match=r"aten\._linalg_svd .*test_record\.py:\d+"),
        record(),
    ):
        torch.linalg.svdvals(x)


@pytest.mark.parametrize(
    ("dtype", "message"),
    [(torch.float16, "float16; float32 and float64"), (torch.bfloat16, "bfloat16"),
     (torch.complex64, "complex64; only real numbers")],
)  # fmt: skip
def test_half_and_complex_are_refused(dtype, message):
    x = torch.ones(2, dtype=dtype, requires_grad=True)
    with pytest.raises(ValueError, match=message), record():
        x * 2


def test_half_inputs_are_refused():
    with pytest.raises(ValueError, match="x is float16"):
        record(inputs=[torch.ones(2, dtype=torch.float16)])


def test_sparse_is_refused():
    x = torch.eye(2).to_sparse().requires_grad_()
    with pytest.raises(ValueError, match="only dense tensors"), record():
        x * 2


def test_another_device_is_refused():
    with pytest.raises(ValueError, match="weight is on meta and an input on cpu"):
        record(nn.Linear(2, 1, device="meta"), inputs=[torch.ones(2)])
    with pytest.raises(ValueError, match="no numbers"), record():
        torch.ones(2, device="meta", requires_grad=True) * 2


def test_backward_within_the_block_is_refused():
    x = torch.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="after the with block"), record():
        x.sum().backward()


def test_a_loss_that_is_no_scalar_is_refused():
    x = torch.ones(2, requires_grad=True)
    with record() as recording:
        y = x * 2
    with pytest.raises(ValueError, match=r"shape \(2,\), but a loss is one number"):
        _ = recording.loss
    with pytest.raises(ValueError, match="a loss is one number"):
        recording.loss = y
    assert [v.data for v in recording.value(y)] == [2.0, 2.0]
    assert viz.text(recording)


def test_nothing_recorded_is_said():
    with torch.no_grad(), record() as recording:
        torch.ones(2) * 2
    with pytest.raises(ValueError, match="nothing that needs a gradient was recorded"):
        _ = recording.loss


def test_a_model_that_was_changed_in_between_is_said():
    model, x, recording, loss = small()
    loss.backward()
    torch.optim.SGD(model.parameters(), lr=0.1).step()
    with pytest.raises(ValueError, match=r"head\.weight was changed after it was recorded"):
        recording.gradient(model.head.weight)

    def step():
        with record(model):
            model.rnn(x)
            torch.optim.SGD(model.parameters(), lr=0.1).step()

    with pytest.raises(RuntimeError, match="step the optimizer after the with block"):
        step()


def test_packed_sequences_are_refused():
    packed = nn.utils.rnn.pack_padded_sequence(torch.ones(3, 2, 1), [3, 2])
    rnn = nn.LSTM(1, 2)
    with pytest.raises(ValueError, match=r"a packed sequence .* is not recorded"), record(rnn):
        rnn(packed)
    x = torch.ones(3, 2, 1, requires_grad=True)
    message = r"a packed sequence \(give .* not recorded yet, at test_record\.py:\d+"
    with pytest.raises(NotImplementedError, match=message), record(rnn):
        nn.utils.rnn.pack_padded_sequence(x, [3, 2])


def test_what_is_no_model_no_input_and_no_part_is_refused():
    with pytest.raises(TypeError, match=r"needs a torch\.nn\.Module"):
        record(3.0)
    with pytest.raises(TypeError, match=r"inputs must be tensors, got 1\.0"):
        record(inputs=[1.0])
    _, _, recording, _ = small()
    with pytest.raises(ValueError, match="took no part"):
        recording.value(torch.ones(5))
    with pytest.raises(TypeError, match=r"a torch\.Tensor, got Value"):
        recording.gradient(Value(1.0))
    with pytest.raises(RuntimeError, match="made once"), recording:
        pass


def test_a_lone_vector_through_a_linear_layer():
    # A vector is made a matrix and back, in place: views that change a tensor's own shape.
    layer, x = nn.Linear(3, 2).double(), torch.randn(3, dtype=torch.float64, requires_grad=True)
    with record(layer) as recording:
        loss = layer(x).unsqueeze_(0).t_().square().sum()
    loss.backward()
    np.testing.assert_allclose(recording.gradient(x), x.grad, rtol=1e-14)


@pytest.mark.parametrize("kind", ["RNN", "GRU", "LSTM"])
@pytest.mark.parametrize("steps", [3, 5])
def test_both_directions_have_bands_and_start_states_of_their_own(kind, steps):
    model = getattr(nn, kind)(1, 2, bidirectional=True).double()
    x = torch.randn(steps, 1).double()
    with record(model, inputs=[x]) as recording:
        loss = model(x)[0].square().sum()
    loss.backward()
    picture = picture_of(recording)
    places = gated(picture)
    assert places is not None
    starts = {c.name: places.cards[c.id] for c in picture.cards if c.name in ("h₀", "h′₀")}
    assert starts["h₀"].right < places.frames[1].left
    assert starts["h′₀"].left > places.frames[steps].right
    assert not [row for card in picture.cards for row in card.rows if str(row.name) == "h′₀"]
