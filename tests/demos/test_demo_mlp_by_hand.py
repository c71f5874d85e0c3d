"""The slides' perceptron: our numbers are the golden ones, and the wrong cells are named."""

import json
from pathlib import Path

import pytest

from demos import mlp_by_hand

(CASE,) = json.loads((Path(__file__).parents[1] / "golden" / "004_mlp.json").read_text())["cases"]
EXPECTED = CASE["expected"]


def test_one_step_meets_the_golden_tables():
    cells, after = mlp_by_hand.one_step()
    golden = {"c1": "c1", "c2": "c2", "w1*": "w1_star", "w2*": "w2_star"}
    for cell in cells:
        table, i, k = cell.name.replace("[", ",").rstrip("]").split(",")
        assert cell.ours == pytest.approx(EXPECTED[golden[table]][int(i)][int(k) - 1], abs=1e-9)
    assert after == pytest.approx(EXPECTED["E_by_row_after_update"], abs=1e-9)


def test_exactly_the_slides_mistakes_are_marked():
    cells, _ = mlp_by_hand.one_step()
    assert len(cells) == 28
    wrong = [cell.name for cell in cells if cell.verdict == "WRONG"]
    assert wrong == ["w2*[0,2]", "w2*[1,1]", "w2*[1,2]", "w2*[2,1]", "w2*[2,2]"]
    assert all(cell.row()[-1] for cell in cells if cell.verdict == "WRONG")
    assert [x.name for x in mlp_by_hand.first_row() if x.verdict != "right"] == ["dE/dw2[0,1]"]


@pytest.mark.parametrize("four", [False, True])
def test_sigmoid_as_one_card_or_four_gates_has_the_same_gradients(four):
    gates = mlp_by_hand.gates(four)
    golden = EXPECTED["gates_row1"]
    of_error = golden["grad_of_E_1"]
    assert gates.error.data == pytest.approx(golden["E_1"], abs=1e-9)
    assert gates.s2.grad == pytest.approx(of_error["s2_1"], abs=1e-9)
    assert [w.grad for w in gates.weights] == pytest.approx(of_error["w2_k1"], abs=1e-9)
    assert [a.grad for a in gates.hidden] == pytest.approx(of_error["a1_k"][1:], abs=1e-9)
    names = ["times_minus_1", "exp", "plus_1", "y_hat"] if four else ["y_hat"]
    assert [gate.grad for gate in gates.sigmoid] == pytest.approx(
        [of_error[name] for name in names], abs=1e-9
    )


def test_the_demo_prints_every_number_and_draws_its_pictures(tmp_path, capsys):
    mlp_by_hand.main(["--out", str(tmp_path), "--format", "svg"])
    printed = capsys.readouterr().out
    assert printed.count("WRONG") == 6
    for _, right in mlp_by_hand.TYPING_ERRORS:
        assert right in printed
    assert "E(u_1(u_2(u_3(a2[0](s2[0](w2[0,0]))))))" in printed
    assert "s2[0] = w2[0,0]·a1[0] + w2[0,1]·a1[1] + b2[0]·1" in printed
    assert "0.0775736" in printed
    assert "https://github.com/GradyKurpasi/RNN-Tutorial" in mlp_by_hand.__doc__
    names = ("mlp_by_hand", "mlp_by_hand_gates", "mlp_by_hand_network")
    assert {p.name for p in tmp_path.iterdir()} == {f"{name}.svg" for name in names}
