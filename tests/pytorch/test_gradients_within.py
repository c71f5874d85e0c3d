"""Programs that ask for a gradient and go on with it, and leaves that begin anew on the way."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from microgrid.graph import creation_order  # noqa: E402
from microgrid.pytorch import record  # noqa: E402
from microgrid.pytorch.gradcheck import check  # noqa: E402
from microgrid.tape import Tape  # noqa: E402

nn, F = torch.nn, torch.nn.functional
BOUND = {torch.float64: 1e-12, torch.float32: 1e-6}


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


class Reversed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        return -gradient


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
        (_backward, RuntimeError, r"backward\(\) was called while recording, at test_gradients"),
        (
            _own_backward,
            RuntimeError,
            "gives another gradient than the derivative .* a backward of its own",
        ),
        (_copy, RuntimeError, r"is it asked for a copy, which has its original's Values"),
        (_batched, NotImplementedError, r"at test_gradients_within\.py:\d+ asks for several"),
        (_edge, NotImplementedError, "is asked about what is no tensor"),
    ],
)
def test_what_cannot_be_recorded_is_said(program, kind, message):
    model, x = perceptron()
    with pytest.raises(kind, match=message), record(model, inputs=[x]):
        program(model, x)
