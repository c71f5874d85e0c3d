"""The compiler of the tape: what a plan says, and what holds after every pass."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from test_tape import char_rnn, networks, programs
from viz_graphs import quiz

from microgrid import Value, nn, ops
from microgrid.tape import Tape
from microgrid.tape.blocks import MatrixBlock, OpBlock
from microgrid.tape.compiler import PASSES
from microgrid.tape.guards import source
from microgrid.tape.ir import FIRST_CONSTANT, ArrayBlock
from microgrid.tape.memory import Layout
from microgrid.tape.plan import Plan, verify


def compiled(loss, inputs=(), parameters=None):
    """The plan of a loss, verified after every pass."""
    plan = Plan(source(loss, inputs, parameters))
    for name, run in PASSES:
        plan = run(plan)
        try:
            verify(plan)
        except AssertionError as error:
            raise AssertionError(f"after {name}: {error}") from error
    return plan


@given(programs())
@settings(max_examples=80)
def test_every_pass_leaves_a_right_plan_of_any_ops(program):
    loss, leaves, _ = program
    if loss.op is not None:
        compiled(loss)
        compiled(loss, parameters=leaves[:1])


@given(networks())
@settings(max_examples=80)
def test_every_pass_leaves_a_right_plan_of_networks(network):
    loss, inputs, _ = network
    compiled(loss, inputs)


@pytest.mark.parametrize("cell", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
def test_every_pass_leaves_a_right_plan_of_sequences(cell):
    model, run, xs = char_rnn(cell=cell)
    compiled(run.loss, xs, model.parameters())
    compiled(run.loss, xs, model.parameters()[:5])


def newton(steps=3):
    """The square root of x by Newton's method, and how far its square is from x."""
    x, start = Value(2.0, label="x"), Value(1.0, label="start")
    root = start
    for _ in range(steps):
        root = (root + x / root) * 0.5
    return (root * root - x) ** 2, [x]


def test_a_printed_plan_names_what_a_chain_computes(golden_text):
    loss, inputs = newton()
    golden_text("plan_newton.txt", f"{Tape(loss, inputs).plan}\n")


@pytest.mark.parametrize(
    ("name", "run"),
    [("quiz", quiz), ("lstm", lambda: char_rnn(hidden=2, vocabulary=3, steps=3, cell=nn.LSTMCell))],
)
def test_a_printed_plan_says_what_runs(golden_text, name, run):
    made = run()
    model, unrolled, inputs = made if name == "lstm" else (None, made, made.inputs)
    parameters = model.parameters() if model else None
    tape = Tape(unrolled.loss, inputs if model else (), parameters)
    golden_text(f"plan_{name}.txt", f"{tape.plan}\n")


# A verifier that finds nothing is worth nothing: plans that are broken on purpose.


def broken(plan, number, **changes):
    blocks = list(plan.blocks)
    blocks[number] = replace(blocks[number], **changes)
    return replace(plan, blocks=blocks)


@pytest.fixture
def plan():
    model, run, xs = char_rnn(hidden=3, vocabulary=4, steps=4)
    return compiled(run.loss, xs, model.parameters())


def test_a_block_that_is_left_out_repeated_or_too_early_is_found(plan):
    with pytest.raises(AssertionError, match="too soon"):
        verify(replace(plan, blocks=plan.blocks[1:]))
    with pytest.raises(AssertionError, match="is never computed"):
        verify(replace(plan, blocks=plan.blocks[:-1]))
    with pytest.raises(AssertionError, match="is computed twice"):
        verify(replace(plan, blocks=[*plan.blocks, plan.blocks[-1]]))
    with pytest.raises(AssertionError, match="too soon"):
        verify(replace(plan, blocks=plan.blocks[::-1]))


def test_a_block_that_computes_something_else_is_found(plan):
    kinds = [type(block) for block in plan.blocks]
    product, map_ = kinds.index(MatrixBlock), kinds.index(OpBlock)
    columns, operands = plan.blocks[product].columns, plan.blocks[map_].operands
    with pytest.raises(AssertionError, match="another column"):
        verify(broken(plan, product, columns=[columns[0][::-1], *columns[1:]]))
    with pytest.raises(AssertionError, match="reads something else"):
        verify(broken(plan, map_, operands=[operands[1], operands[0], *operands[2:]]))
    with pytest.raises(AssertionError, match="is no sin"):
        verify(broken(plan, map_, op=ops.SIN))
    with pytest.raises(AssertionError, match="the sweep is wrong"):
        verify(broken(plan, map_, is_swept=False))


def test_a_number_without_a_place_of_its_own_is_found(plan):
    layout = plan.layout
    one, other, *_ = (node for node in layout.slot if node < FIRST_CONSTANT)
    shared = {**layout.slot, one: layout.slot[other]}
    with pytest.raises(AssertionError, match="share a slot"):
        verify(replace(plan, layout=replace(layout, slot=shared)))
    with pytest.raises(AssertionError, match="outside"):
        verify(replace(plan, layout=replace(layout, size=layout.size - 1)))
    with pytest.raises(AssertionError, match="a parameter has no place"):
        verify(replace(plan, layout=replace(layout, parameter_slot={})))
    graph = replace(plan.graph, order=list(plan.graph.order)[::-1])
    with pytest.raises(AssertionError, match="made later"):
        verify(replace(plan, graph=graph))


def test_looking_a_slot_up_makes_none(plan):
    size = len(plan.layout.slot)
    with pytest.raises(KeyError):
        plan.layout.places([123456789])
    assert len(plan.layout.slot) == size
    assert isinstance(plan.layout, Layout)


def test_a_kind_of_block_that_leaves_a_method_out_cannot_be_made(plan):
    @dataclass
    class Copy(ArrayBlock):
        outputs: list[int]

        phases = ()

        def made(self):
            return self.outputs

    with pytest.raises(TypeError, match=r"abstract methods .*jax.*numpy.*verify"):
        Copy([0])


def test_an_unknown_kind_of_block_is_not_taken_for_a_map():
    x = Value(2.0)
    plan = Tape(x * x, inputs=[x]).plan
    with pytest.raises(AttributeError, match="object"):
        verify(replace(plan, blocks=[object()]))
