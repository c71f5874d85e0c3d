"""Where PyTorch goes a way that a graph cannot show, the recording says so; gradients within it."""

import sys
import warnings
from contextlib import contextmanager

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from microgrid.graph import creation_order  # noqa: E402
from microgrid.pytorch import gradcheck, record  # noqa: E402
from microgrid.pytorch.gradcheck import check  # noqa: E402
from microgrid.tape import Tape  # noqa: E402

nn, F = torch.nn, torch.nn.functional
BOUND = {torch.float64: 1e-12, torch.float32: 1e-6}


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


# Programs that ask for a gradient and go on with it, and leaves that begin anew on the way


def slope(y, x, **options):
    return torch.autograd.grad(y, x, torch.ones_like(y), create_graph=True, **options)[0]


def residual_of_an_equation(model, x):
    """A physics-informed network: u'' + u u' = 0 at the points x."""
    x = x.detach().clone().requires_grad_()
    u = model(x).sum(1)
    first = slope(u, x)
    return (slope(first[:, 0], x)[:, 0] + u * first[:, 1]).square().mean()


def gradient_penalty(model, x):
    """The critic's loss of WGAN-GP, between x and a shifted copy."""
    mixed = (0.3 * x + 0.7 * x.flip(0)).detach().requires_grad_()
    length = slope(model(mixed), mixed, retain_graph=True).norm(2, dim=1)
    return model(x).mean() + 10 * (length - 1).square().mean()


def inner_step(model, x):
    """MAML: the loss after one step that is itself differentiated."""
    weights = dict(model.named_parameters())
    inner = torch.func.functional_call(model, weights, (x,)).square().mean()
    steps = torch.autograd.grad(inner, list(weights.values()), create_graph=True)
    moved = {name: w - 0.1 * g for (name, w), g in zip(weights.items(), steps)}
    return (torch.func.functional_call(model, moved, (x,)) - 1).square().mean()


def functional_gradient(model, x):
    def inner(weights):
        return torch.func.functional_call(model, weights, (x,)).square().mean()

    found = torch.func.grad(inner)(dict(model.named_parameters()))
    return sum(g.square().sum() for g in found.values())


def product_with_the_hessian(model, x):
    """By a gradient of a gradient's product with a vector, which needs a gradient itself."""
    v = torch.ones_like(x, requires_grad=True)
    (g,) = torch.autograd.grad(model(x).pow(3).sum(), x, create_graph=True)
    (hv,) = torch.autograd.grad(g, x, v, create_graph=True)
    (back,) = torch.autograd.grad(hv.sum(), v, create_graph=True)
    return hv.square().sum() + back.sum()


def adversarial_example(model, x):
    """A gradient without create_graph is a constant of the graph."""
    near = x.detach().requires_grad_()
    (g,) = torch.autograd.grad(model(near).square().sum(), near)
    return model((near + 0.1 * g.sign()).detach()).square().sum() + x.sum()


def fixed_point_with_a_new_leaf(model, x):
    """h goes on after a leaf was detached from it: its own history stays."""
    h = x * 2
    new = h.detach().requires_grad_()
    return (new[:, 0] * 3 + new.view(-1)[0] + h.square().sum(1) + model(new).sum()).sum()


PROGRAMS = [
    residual_of_an_equation, gradient_penalty, inner_step, functional_gradient,
    product_with_the_hessian, adversarial_example, fixed_point_with_a_new_leaf,
]  # fmt: skip


def perceptron(dtype=torch.float64):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).to(dtype)
    return model, torch.randn(4, 2, dtype=dtype, requires_grad=True)


@pytest.mark.parametrize("dtype", BOUND, ids=str)
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_gradients_through_gradients_are_pytorchs(program, dtype):
    model, x = perceptron(dtype)
    with record(model, inputs=[x]) as recording:
        loss = program(model, x)
    tensors = [*model.parameters(), x]
    wanted = torch.autograd.grad(loss, tensors, allow_unused=True)
    known = [(p, g.double().numpy()) for p, g in zip(tensors, wanted) if g is not None]
    largest = max(float(np.abs(g).max()) for _, g in known)
    assert recording.loss.data == pytest.approx(loss.item(), rel=BOUND[dtype], abs=BOUND[dtype])
    for p, g in known:
        assert np.abs(recording.gradient(p) - g).max() <= BOUND[dtype] * largest
    assert not [leaf for leaf in recording.named_values() if leaf.startswith("leaf")]


def test_a_tape_replays_the_gradient_within():
    model, x = perceptron()
    with record(model, inputs=[x]) as recording:
        product_with_the_hessian(model, x)
    assert "gradient" in {node.scope for node in creation_order(recording.loss)}
    tape = Tape(recording, inputs=[recording.value(x)])
    other = torch.randn(4, 2, dtype=torch.float64, requires_grad=True)
    want = product_with_the_hessian(model, other).item()
    assert tape.forward(other.flatten().tolist()) == pytest.approx(want, rel=1e-12)


@pytest.mark.parametrize("program", PROGRAMS[:4], ids=lambda program: program.__name__)
def test_gradcheck_says_that_it_does_not_see_a_gradients_derivative(program):
    model, x = perceptron()
    report = check(lambda x: program(model, x), [x])
    assert report.ok
    assert report.checked > 2
    (unseen,) = {said.partition(", at")[0] for said in report.unseen}
    assert unseen.startswith("torch.autograd.grad has a derivative")


def _backward(model, x):
    model(x).sum().backward()


def _own_backward(model, x):
    slope(Reversed.apply(model(x)), x)


def _copy(model, x):
    copy = x.clone()  # of x: the same Values
    torch.autograd.grad((copy * x).sum(), copy, create_graph=True)


def _batched(model, x):
    torch.func.jacrev(lambda x: model(x))(x)


def _edge(model, x):
    y = model(x)
    torch.autograd.grad(y.sum(), torch.autograd.graph.get_gradient_edge(y))


@pytest.mark.parametrize(
    ("program", "kind", "message"),
    [
        (_backward, RuntimeError, r"backward\(\) was called while recording, at test_honest"),
        (
            _own_backward,
            RuntimeError,
            "gives another gradient than the derivative .* a backward of its own",
        ),
        (_copy, RuntimeError, r"is it asked for a copy, which has its original's Values"),
        (_batched, NotImplementedError, r"at test_honest\.py:\d+ asks for several"),
        (_edge, NotImplementedError, "is asked about what is no tensor"),
    ],
)
def test_what_cannot_be_recorded_is_said(program, kind, message):
    model, x = perceptron()
    with pytest.raises(kind, match=message), record(model, inputs=[x]):
        program(model, x)
