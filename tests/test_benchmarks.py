"""The benchmarks: every peer computes the same, whoever is missing is named, results are saved."""

import math
import time
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks import checkout, costs, ladder, planning, report, rung
from benchmarks.harness import Contender, Result, Standings, measure
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


def sleeps(seconds):
    """A contender that compiles for so long."""
    time.sleep(seconds)
    return lambda: 1.0


def breaks():
    raise OSError("no compiler\nand more lines")


def test_who_takes_too_long_or_fails_is_left_out_and_named():
    ours, slow, broken = (
        Contender("ours", sleeps, (0.0,)),
        Contender("slow", sleeps, (600.0,)),
        Contender("broken", breaks),
    )
    standings = measure("race", [ours, broken], 2)
    assert [result.name for result in standings.results] == ["ours"]
    assert [str(absent) for absent in standings.absent] == ["broken failed: OSError: no compiler"]
    for first, says in (
        (broken, "broken failed: OSError"),
        (slow, "slow had not compiled and made its first steps in 0.1 seconds"),
    ):
        with pytest.raises(RuntimeError, match=says):
            measure("race", [first], 2, limit=0.1 if first is slow else math.inf)


def cost(edges, seconds):
    return costs.Cost("problem", edges, edges, **seconds, planning=1.0)


def test_break_even_and_slopes():
    times = {"record": 1.0, "plan": 5.0, "eager": 3.0, "replay": 1.0}
    assert cost(1, times).break_even == 3
    assert cost(1, {**times, "replay": 3.0}).break_even == float("inf")
    found = [cost(n**2, {name: t * n**2 for name, t in times.items()}) for n in (1, 2, 4)]
    growth = costs.growth("steps", [1, 2, 4], found)
    assert growth.axis == "steps, 1 to 4"
    assert growth.slopes["plan"] == pytest.approx(2.0)
    assert growth.slopes["plan by edges"] == pytest.approx(1.0)


def test_tables_in_both_forms():
    table = Table("T", ["", "ms"], [["a", "1.0"], ["longer", "22.0"]], ["note"])
    assert table.lines() == ["T", "             ms", "  a         1.0", "  longer   22.0", "  note"]
    assert "| longer | 22.0 |" in table.markdown()
    assert "| --- | ---: |" in table.markdown()


def test_the_ladder_saves_rung_by_rung(tmp_path, monkeypatch, capsys):
    rungs = {key: (key, TINY[key]) for key in ("lstm", "expression")}
    monkeypatch.setattr(ladder, "SMOKE", rungs)
    file = tmp_path / "RESULTS.md"
    command = ["--smoke", "--peers", "numpy", "--save", str(file), "--only"]
    ladder.main([*command, "expression"])
    text = file.read_text()
    assert text.startswith("# Benchmark results\n")
    assert "Missing: the rung LSTM 2, 3, 3; how costs grow; " in text
    assert "CasADi was not asked for (expression, 24 nodes of + - * tanh)" in text
    monkeypatch.setattr(ladder, "RUNGS", rungs)
    ladder.main([*command, "lstm", "growth"])
    text = file.read_text()
    for part in ("Processor: ", "NumPy by hand", "## Making a tape", "## Growth", "## expression"):
        assert part in text
    assert "the rung" not in text
    assert "how costs grow" not in text
    assert f"written: {file}" in capsys.readouterr().out
    assert not Path("RESULTS.md").exists()


def test_a_rung_that_fails_costs_the_others_nothing(tmp_path, monkeypatch, capsys):
    rungs = {"moons": ("moons", "no problem at all"), "expression": ("expression", Expression(8))}
    monkeypatch.setattr(ladder, "SMOKE", rungs)
    file = tmp_path / "RESULTS.md"
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "moons.json").write_text("[1, 2")
    with pytest.raises(SystemExit, match="not measured: moons"):
        ladder.main(["--smoke", "--peers", "--save", str(file), "--only", "moons", "expression"])
    assert "## expression" in file.read_text()
    assert "moons.json does not hold a rung, measure it anew" in capsys.readouterr().err


def test_a_rung_is_read_as_it_was_kept(tmp_path):
    root = Path(__file__).parents[1] / "benchmarks"
    for key in ladder.RUNGS:
        if (root / "results" / f"{key}.json").exists():
            found = rung.read(root / "results" / f"{key}.json")
            assert (found.key, found.title) == (key, str(ladder.RUNGS[key][1]))
            assert found.least_times(found.ours.name) == 1.0


def test_the_table_of_the_readme_is_put_between_its_marks():
    table = Table("T", ["", "ms"], [["a", "1.0"]])
    old = f"before {report.BEGIN} old {report.END} after"
    text = report.in_readme(old, table)
    assert text == f"before {report.BEGIN}\n\n{table.grid()}\n\n{report.END} after"
    assert report.in_readme(text, table) == text
    with pytest.raises(ValueError, match="has no <!--"):
        report.in_readme("before", table)


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


def test_the_readme_and_the_document_show_the_results_that_were_kept():
    root = Path(__file__).parents[1]
    found, growths = ladder.kept(root / "benchmarks" / "results", ladder.RUNGS)
    text = (root / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
    assert text == report.document(found, growths, ladder.titles(ladder.RUNGS))
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert readme == report.in_readme(readme, report.best_ways(found))


def test_planning_is_raced_against_another_checkout(capsys):
    name = "char-RNN 3, 4, 4"
    rows = planning.races(checkout.HERE, [name], rounds=1)
    assert [row[0] for row in rows] == [f"{name}: Tape(loss)", f"{name}: and a first step"]
    assert {len(row) for row in rows} == {1 + len(checkout.COLUMNS)}
    with pytest.raises(SystemExit) as ended:
        planning.main(["--before", "nowhere"])
    assert ended.value.code == 2
    assert "--before must be a checkout of microgrid, got nowhere" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["moons, one point", "expression, 4,000 nodes"])
def test_a_tape_and_its_first_step_are_timed(name):
    assert planning._measured(name, step=True) > 0.0
