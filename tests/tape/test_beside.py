"""What a replay does beside the graph: dropout's mask, and the statistics of batch norm."""

import gc
import warnings

import pytest

from microgrid import Value, beside, nn
from microgrid import functional as F
from microgrid.tape import Tape, Tapes

ROWS = [[[2.0], [6.0]], [[-1.0], [0.5]], [[3.0], [3.5]]]


def normed(norm, rows):
    return F.sum([y * y * (i + 1.0) for i, (y,) in enumerate(norm(rows))])


def leaves(n=2):
    return [[Value(1.0 * i)] for i in range(n)]


@pytest.mark.parametrize("engine", ["numpy", "auto"])
def test_the_statistics_of_batch_norm_follow_every_replay(engine):
    replayed, called = nn.BatchNorm1d(1), nn.BatchNorm1d(1)
    xs = leaves()
    tape = Tape(normed(replayed, xs), inputs=xs, engine=engine)
    normed(called, leaves())
    for rows in ROWS:
        tape.forward(rows)
        normed(called, rows)
        assert replayed.running_mean == pytest.approx(called.running_mean, rel=1e-14)
        assert replayed.running_var == pytest.approx(called.running_var, rel=1e-14)
    # 2 and 6: mean 4 and variance 8 (by n - 1), the first of the three that count by a tenth
    by_hand = [((0.9 * 0.05 + 0.1 * 4.0) * 0.9 + 0.1 * -0.25) * 0.9 + 0.1 * 3.25]
    assert replayed.running_mean == pytest.approx(by_hand)


def test_they_stay_after_eval_and_where_a_replay_fails():
    norm, xs = nn.BatchNorm1d(1), leaves()
    tape = Tape(normed(norm, xs), inputs=xs)
    norm.eval()
    tape.forward(ROWS[0])
    assert norm.running_mean == pytest.approx([0.05])
    norm.train()
    with pytest.raises(ValueError, match="inputs must have shape"):
        tape.forward([1.0, 2.0, 3.0])
    assert norm.running_mean == pytest.approx([0.05])


def test_a_batch_of_examples_counts_once_by_its_average():
    norm, xs = nn.BatchNorm1d(1), leaves()
    tape = Tape(normed(norm, xs), inputs=xs)
    tape.forward(ROWS)
    assert norm.running_mean == pytest.approx([0.9 * 0.05 + 0.1 * (4.0 - 0.25 + 3.25) / 3.0])
    assert norm.running_var == pytest.approx(
        [0.9 * (0.9 + 0.1 * 0.5) + 0.1 * (8.0 + 1.125 + 0.125) / 3.0]
    )


def test_tapes_of_every_size_of_batch_share_one_norm():
    norm = nn.BatchNorm1d(1)
    tapes = Tapes(lambda n: (normed(norm, xs := leaves(n)), xs), norm.parameters())
    tapes[2].forward([[0.0], [0.0]])
    tapes[3].forward([[0.0], [0.0], [0.0]])
    before = norm.running_mean[0]
    tapes[2].forward([[10.0], [10.0]])
    assert norm.running_mean[0] == pytest.approx(0.9 * before + 1.0)


def test_a_mask_that_was_drawn_is_said_to_be_frozen():
    drop, layer = nn.Dropout(0.5, seed=0), nn.Linear(3, 1, seed=0)
    xs = [Value(1.0) for _ in range(3)]
    with pytest.warns(UserWarning, match="every replay drops the same entries") as said:
        tape = Tape(layer(drop(xs))[0], inputs=xs)
    assert len(said) == 1
    assert said[0].filename == __file__
    assert tape.forward([1.0, 1.0, 1.0]) == tape.forward([1.0, 1.0, 1.0])


def test_the_way_that_the_warning_shows_draws_a_fresh_mask():
    dropout, layer = nn.Dropout(0.5, seed=0), nn.Linear(3, 1, bias=False)
    layer.load_state_dict({"weight": [[1.0, 10.0, 100.0]]})
    xs = [Value(1.0) for _ in range(3)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mask = [Value(1.0) for x in xs]
        tape = Tape(layer(dropout(xs, mask))[0], inputs=[mask])
    drawn = {tape.forward([dropout.draw(len(mask))]) for _ in range(60)}
    assert drawn == {
        2.0 * (a + 10.0 * b + 100.0 * c) for a in (0, 1) for b in (0, 1) for c in (0, 1)
    }


@pytest.mark.parametrize("drop", [nn.Dropout(0.0), nn.Dropout(0.5).eval()])
def test_nothing_is_said_where_nothing_is_dropped(drop):
    xs = [Value(1.0), Value(2.0)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Tape(F.sum(drop(xs)) * 2.0, inputs=xs)


def test_what_is_known_of_a_graph_goes_with_it():
    gc.collect()
    before = len(beside._followed), len(beside._frozen)
    loss = normed(nn.BatchNorm1d(1), leaves()) + F.sum(nn.Dropout()([Value(1.0), Value(2.0)]))
    assert beside.followed([]) == []
    assert (len(beside._followed), len(beside._frozen)) > before
    del loss
    assert (len(beside._followed), len(beside._frozen)) == before
