"""The benchmarks: every peer computes the same, whoever is missing is named, results are saved."""

from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks import costs, ladder
from benchmarks.harness import Result, Standings, measure
from benchmarks.peers import PEERS, contenders, make
from benchmarks.problems import CharLSTM, CharRNN, Expression, MicroGPT, Moons, loss_and_norm
from benchmarks.scalar_gpt import Gpt, ListValue
from benchmarks.tables import Table
from microgrid import Value

TINY = {
    "char_rnn": CharRNN(3, 4, 3),
    "lstm": CharLSTM(2, 3, 3),
    "moons": Moons(points=5, hidden=3),
    "expression": Expression(24),
    "microgpt": MicroGPT(tokens=3, letters=4, width=4, heads=2, places=3),
}


def races():
    """A test for every peer and rung; a skip names the libraries that are not installed."""
    missing: set[str] = set()
    for peer in PEERS:
        if peer.slow:
            continue  # a race itself compares the numbers
        if find_spec(peer.needs):
            yield from (pytest.param(peer, r, id=f"{peer.module}-{r}") for r in peer.rungs)
        else:
            missing.add(peer.needs)
    if missing:
        reason = f"not installed: {', '.join(sorted(missing))}"
        yield pytest.param(None, None, id="missing", marks=pytest.mark.skip(reason=reason))


def test_the_gpt_of_plain_operators_is_the_same_with_its_own_value():
    ours, own = Gpt(Value), Gpt(ListValue)
    losses = [gpt.loss((26, 4, 12)) for gpt in (ours, own)]
    for loss in losses:
        loss.backward()
    assert losses[0].data == pytest.approx(losses[1].data, rel=1e-14)
    pairs = zip(ours.parameters, own.parameters)
    assert all(p.grad == pytest.approx(q.grad, rel=1e-9, abs=1e-14) for p, q in pairs)


@pytest.mark.parametrize(("peer", "rung"), list(races()))
@pytest.mark.filterwarnings("ignore")  # of the peers, which are not ours to mend
def test_peers_compute_what_we_compute(peer, rung):
    eager, step = make("ours_eager", rung, TINY[rung]), make(peer.module, rung, TINY[rung])
    for _ in range(3 if rung == "moons" else 2):  # the moons move on with every step
        assert loss_and_norm(step()) == pytest.approx(loss_and_norm(eager()), rel=1e-9)


def test_a_missing_peer_is_named():
    peers = [PEERS[0], replace(PEERS[-1], name="nobody", needs="no_such_package")]
    standings = measure("tiny", contenders("expression", Expression(8), 0.0, peers), 1)
    assert [result.name for result in standings.results] == ["microgrid tape"]
    assert "nobody skipped: no_such_package is not installed" in standings.table().notes


def test_a_peer_that_computes_something_else_ends_the_race():
    right, wrong = Result("ours", [1.0], (1.0, 2.0)), Result("other", [1.0], (1.0, 2.001))
    with pytest.raises(SystemExit, match="other computes"):
        Standings("race", [right, wrong], [])


def test_ratios_are_medians_within_rounds():
    ours, other = Result("ours", [1.0, 10.0, 1.0], 0.0), Result("other", [3.0, 30.0, 5.0], 0.0)
    assert Standings("race", [ours, other], []).times("other") == 3.0
    assert Standings("race", [ours, other], []).times("nobody") is None


def test_break_even_and_slopes():
    times = {"record": 1.0, "plan": 5.0, "eager": 3.0, "replay": 1.0}
    sizes, costs_found = [1, 2, 4], []
    for n in sizes:
        seconds = {name: Result(name, [t * n**2], 0.0) for name, t in times.items()}
        costs_found.append(costs.Cost(CharRNN(2, 3, n), n, n**2, seconds))
    assert costs_found[0].break_even == 3
    assert costs_found[0].planning == pytest.approx(4.0 / 3.0)
    growth = costs.Growth("steps", sizes, costs_found)
    assert growth.slope("plan") == pytest.approx(2.0)
    assert growth.slope("plan", edges=True) == pytest.approx(1.0)


def test_tables_in_both_forms():
    table = Table("T", ["", "ms"], [["a", "1.0"], ["longer", "22.0"]], ["note"])
    assert table.lines() == ["T", "             ms", "  a         1.0", "  longer   22.0", "  note"]
    assert "| longer | 22.0 |" in table.markdown()
    assert "| --- | ---: |" in table.markdown()


def test_the_ladder_saves_its_results(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(ladder, "SMOKE", [(rung, TINY[rung]) for rung in ("lstm", "moons")])
    file = tmp_path / "RESULTS.md"
    ladder.main(["--smoke", "--peers", "numpy", "--save", str(file)])
    text = file.read_text()
    assert text.startswith("# Benchmark results\n")
    for part in ("Processor: ", "NumPy by hand", "## Making a tape", "## Growth", "micrograd"):
        assert part in text
    assert f"written: {file}" in capsys.readouterr().out


def test_an_unknown_peer_is_refused(capsys):
    with pytest.raises(SystemExit) as stopped:
        ladder.main(["--peers", "nobody"])
    assert stopped.value.code == 2
    assert "'nobody' is no peer" in capsys.readouterr().err


def test_every_module_is_a_peer():
    for peer in PEERS:
        if not find_spec(peer.needs):
            continue
        module = import_module(f"benchmarks.peers.{peer.module}")
        assert all(hasattr(module, rung) for rung in peer.rungs)


def test_the_readme_shows_the_saved_results():
    root = Path(__file__).parents[1]
    results = (root / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
    table = results.split("\n\n")[4]
    assert table.startswith("|  | char-RNN 3, 4, 4 |")
    assert table.strip() in (root / "README.md").read_text(encoding="utf-8")
