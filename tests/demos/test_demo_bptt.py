"""The demos about time: their tables, their pictures, their ways to refuse."""

import re

import pytest

from demos import bptt, truncated, vanishing
from demos._common import run


def printed(demo, capsys, tmp_path, *arguments):
    demo.main(["--out", str(tmp_path), "--format", "dot", *arguments])
    return capsys.readouterr().out


def rows(text):
    """The cells of every table row, split at two or more blanks."""
    return [re.split(r"  +", line.strip()) for line in text.splitlines()]


def test_bptt_prints_the_three_terms_and_their_sum(capsys, tmp_path):
    found = rows(printed(bptt, capsys, tmp_path))
    # The terms as PyTorch gives them, with a W_hh of its own for every step.
    chain = "dL3/dy3 · dy3/dh3 · dh3/dh2 · dh2/dW"
    assert ["2", chain, "-1.0540 · 1.2000 · 0.5912 · 0.5061", "-0.378462"] in found
    terms = [row[-1] for row in found if row[0] in ("3", "2", "1") and "dL3/" in row[1]]
    assert terms[:3] == ["0.462778", "-0.378462", "-0.104052"]
    assert terms[3:6] == ["-0.854582", "0.607420", "-0.130065"]
    assert terms[6:] == ["-0.415454"]
    for total in ("-0.019736", "-0.377227", "-0.415454"):
        assert ["sum", total] in found
        assert ["backward()", total] in found
    gaps = next(row for row in found if row[0].startswith("largest difference"))
    assert all(float(gap) < 1e-15 for gap in gaps[1:])
    assert (tmp_path / "bptt.dot").read_text().startswith("digraph")


@pytest.mark.parametrize(("k", "product"), [(3, "0.463"), (2, "−0.378"), (1, "−0.104")])
def test_bptt_draws_the_path_of_one_term_in_red(k, product, capsys, tmp_path):
    printed(bptt, capsys, tmp_path, "--k", str(k))
    drawn = (tmp_path / "bptt.dot").read_text()
    assert f"in red k = {k}" in drawn
    assert re.search(rf"Along the path pointed out, dL₃/dW_h = .* = {product}\.\"", drawn)


def test_vanishing_compares_three_nonlinearities_below_and_above_one(capsys, tmp_path):
    text = printed(vanishing, capsys, tmp_path)
    found = rows(text)
    last = next(row for row in found if row[:2] == ["0", "(start)"])
    assert last[-2:] == [f"{0.5**10:.3g} ---", f"{1.5**10:.3g} +"]
    verdicts = next(row for row in found if row[0] == "verdict")
    assert verdicts[1:] == ["vanishing"] * 5 + ["exploding"]
    assert "identity, w_h = 1.5: exploding: |dL_10/dh_t| goes from 1 at t = 10 to 57.7" in text
    assert [row[1] for row in found if row[0].isdigit()][:-1] == vanishing.SENTENCE.split()[::-1]
    assert {path.name for path in tmp_path.iterdir()} == {"vanishing.dot", "exploding.dot"}


def test_truncated_ends_at_the_full_gradient(capsys, tmp_path):
    text = printed(truncated, capsys, tmp_path, "--steps", "5", "--hidden", "2", "-k", "3")
    found = [row for row in rows(text) if row[0].isdigit()]
    by_k, by_step = found[:5], found[5:]
    assert by_k[0][1:3] == by_k[0][3:]  # a window of one step is a chunk of one step
    assert by_k[-1] == ["5"] + ["0.0000"] * 4
    assert by_step[2] == ["3"] + ["0.0000"] * 4  # three steps back is all there is
    assert all(float(row[3]) >= float(row[1]) for row in by_step[:4])
    gap = re.search(r"differs from the chunks' by at most (\S+)", text)
    assert float(gap[1]) < 1e-14
    assert (tmp_path / "truncated.dot").exists()


@pytest.mark.parametrize(
    ("demo", "arguments", "sentence"),
    [
        (bptt, ["--k", "4"], "argument --k: invalid choice: 4"),
        (bptt, ["--hidden", "0"], "hidden_size must be a whole number of 1 or more, got 0"),
        (vanishing, ["--sentence", " "], "the sentence is empty: give at least one word"),
        (vanishing, ["--above", "inf"], "argument --above: expected a finite number, got inf"),
        (truncated, ["--steps", "0"], "--steps must be 1 or more, got 0"),
        (truncated, ["-k", "0"], "-k must be 1 or more, got 0"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(demo, arguments, sentence, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        run(lambda _: demo.main(["--out", str(tmp_path), *arguments]))
    error = capsys.readouterr().err
    assert stop.value.code == 2
    assert sentence in error.splitlines()[-1]
    assert "Traceback" not in error
