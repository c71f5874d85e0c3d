"""Where PyTorch goes a way that a graph cannot show, the recording says so, and where."""

import sys
import warnings
from contextlib import contextmanager

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from microgrid.pytorch import gradcheck, record  # noqa: E402
from microgrid.pytorch.gradcheck import check  # noqa: E402

nn, F = torch.nn, torch.nn.functional


def linear():
    torch.manual_seed(0)
    return nn.Linear(3, 2).double(), torch.randn(4, 3, dtype=torch.float64)


class Reversed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        return -gradient


class Straight(torch.autograd.Function):
    """A step whose backward lets the gradient through; the step itself has no derivative."""

    @staticmethod
    def forward(ctx, x):
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx, gradient):
        return gradient


@pytest.mark.parametrize("function", [Reversed, Straight])
def test_a_backward_of_ones_own_is_noted_with_its_line(function):
    model, x = linear()
    with record(model, inputs=[x]) as recording:
        for _ in range(2):
            function.apply(model(x)).sum()
    (note,) = recording.notes
    assert note.startswith("test_honest.py:")
    assert f"{function.__name__} is an autograd.Function; the graph has the derivative" in note


def test_the_functions_that_pytorch_uses_itself_are_not_noted():
    model, x = linear()
    with record(model, inputs=[x.requires_grad_()]) as recording:
        torch.utils.checkpoint.checkpoint(model, x, use_reentrant=True).sum()
    assert recording.notes == []


def test_a_hook_that_may_change_the_gradient_is_noted():
    model, x = linear()
    with record(model, inputs=[x]) as recording:
        h = model(x)
        h.register_hook(lambda gradient: gradient * 0.5)
        h.sum()
    model.register_full_backward_hook(lambda *_: None)
    with record(model, inputs=[x]) as other:
        model(x).sum()
    for notes in (recording.notes, other.notes):
        (note,) = notes
        assert "test_honest.py" in note
        assert "a hook sees the gradient on its way" in note


def test_float32_on_the_way_through_float64_is_no_error():
    # As Mixtral's router does: softmax(dtype=torch.float) and back.
    model, x = linear()

    def loss(x):
        return (F.softmax(model(x), 1, dtype=torch.float32).to(x.dtype) * x[:, :2]).sum()

    with record(model, inputs=[x]) as recording:
        made = loss(x)
    made.backward()
    assert recording.loss.data == pytest.approx(made.item(), rel=1e-6)
    largest = model.weight.grad.abs().max().item()
    apart = np.abs(recording.gradient(model.weight) - model.weight.grad.numpy()).max()
    assert apart <= 1e-6 * largest
    assert gradcheck(loss, [x])


def scripted(model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.jit.script(nn.Sequential(model, nn.Tanh()))


@pytest.mark.parametrize("names", [True, False], ids=["model known", "model unknown"])
def test_an_optimised_script_never_gives_a_wrong_graph(names):
    # The first runs are profiled and seen call by call; then TorchScript keeps its gradient.
    model, x = linear()
    script = scripted(model)
    for _ in range(5):
        recording = record(model if names else None, inputs=[x])
        try:
            with recording:
                loss = script(x).square().sum()
        except NotImplementedError as error:
            assert "test_honest.py" in str(error)  # noqa: PT017
            assert "a TorchScript module runs that PyTorch has optimised" in str(error)  # noqa: PT017
            continue
        model.zero_grad()
        loss.backward()
        np.testing.assert_allclose(recording.gradient(model.weight), model.weight.grad, 1e-12)


def test_what_is_refused_within_a_script_keeps_its_words():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        script = torch.jit.trace(torch.linalg.svdvals, torch.eye(2))
    x = torch.eye(2, requires_grad=True)
    with pytest.raises(NotImplementedError, match=r"aten\._linalg_svd .*test_honest\.py"), record():
        script(x)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (lambda m, x: torch.view_as_complex(m(x)).abs(), r"aten\.view_as_complex at .* complex128"),
        (lambda m, x: torch.fft.rfft(m(x)), r"the result of aten\._fft_r2c at .* is complex128"),
        (lambda m, x: torch.sparse.mm(torch.eye(4).double().to_sparse(), m(x)),
         r"what aten\._sparse_addmm is given at test_honest\.py:\d+ is sparse_coo"),
        (lambda m, x: x.half() @ m(x).half().T, r"aten\._to_copy at .* is float16"),
    ],
    ids=["view_as_complex", "fft", "sparse", "half"],
)  # fmt: skip
def test_a_refusal_names_the_call_and_the_line(program, message):
    model, x = linear()
    with pytest.raises(ValueError, match=message) as refusal, record(model):
        program(model, x)
    assert "test_honest.py" in str(refusal.value)


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
def test_quantised_tensors_are_refused():
    x = torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8)
    w = torch.ones(2, requires_grad=True)
    with (
        pytest.raises(ValueError, match="is quantised; float32 and float64 are recorded"),
        record(),
    ):
        torch.where(torch.tensor([True, False]), w, x)


class InNumPy(torch.autograd.Function):
    """Right, but PyTorch does not see what it computes."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.from_numpy(np.sin(x.detach().numpy()))

    @staticmethod
    def backward(ctx, gradient):
        return gradient * ctx.saved_tensors[0].cos()


def test_what_numpy_computed_within_the_block_is_no_leaf():
    model, x = linear()
    before = InNumPy.apply(model(x))
    with record(model):  # a leaf: it was there before
        before.sum()
    message = r"at test_honest\.py:\d+ a tensor comes from InNumPyBackward, whose forward was not"
    with pytest.raises(NotImplementedError, match=message), record(model):
        InNumPy.apply(model(x)).sum()
    report = check(lambda x: InNumPy.apply(model(x)).square().sum(), [x])
    assert report.ok
    (unseen,) = report.unseen
    assert unseen.startswith("InNumPyBackward has a forward that was not seen, at test_honest.py:")


@pytest.mark.parametrize("terminal", [True, False])
def test_a_long_recording_says_so_on_a_terminal(monkeypatch, terminal):
    said = []

    @contextmanager
    def patience(doing):
        said.append(doing)
        yield

    monkeypatch.setattr(sys.modules["microgrid.pytorch.record"], "patience", patience)
    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    model, x = linear()
    with record(model):
        model(x).sum()
    assert said == (["recording Linear"] if terminal else [])
