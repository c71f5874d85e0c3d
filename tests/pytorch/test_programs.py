"""Twenty programs of the kind that people have: recorded, drawn, replayed and checked."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from microgrid.pytorch import record  # noqa: E402
from microgrid.pytorch.gradcheck import check  # noqa: E402
from microgrid.tape import Tape  # noqa: E402
from tests.pytorch.programs import PROGRAMS  # noqa: E402
from viz.picture.build import picture_of  # noqa: E402

BOUND = {torch.float64: 1e-12, torch.float32: 1e-6}


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
