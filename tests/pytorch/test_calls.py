"""Every class of torch.nn, many calls of torch and whole programs: all is as PyTorch has it."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from microgrid.pytorch import record  # noqa: E402
from microgrid.pytorch.gradcheck import check  # noqa: E402
from microgrid.tape import Tape  # noqa: E402
from tests.pytorch.calls import ABSTRACT, CALLS, LAZY, MODULES  # noqa: E402
from tests.pytorch.programs import PROGRAMS, seq2seq_with_attention  # noqa: E402
from viz.layout.geometry import PAGE  # noqa: E402
from viz.layout.place import layout_of  # noqa: E402
from viz.picture.build import picture_of  # noqa: E402

nn, F = torch.nn, torch.nn.functional
BOUND = {torch.float64: 1e-12, torch.float32: 1e-6}


def agree(f, given, dtype):
    """f of random tensors, recorded: numbers and gradients are PyTorch's."""
    torch.manual_seed(0)
    inputs = [torch.randn(x, dtype=dtype).requires_grad_() if isinstance(x, tuple) else
              x.to(dtype) if x.is_floating_point() else x for x in given]  # fmt: skip
    model = f.to(dtype) if isinstance(f, nn.Module) else None
    before = {} if model is None else {k: v.clone() for k, v in model.state_dict().items()}
    torch.manual_seed(1)
    with record(model) as recording:
        out = f(*inputs)
        out = out if isinstance(out, torch.Tensor) else next(iter(out))
        loss = (out * torch.linspace(-1, 1, out.numel(), dtype=dtype).reshape(out.shape)).sum()
    loss.backward()
    if model is not None:
        model.load_state_dict(before)
    torch.manual_seed(1)
    again = f(*inputs)
    again = again if isinstance(again, torch.Tensor) else next(iter(again))
    torch.testing.assert_close(out, again)  # recording changes nothing
    assert recording.error <= BOUND[dtype]
    tensors = [*inputs, *(model.parameters() if model is not None else ())]
    tensors = [p for p in tensors if p.grad is not None]
    assert tensors
    largest = max(1e-3, *(float(p.grad.abs().max()) for p in tensors))
    for p in tensors:
        apart = np.abs(recording.gradient(p) - p.grad.double().numpy()).max()
        assert apart <= BOUND[dtype] * largest


@pytest.mark.parametrize("dtype", BOUND, ids=str)
@pytest.mark.parametrize("name", MODULES)
def test_every_module_of_torch_nn(name, dtype):
    torch.manual_seed(0)
    agree(*MODULES[name](), dtype)


@pytest.mark.parametrize("dtype", BOUND, ids=str)
@pytest.mark.parametrize("name", CALLS)
def test_calls_of_torch(name, dtype):
    agree(*CALLS[name], dtype)


def test_no_module_of_torch_nn_is_forgotten():
    known = {name.partition(",")[0] for name in MODULES} | ABSTRACT | LAZY
    theirs = {name for name, kind in vars(nn).items()
              if isinstance(kind, type) and issubclass(kind, nn.Module)}  # fmt: skip
    assert theirs - known == {"CTCLoss", "CrossMapLRN2d", "Hardsigmoid"}


def test_torchs_own_hardsigmoid_has_a_float32_sixth_for_a_slope():
    # Its kernel divides 1.0f by 6.0f, in float64 as well; the recording has the sixth itself.
    x = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    with record() as recording:
        loss = F.hardsigmoid(x).sum()
    loss.backward()
    assert x.grad.item() == float(np.float32(1) / np.float32(6))
    assert recording.gradient(x).item() == 1 / 6


def test_trigamma_is_better_than_pytorchs():
    # PyTorch's has ten digits in float64; pi^2 / 6 and pi^2 / 2 are what it is at 1 and 1/2.
    x = torch.tensor([1.0, 0.5], dtype=torch.float64, requires_grad=True)
    with record() as recording:
        made = torch.polygamma(1, x)
    found = [value.data for value in recording.value(made)]
    assert found == pytest.approx([np.pi**2 / 6, np.pi**2 / 2], rel=1e-15)
    message = "polygamma function of a number that is not positive"
    with pytest.raises(NotImplementedError, match=message), record():
        torch.polygamma(1, -x)


def test_what_has_no_rule_is_refused_in_a_sentence():
    x = torch.eye(2, dtype=torch.float64, requires_grad=True)
    with pytest.raises(NotImplementedError, match="the CTC loss, a sum over all align"), record():
        F.ctc_loss(x.log_softmax(1)[:, None], torch.tensor([[1]]), [2], [1])
    with pytest.raises(ValueError, match="complex128; only real numbers are recorded"), record():
        torch.fft.fft(x).abs().sum()
    with pytest.raises(NotImplementedError, match=r"_linalg_eigh .*test_calls\.py:\d+"), record():
        torch.linalg.eigvalsh(x)


# An unkind newcomer's programs: each works, or is refused in a sentence


def _perceptron():
    torch.manual_seed(0)
    layers = nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)
    return nn.Sequential(*layers).double(), torch.randn(4, 2, dtype=torch.float64)


@pytest.mark.parametrize("reentrant", [False, True])
def test_a_checkpointed_module_is_seen_through(reentrant):
    model, x = _perceptron()
    x.requires_grad_()
    with record(model, inputs=[x]) as recording:
        loss = torch.utils.checkpoint.checkpoint(model, x, use_reentrant=reentrant).sum()
    loss.backward()
    np.testing.assert_allclose(recording.gradient(model[0].weight), model[0].weight.grad, 1e-12)
    np.testing.assert_allclose(recording.gradient(x), x.grad, 1e-12)


def test_a_frozen_module_is_recorded_for_its_inputs():
    model, x = _perceptron()
    with record(model.requires_grad_(False), inputs=[x]) as recording:
        model(x).sum()
    (want,) = torch.autograd.grad(model(x.requires_grad_()).sum(), x)
    np.testing.assert_allclose(recording.gradient(x.detach()), want, 1e-12)


def test_a_branch_on_a_parameter_itself_is_noted():
    w = torch.tensor(2.0, requires_grad=True)
    with record() as recording:
        [w * w for _ in range(int(w.item()))]
    assert "test_calls.py" in recording.notes[0]


def _record_within(model, x):
    with record(model):
        pass


def _nested(model, x):
    torch.nested.nested_tensor([x[0], x[1]], requires_grad=True) * 2


def _autocast(model, x):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        model.float()(x.float())


def _second_result(model, x):
    torch.native_group_norm(x.requires_grad_(), None, None, 4, 2, 1, 1, 1e-5)[1].sum()


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (_record_within, "a recording is running already"),
        (_nested, "is nested; only dense tensors"),
        (_autocast, r"is bfloat16; .* outside torch\.autocast"),
        (_second_result, r"aten\.sum at test_calls\.py:\d+ uses a second result"),
    ],
)
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_what_cannot_be_recorded_is_said(program, message):
    model, x = _perceptron()
    with pytest.raises((RuntimeError, ValueError), match=message), record(model):
        program(model, x)


def test_a_class_is_no_module():
    with pytest.raises(TypeError, match=r"needs a torch\.nn\.Module or a function"):
        record(nn.Linear)


# Twenty programs of the kind that people have: recorded, drawn, replayed and checked


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("dtype", BOUND, ids=str)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_a_program_is_recorded_drawn_replayed_and_checked(program, dtype):
    torch.manual_seed(0)
    model, inputs, loss_of = program()
    model = model.to(dtype)
    inputs = [x.to(dtype).requires_grad_() for x in inputs]
    with record(model, inputs=inputs) as recording:
        loss = loss_of(*inputs)
    loss.backward()
    assert recording.loss.data == pytest.approx(loss.item(), rel=BOUND[dtype])
    known = [p for p in (*model.parameters(), *inputs) if p.grad is not None]
    largest = max(float(p.grad.abs().max()) for p in known)
    for p in known:
        apart = np.abs(recording.gradient(p) - p.grad.double().numpy()).max()
        assert apart <= BOUND[dtype] * largest
    if dtype == torch.float64:
        assert picture_of(recording).cards
        assert Tape(recording).forward([]) == pytest.approx(recording.loss.data, rel=1e-12)
    report = check(lambda *xs: loss_of(*xs), inputs)
    assert report.ok, str(report)
    assert report.unseen == []


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_a_program_can_be_drawn_at_every_level(program):
    torch.manual_seed(0)
    model, inputs, loss_of = program()
    with record(model, inputs=inputs) as recording:
        loss_of(*inputs)
    levels = ["auto", "gate", "vector", "cell", "scope"]
    levels += ["neuron"] if program is seq2seq_with_attention else []
    for level in levels:
        picture = picture_of(recording, detail=level)
        places = layout_of(picture)
        assert places.cards.keys() == {card.id for card in picture.cards}
        assert places.wires.keys() == {wire.id for wire in picture.wires}
        if level == "auto" and program is seq2seq_with_attention:
            assert places.graph().w < PAGE
