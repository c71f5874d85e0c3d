"""Wrong backwards are found and named, right ones are left alone, in both precisions."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from microgrid import gradcheck as scalar  # noqa: E402
from microgrid.pytorch import GradcheckError, gradcheck  # noqa: E402
from microgrid.pytorch.gradcheck import check  # noqa: E402
from tests.pytorch.functions import CASES, HOSTS, MUTATIONS, Loop, made  # noqa: E402
from tests.pytorch.models import MODELS  # noqa: E402
from tests.pytorch.random_models import random_model, torchs_verdict  # noqa: E402

nn = torch.nn
DTYPES = [torch.float64, torch.float32]


def test_there_are_thirty_wrong_backwards():
    assert len(MUTATIONS) >= 30


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.__name__)
@pytest.mark.parametrize(
    ("case", "name", "backward"), MUTATIONS, ids=[f"{c.name}: {name}" for c, name, _ in MUTATIONS]
)
def test_a_wrong_backward_is_found_and_named(case, name, backward, host, dtype):
    torch.manual_seed(0)
    model = host(made(case, backward)).to(dtype)
    report = check(model, [torch.randn(4, 3, 3, dtype=dtype)])
    assert {fault.function for fault in report.faults} == {f"{case.name}Backward"}
    fault = report.faults[0]
    assert fault.call.site.file.endswith("functions.py")
    assert fault.found != pytest.approx(fault.exact, rel=1e-6)
    if host is Loop:
        assert fault.step == 3


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("host", HOSTS, ids=lambda host: host.__name__)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_right_backward_is_exact(case, host, dtype):
    torch.manual_seed(0)
    model = host(made(case, case.right)).to(dtype)
    assert gradcheck(model, [torch.randn(4, 3, 3, dtype=dtype)])


@pytest.mark.parametrize("seed", [50101, 50213])
def test_a_norm_of_nearly_equal_entries_raises_no_alarm(seed):
    # In float32 what is left of a row less its mean has few digits, and the weight's gradient too.
    model, x = random_model(seed)
    report = check(model.float(), [x.float()])
    assert report.ok, str(report)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("name", MODELS)
def test_pytorchs_own_backwards_are_exact(name, dtype):
    torch.manual_seed(0)
    model, inputs, loss_of = MODELS[name]()
    model = model.to(dtype)
    inputs = [x.to(dtype) if x.is_floating_point() else x for x in inputs]
    report = check(lambda *xs: loss_of(model, *xs), inputs)
    assert report.ok, report
    assert not report.unseen


def test_no_false_alarm_on_two_hundred_right_models():
    verdicts = []
    for seed in range(200):
        model, x = random_model(seed)
        report = check(model, [x])
        assert report.ok, f"seed {seed}: {report}"
        if seed % 20 == 0:
            verdicts.append(torchs_verdict(model, x))
    assert any(verdict != "right" for verdict in verdicts), "torch's own check fails right models"


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 2 * x**2


cube = Cube.apply


def test_the_message_says_who_where_when_and_how():
    x = torch.tensor([[1.0, 2.0]], dtype=torch.float64)

    def program(x):
        h = x
        for _ in range(3):
            h = torch.tanh(h) if h is x else cube(h)
        return h.sum()

    with pytest.raises(GradcheckError) as caught:
        gradcheck(program, [x])
    text = str(caught.value)
    assert "2 of 4 backward functions are wrong" in text
    assert "CubeBackward at test_torch_gradcheck.py:" in text
    assert "call 2 of 2 on that line" in text
    assert "0.666667 times the exact one in every entry" in text
    assert isinstance(caught.value, scalar.GradcheckError)


def test_what_cannot_be_seen_is_said_and_the_rest_is_checked():
    report = check(lambda x: torch.linalg.svdvals(x)[0] * cube(x).sum(), [torch.rand(2, 2)])
    assert [fault.function for fault in report.faults] == ["CubeBackward"]
    (said,) = report.unseen
    assert "aten._linalg_svd has no rule" in said
    assert "test_torch_gradcheck.py" in said
    assert "not checked: " in str(report)


def test_a_leaf_that_apply_was_not_given_is_found():
    w = torch.tensor(2.0, requires_grad=True)

    class Sneaky(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * w

        @staticmethod
        def backward(ctx, g):
            return g * w

    (fault,) = check(Sneaky.apply, [torch.ones(2)]).faults
    assert fault.towards == "w"
    assert fault.exact == pytest.approx(
        0.5 + 1.118034, rel=1e-6
    )  # the weights 0.5 and 0.5 + 0.618034
    assert "pass it to apply()" in str(fault)


def test_no_gradient_of_the_users_is_touched():
    model, x = nn.Linear(2, 1), torch.ones(1, 2)
    gradcheck(model, [x])
    assert model.weight.grad is None
    assert x.grad is None
    assert not x.requires_grad


def test_the_fixture_takes_modules_and_functions_of_tensors(gradcheck):
    assert gradcheck(nn.LSTM(2, 3), [torch.randn(4, 1, 2)])
    assert gradcheck(torch.sin, [torch.ones(2)])
    with pytest.raises(GradcheckError, match="CubeBackward"):
        gradcheck(cube, torch.ones(2))
    assert gradcheck(lambda a: a * a, [3.0])


def test_bad_input():
    with pytest.raises(TypeError, match=r"needs a torch\.nn\.Module or a function, got 3"):
        gradcheck(3, [torch.ones(1)])
    with pytest.raises(ValueError, match="nothing that was returned needs a gradient"):
        gradcheck(lambda x: x.detach(), [torch.ones(1)])
    with pytest.raises(ValueError, match="float32 and float64 are recorded"):
        gradcheck(torch.tanh, [torch.ones(1, dtype=torch.float16)])
