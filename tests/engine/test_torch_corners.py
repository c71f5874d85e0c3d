"""PyTorch's answers in every corner: one table, held against us and, if installed, PyTorch.

A case is an expression in a and b, their values, then the result and d(result)/da,
d(result)/db as PyTorch 2.13 gives them in float64. `lse`, `softmax` and `log_softmax` are
logsumexp and the first entries of softmax; `ce` is cross_entropy with the class b,
`ce_p` with the probabilities 0.25 and 0.75; `bcel` is binary_cross_entropy_with_logits.

Two things differ everywhere, on purpose. An input that is not used has `grad` None here
as there, but `grad()` gives 0 for it, where torch.autograd.grad wants allow_unused=True
and then gives None. And intermediate gradients are kept, which torch does on
`retain_grad()` only. Where a number differs, DIFFERENT has both and the reason.
"""

import math

import pytest

from microgrid import Value, grad
from microgrid import functional as F

inf, nan = math.inf, math.nan

# expression, inputs, result, gradients
TABLE = [
    ("a ** b", (-2.0, 3.0), -8.0, (12.0, nan)),
    ("a ** b", (-2.0, -1.0), -0.5, (-0.25, nan)),
    ("a ** b", (-2.0, 0.5), nan, (nan, nan)),
    ("a ** b", (-2.0, 2.0), 4.0, (-4.0, nan)),
    ("a ** b", (0.0, 0.0), 1.0, (0.0, 0.0)),
    ("a ** b", (0.0, 2.0), 0.0, (0.0, 0.0)),
    ("a ** b", (0.0, 1.0), 0.0, (1.0, 0.0)),
    ("a ** b", (0.0, 0.5), 0.0, (inf, 0.0)),
    ("a ** b", (0.0, -1.0), inf, (-inf, -inf)),
    ("a ** b", (-0.0, -1.0), -inf, (-inf, inf)),
    ("a ** b", (0.0, -2.0), inf, (-inf, -inf)),
    ("a ** b", (1e+200, 2.0), inf, (2e+200, inf)),
    ("a ** b", (-1e+200, 3.0), -inf, (inf, nan)),
    ("a ** b", (1e-200, 2.0), 0.0, (2e-200, -0.0)),
    ("a ** b", (1e+200, -2.0), 0.0, (-0.0, 0.0)),
    ("a ** b", (1.0, inf), 1.0, (inf, 0.0)),
    ("a ** b", (inf, 0.0), 1.0, (0.0, inf)),
    ("a ** b", (0.0, inf), 0.0, (nan, 0.0)),
    ("a ** b", (-inf, 3.0), -inf, (inf, nan)),
    ("a ** b", (nan, 0.0), 1.0, (0.0, nan)),
    ("a ** b", (1.0, nan), 1.0, (nan, 0.0)),
    ("a ** b", (2.0, 1100.0), inf, (inf, inf)),
    ("a ** 2", (0.0,), 0.0, (0.0,)),
    ("a ** 2", (-3.0,), 9.0, (-6.0,)),
    ("a ** 2", (1e+200,), inf, (2e+200,)),
    ("a ** 2", (-inf,), inf, (-inf,)),
    ("a ** 2", (nan,), nan, (nan,)),
    ("a ** 0", (0.0,), 1.0, (0.0,)),
    ("a ** 0", (-3.0,), 1.0, (0.0,)),
    ("a ** 0", (nan,), 1.0, (0.0,)),
    ("a ** -1", (0.0,), inf, (-inf,)),
    ("a ** -1", (-0.0,), -inf, (-inf,)),
    ("a ** -1", (-4.0,), -0.25, (-0.0625,)),
    ("a ** 0.5", (0.0,), 0.0, (inf,)),
    ("a ** 0.5", (-1.0,), nan, (nan,)),
    ("a ** 0.5", (4.0,), 2.0, (0.25,)),
    ("a ** 1", (0.0,), 0.0, (1.0,)),
    ("a ** 1", (-2.0,), -2.0, (1.0,)),
    ("2 ** a", (0.0,), 1.0, (0.6931471805599453,)),
    ("2 ** a", (-10000.0,), 0.0, (0.0,)),
    ("2 ** a", (10000.0,), inf, (inf,)),
    ("0 ** a", (0.0,), 1.0, (0.0,)),
    ("0 ** a", (1.0,), 0.0, (0.0,)),
    ("0 ** a", (-1.0,), inf, (-inf,)),
    ("a ** a", (2.0,), 4.0, (6.772588722239782,)),
    ("a ** a", (0.0,), 1.0, (0.0,)),
    ("a ** a", (-1.0,), -1.0, (nan,)),
    ("a ** a", (0.5,), 0.7071067811865476, (0.21697770945227396,)),
    ("a / b", (1.0, 0.0), inf, (inf, -inf)),
    ("a / b", (1.0, -0.0), -inf, (-inf, -inf)),
    ("a / b", (-1.0, 0.0), -inf, (inf, inf)),
    ("a / b", (0.0, 0.0), nan, (inf, nan)),
    ("a / b", (0.0, 1.0), 0.0, (1.0, -0.0)),
    ("a / b", (1.0, inf), 0.0, (0.0, -0.0)),
    ("a / b", (inf, inf), nan, (0.0, nan)),
    ("a / b", (1e-300, 1e+300), 0.0, (1e-300, -0.0)),
    ("a / b", (1.0, 5e-324), inf, (inf, -inf)),
    ("1 / a", (0.0,), inf, (-inf,)),
    ("1 / a", (-0.0,), -inf, (-inf,)),
    ("1 / a", (1e-320,), inf, (-inf,)),
    ("1 / a", (inf,), 0.0, (-0.0,)),
    ("a / a", (0.0,), nan, (nan,)),
    ("a / a", (3.0,), 1.0, (0.0,)),
    ("a / a", (inf,), nan, (nan,)),
    ("a - a", (3.0,), 0.0, (0.0,)),
    ("a - a", (inf,), nan, (0.0,)),
    ("a - a", (nan,), nan, (0.0,)),
    ("a * a", (3.0,), 9.0, (6.0,)),
    ("a * a", (0.0,), 0.0, (0.0,)),
    ("a * a", (1e+200,), inf, (2e+200,)),
    ("a * a", (-inf,), inf, (-inf,)),
    ("a * b", (0.0, inf), nan, (inf, 0.0)),
    ("a * b", (inf, 0.0), nan, (0.0, inf)),
    ("a * b", (nan, 0.0), nan, (0.0, nan)),
    ("a * b", (-0.0, 5.0), -0.0, (5.0, -0.0)),
    ("a * a * a", (3.0,), 27.0, (27.0,)),
    ("a * a * a", (-2.0,), -8.0, (12.0,)),
    ("a + 0 * b", (1.0, 2.0), 1.0, (1.0, 0.0)),
    ("a + 0 * b", (1.0, inf), nan, (1.0, 0.0)),
    ("relu(a)", (0.0,), 0.0, (0.0,)),
    ("relu(a)", (-0.0,), -0.0, (0.0,)),
    ("relu(a)", (1.0,), 1.0, (1.0,)),
    ("relu(a)", (-1.0,), 0.0, (0.0,)),
    ("relu(a)", (inf,), inf, (1.0,)),
    ("relu(a)", (-inf,), 0.0, (0.0,)),
    ("relu(a)", (nan,), nan, (1.0,)),
    ("abs(a)", (0.0,), 0.0, (0.0,)),
    ("abs(a)", (-0.0,), 0.0, (0.0,)),
    ("abs(a)", (-2.0,), 2.0, (-1.0,)),
    ("abs(a)", (-inf,), inf, (-1.0,)),
    ("maximum(a, b)", (1.0, 1.0), 1.0, (0.5, 0.5)),
    ("maximum(a, b)", (1.0, 2.0), 2.0, (0.0, 1.0)),
    ("maximum(a, b)", (nan, 1.0), nan, (1.0, 1.0)),
    ("maximum(a, b)", (1.0, nan), nan, (1.0, 1.0)),
    ("maximum(a, b)", (nan, nan), nan, (1.0, 1.0)),
    ("maximum(a, b)", (0.0, -0.0), 0.0, (0.5, 0.5)),
    ("maximum(a, b)", (inf, inf), inf, (0.5, 0.5)),
    ("maximum(a, b)", (-inf, 3.0), 3.0, (0.0, 1.0)),
    ("minimum(a, b)", (1.0, 1.0), 1.0, (0.5, 0.5)),
    ("minimum(a, b)", (1.0, 2.0), 1.0, (1.0, 0.0)),
    ("minimum(a, b)", (nan, 1.0), nan, (1.0, 1.0)),
    ("minimum(a, b)", (1.0, nan), nan, (1.0, 1.0)),
    ("minimum(a, b)", (0.0, -0.0), 0.0, (0.5, 0.5)),
    ("maximum(a, a)", (2.0,), 2.0, (1.0,)),
    ("maximum(a, 0 * a)", (0.0,), 0.0, (0.5,)),
    ("log(a)", (0.0,), -inf, (inf,)),
    ("log(a)", (-0.0,), -inf, (-inf,)),
    ("log(a)", (-1.0,), nan, (-1.0,)),
    ("log(a)", (5e-324,), -744.4400719213812, (inf,)),
    ("log(a)", (inf,), inf, (0.0,)),
    ("log(a)", (nan,), nan, (nan,)),
    ("sqrt(a)", (0.0,), 0.0, (inf,)),
    ("sqrt(a)", (-0.0,), -0.0, (-inf,)),
    ("sqrt(a)", (-1.0,), nan, (nan,)),
    ("sqrt(a)", (5e-324,), 2.2227587494850775e-162, (2.2494568972715982e+161,)),
    ("sqrt(a)", (inf,), inf, (0.0,)),
    ("exp(a)", (709.0,), 8.218407461554972e+307, (8.218407461554972e+307,)),
    ("exp(a)", (710.0,), inf, (inf,)),
    ("exp(a)", (-745.0,), 5e-324, (5e-324,)),
    ("exp(a)", (-746.0,), 0.0, (0.0,)),
    ("exp(a)", (-inf,), 0.0, (0.0,)),
    ("exp(a)", (inf,), inf, (inf,)),
    ("exp(a)", (nan,), nan, (nan,)),
    ("tanh(a)", (0.0,), 0.0, (1.0,)),
    ("tanh(a)", (20.0,), 1.0, (0.0,)),
    ("tanh(a)", (-20.0,), -1.0, (0.0,)),
    ("tanh(a)", (800.0,), 1.0, (0.0,)),
    ("tanh(a)", (-inf,), -1.0, (0.0,)),
    ("tanh(a)", (nan,), nan, (nan,)),
    ("sigmoid(a)", (0.0,), 0.5, (0.25,)),
    ("sigmoid(a)", (40.0,), 1.0, (0.0,)),
    ("sigmoid(a)", (-40.0,), 4.248354255291589e-18, (4.248354255291589e-18,)),
    ("sigmoid(a)", (745.0,), 1.0, (0.0,)),
    ("sigmoid(a)", (-745.0,), 0.0, (0.0,)),
    ("sigmoid(a)", (-800.0,), 0.0, (0.0,)),
    ("sigmoid(a)", (800.0,), 1.0, (0.0,)),
    ("sigmoid(a)", (-inf,), 0.0, (0.0,)),
    ("sigmoid(a)", (nan,), nan, (nan,)),
    ("softplus(a)", (0.0,), 0.6931471805599453, (0.5,)),
    ("softplus(a)", (-40.0,), 4.248354255291589e-18, (4.248354255291589e-18,)),
    ("softplus(a)", (-800.0,), 0.0, (0.0,)),
    ("softplus(a)", (15.0,), 15.000000305902274, (0.9999996940977731,)),
    ("softplus(a)", (800.0,), 800.0, (1.0,)),
    ("softplus(a)", (inf,), inf, (1.0,)),
    ("softplus(a)", (-inf,), 0.0, (0.0,)),
    ("sin(a)", (0.0,), 0.0, (1.0,)),
    ("sin(a)", (-0.0,), -0.0, (1.0,)),
    ("sin(a)", (1e+22,), -0.8522008497671888, (0.523214785395139,)),
    ("sin(a)", (inf,), nan, (nan,)),
    ("cos(a)", (0.0,), 1.0, (-0.0,)),
    ("cos(a)", (1e+22,), 0.523214785395139, (0.8522008497671888,)),
    ("cos(a)", (-inf,), nan, (nan,)),
    ("lse(a, b)", (1000.0, 1000.0), 1000.6931471805599, (0.5000000000000275, 0.5000000000000275)),
    ("lse(a, b)", (-1000.0, -1000.0), -999.3068528194401, (0.5000000000000275, 0.5000000000000275)),
    ("lse(a, b)", (0.0, -inf), 0.0, (1.0, 0.0)),
    ("lse(a, b)", (-inf, -inf), -inf, (nan, nan)),
    ("lse(a, b)", (inf, 0.0), inf, (nan, 0.0)),
    ("lse(a, b)", (inf, inf), inf, (nan, nan)),
    ("lse(a, b)", (inf, -inf), inf, (nan, 0.0)),
    ("lse(a, b)", (nan, 0.0), nan, (nan, nan)),
    ("lse(a, b)", (1000.0, -1000.0), 1000.0, (1.0, 0.0)),
    ("lse(a)", (-inf,), -inf, (nan,)),
    ("lse(a)", (5.0,), 5.0, (1.0,)),
    ("softmax(a, b)", (0.0, 0.0), 0.5, (0.25, -0.25)),
    ("softmax(a, b)", (1000.0, 0.0), 1.0, (0.0, -0.0)),
    ("softmax(a, b)", (-1000.0, 0.0), 0.0, (0.0, 0.0)),
    ("softmax(a, b)", (0.0, -inf), 1.0, (0.0, -0.0)),
    ("softmax(a, b)", (-inf, 0.0), 0.0, (0.0, 0.0)),
    ("softmax(a, b)", (-inf, -inf), nan, (nan, nan)),
    ("softmax(a, b)", (inf, 0.0), nan, (nan, nan)),
    ("softmax(a, b)", (nan, 0.0), nan, (nan, nan)),
    ("log_softmax(a, b)", (0.0, 0.0), -0.6931471805599453, (0.5, -0.5)),
    ("log_softmax(a, b)", (1000.0, 0.0), 0.0, (0.0, 0.0)),
    ("log_softmax(a, b)", (-1000.0, 0.0), -1000.0, (1.0, -1.0)),
    ("log_softmax(a, b)", (0.0, -inf), 0.0, (0.0, 0.0)),
    ("log_softmax(a, b)", (-inf, 0.0), -inf, (1.0, -1.0)),
    ("ce(a, b)", (0.0, 0.0), 0.6931471805599453, (0.5, -0.5)),
    ("ce(a, b)", (1000.0, 0.0), 1000.0, (1.0, -1.0)),
    ("ce(a, b)", (0.0, 1000.0), 0.0, (0.0, 0.0)),
    ("ce(a, b)", (0.0, -inf), inf, (1.0, -1.0)),
    ("ce(a, b)", (-inf, 0.0), 0.0, (0.0, 0.0)),
    ("ce(a, b)", (1e+308, -1e+308), inf, (1.0, -1.0)),
    ("ce(a, b)", (-inf, -inf), nan, (nan, nan)),
    ("ce_p(a, b)", (0.0, 0.0), 0.6931471805599453, (0.25, -0.25)),
    ("ce_p(a, b)", (1000.0, 0.0), 750.0, (0.75, -0.75)),
    ("ce_p(a, b)", (0.0, 1000.0), 250.0, (-0.25, 0.25)),
    ("mse(a, b)", (1.0, 3.0), 4.0, (-4.0, 4.0)),
    ("mse(a, b)", (1e+200, 0.0), inf, (2e+200, -2e+200)),
    ("mse(a, b)", (inf, 0.0), inf, (inf, -inf)),
    ("mse(a, b)", (inf, inf), nan, (nan, nan)),
    ("mse(a, b)", (nan, 0.0), nan, (nan, nan)),
    ("bce(a, b)", (0.5, 1.0), 0.6931471805599453, (-2.0, -0.0)),
    ("bce(a, b)", (0.0, 0.0), 0.0, (0.0, inf)),
    ("bce(a, b)", (1.0, 1.0), 0.0, (0.0, -inf)),
    ("bce(a, b)", (0.25, 0.75), 1.111641288952863, (-2.6666666666666665, 1.0986122886681098)),
    ("bcel(a, b)", (0.0, 1.0), 0.6931471805599453, (-0.5, -0.0)),
    ("bcel(a, b)", (800.0, 0.0), 800.0, (1.0, -800.0)),
    ("bcel(a, b)", (-800.0, 1.0), 800.0, (-1.0, 800.0)),
    ("bcel(a, b)", (inf, 0.0), inf, (1.0, -inf)),
    ("bcel(a, b)", (inf, 1.0), nan, (0.0, -inf)),
    ("bcel(a, b)", (-inf, 0.0), nan, (0.0, inf)),
    ("bcel(a, b)", (nan, 1.0), nan, (nan, nan)),
    ("a * 3", (1.0,), 3.0, (3.0,)),
    ("exp(log(a))", (0.0,), 0.0, (nan,)),
    ("exp(log(a))", (2.0,), 2.0, (1.0,)),
    ("sqrt(a * a)", (0.0,), 0.0, (nan,)),
    ("sqrt(a * a)", (-3.0,), 3.0, (-1.0,)),
    ("abs(a) * a", (0.0,), 0.0, (0.0,)),
    ("log(sigmoid(a))", (-800.0,), -inf, (nan,)),
    ("log(sigmoid(a))", (-700.0,), -700.0, (1.0,)),
    ("log(sigmoid(a))", (800.0,), 0.0, (0.0,)),
    ("b * 2", (1.0, 3.0), 6.0, (0.0, 2.0)),
    ("a * 1e308 * 10", (2.0,), inf, (inf,)),
    ("1 - tanh(a) ** 2", (0.0,), 1.0, (-0.0,)),
    ("1 - tanh(a) ** 2", (20.0,), 0.0, (-0.0,)),
]  # fmt: skip

EXACT = "exact: PyTorch takes softplus(x) for x beyond 20"
EPSILON = "the documented 1e-12, which PyTorch has as a float32: 9.99999996e-13"
TERMS = (
    "two positive terms, y softplus(-z) + (1-y) softplus(z): nothing cancels, nothing is 0 * inf"
)
SHIFT = "z - logsumexp(z) without a shift first: -inf is a limit, where PyTorch says nan throughout"
NAN = "nan stays visible in the gradient, as in NumPy's sign(nan)"
POWER = "IEEE 754's pow(-inf, 0.5); PyTorch too, if the exponent is a tensor"

# expression, inputs, PyTorch's result and gradients, ours, why
DIFFERENT = [
    ("softplus(a)", (25.0,), 25.0, (1.0,), 25.000000000013888, (0.9999999999861121,), EXACT),
    ("abs(a)", (nan,), nan, (0.0,), nan, (nan,), NAN),
    ("a ** 0.5", (-inf,), nan, (nan,), inf, (0.0,), POWER),
    ("softmax(a, b)", (0.0, inf), nan, (nan, nan), 0.0, (0.0, nan), SHIFT),
    ("log_softmax(a, b)", (inf, 0.0), nan, (nan, nan), nan, (nan, 0.0), SHIFT),
    ("log_softmax(a, b)", (0.0, inf), nan, (nan, nan), -inf, (1.0, nan), SHIFT),
    ("ce(a, b)", (inf, 0.0), nan, (nan, nan), inf, (nan, -1.0), SHIFT),
    ("ce(a, b)", (0.0, inf), nan, (nan, nan), nan, (0.0, nan), SHIFT),
    ("bce(a, b)", (0.0, 1.0), 100.0, (-1000000003995.8029, inf), 100.0, (-1e12, inf), EPSILON),
    ("bce(a, b)", (1.0, 0.0), 100.0, (1000000003995.8029, -inf), 100.0, (1e12, -inf), EPSILON),
    ("bcel(a, b)", (20.0, 1.0), 2.061153620314381e-09, (-2.06115369216775e-09, -20.0),
     2.061153620314381e-09, (-2.0611536181902037e-09, -20.0), TERMS),
    ("bcel(a, b)", (40.0, 1.0), 4.248354255291589e-18, (0.0, -40.0),
     4.248354255291589e-18, (-4.248354255291589e-18, -40.0), TERMS),
    ("bcel(a, b)", (-40.0, 0.0), 0.0, (4.248354255291589e-18, 40.0),
     4.248354255291589e-18, (4.248354255291589e-18, 40.0), TERMS),
    ("bcel(a, b)", (-inf, 1.0), nan, (-1.0, inf), inf, (-1.0, inf), TERMS),
]  # fmt: skip

OURS = {name: getattr(F, name) for name in (
    "relu", "maximum", "minimum", "softplus", "exp", "log", "sqrt", "tanh", "sigmoid", "sin",
    "cos", "abs",
)} | {
    "lse": lambda *zs: F.logsumexp(zs),
    "softmax": lambda *zs: F.softmax(zs)[0],
    "log_softmax": lambda *zs: F.log_softmax(zs)[0],
    "ce": lambda *zs: F.cross_entropy(zs, 1),
    "ce_p": lambda *zs: F.cross_entropy(zs, [0.25, 0.75]),
    "mse": F.mse_loss,
    "bce": F.binary_cross_entropy,
    "bcel": F.binary_cross_entropy_with_logits,
}  # fmt: skip


def theirs(torch):
    stack, losses = torch.stack, torch.nn.functional
    names = ("relu", "maximum", "minimum", "exp", "log", "sqrt", "tanh", "sigmoid", "sin", "cos")
    return {name: getattr(torch, name) for name in names} | {
        "abs": torch.abs,
        "softplus": losses.softplus,
        "lse": lambda *zs: torch.logsumexp(stack(zs), 0),
        "softmax": lambda *zs: torch.softmax(stack(zs), 0)[0],
        "log_softmax": lambda *zs: torch.log_softmax(stack(zs), 0)[0],
        "ce": lambda *zs: losses.cross_entropy(stack(zs), torch.tensor(1)),
        "ce_p": lambda *zs: losses.cross_entropy(
            stack(zs), torch.tensor([0.25, 0.75], dtype=torch.float64)
        ),
        "mse": losses.mse_loss,
        "bce": losses.binary_cross_entropy,
        "bcel": losses.binary_cross_entropy_with_logits,
    }


def evaluate(expression, leaves, functions):
    """The expression with a and b being the leaves. It is one of this file's own."""
    result = eval(expression, functions | dict(zip("ab", leaves)))
    result.backward()
    return result


def close(expected):
    return pytest.approx(expected, rel=1e-13, nan_ok=True)


def cases(table):
    return [pytest.param(*row, id=f"{row[0]} at {', '.join(map(repr, row[1]))}") for row in table]


def check_ours(expression, inputs, result, gradients):
    leaves = [Value(x) for x in inputs]
    found = evaluate(expression, leaves, OURS)
    assert found.data == close(result)
    assert [leaf.grad or 0.0 for leaf in leaves] == close(list(gradients))
    again = grad(found, leaves, create_graph=True)
    assert [x.data for x in again] == close(list(gradients))


@pytest.mark.parametrize(("expression", "inputs", "result", "gradients"), cases(TABLE))
def test_we_answer_as_pytorch(expression, inputs, result, gradients):
    check_ours(expression, inputs, result, gradients)


@pytest.mark.parametrize(
    ("expression", "inputs", "result", "gradients", "our_result", "our_gradients", "reason"),
    cases(DIFFERENT),
)
def test_we_differ_as_the_table_says(
    expression, inputs, result, gradients, our_result, our_gradients, reason
):
    check_ours(expression, inputs, our_result, our_gradients)
    assert reason


def test_pytorch_answers_as_the_table_says():
    """One test for the whole table, so that one is skipped where there is no PyTorch."""
    torch = pytest.importorskip("torch")
    functions, wrong = theirs(torch), []
    for expression, inputs, result, gradients in (*TABLE, *(row[:4] for row in DIFFERENT)):
        leaves = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in inputs]
        found = evaluate(expression, leaves, functions)
        slopes = [0.0 if leaf.grad is None else leaf.grad.item() for leaf in leaves]
        if found.item() != close(result) or slopes != close(list(gradients)):
            wrong.append((expression, inputs, found.item(), slopes))
    assert wrong == []


def test_zeros_have_pytorchs_signs():
    for expression, x, sign in (
        ("a * 1", -0.0, -1.0), ("-a", 0.0, -1.0), ("a + 0", -0.0, 1.0), ("sin(a)", -0.0, -1.0),
        ("tanh(a)", -0.0, -1.0), ("sqrt(a)", -0.0, -1.0), ("abs(a)", -0.0, 1.0),
        ("a ** 3", -0.0, -1.0), ("a ** 2", -0.0, 1.0), ("a / 5", -0.0, -1.0),
        ("exp(a)", -inf, 1.0), ("1 / a", -inf, -1.0), ("a - a", 3.0, 1.0),
    ):  # fmt: skip
        result = evaluate(expression, [Value(x)], OURS)
        assert math.copysign(1.0, result.data) == sign, expression


def test_no_difference_is_hidden_in_the_table():
    keys = [row[:2] for row in (*TABLE, *DIFFERENT)]
    assert len({repr(key) for key in keys}) == len(keys)
    assert len(TABLE) > 200
