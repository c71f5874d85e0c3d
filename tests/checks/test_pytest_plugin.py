"""The pytest plugin, run by pytest on small test files of their own."""

import subprocess
import sys

import pytest

import viz  # noqa: F401, each run forgets what it imported, and numpy cannot come twice
from viz.style.theme import THEMES

pytest_plugins = ["pytester"]

PLUGIN = ("-p", "microgrid.pytest_plugin", "-p", "no:cacheprovider")

WRONG = """
    from microgrid import Value, scope
    from microgrid.ops import Op
    from microgrid.value import record

    WRONG = Op("cube", "³", lambda xp, a: a * a * a, lambda xp, out, a: (a * a,))

    def model(w, x):
        with scope("t=1"):
            z = w * x
            z.label = "z"
            return record(WRONG, (z,)) + x

    def test_model(gradcheck):
        gradcheck(model, [0.5, 2.0])
"""


@pytest.fixture
def run(pytester, monkeypatch):
    """Run pytest on a file with this text, without the plugins of others."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(text, *options):
        pytester.makepyfile(text)
        return pytester.runpytest_inprocess(*PLUGIN, *options)

    return run


CELL = """
    from microgrid import Value, nn
    def test_cell(gradcheck):
        cell = nn.RNNCell(1, 1, seed=0)
        assert gradcheck(lambda cell, x: cell(x, [0.1])[0], [cell, [0.5]], second=True)
"""


def test_the_fixture_passes(run):
    result = run(CELL, "-v")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*gradcheck: noticed*")
    result.stdout.no_fnmatch_line("*SUB*")


def test_subtests_on_request(run):
    result = run(CELL, "-v", "--gradcheck-subtests")
    result.stdout.fnmatch_lines(["*SUBPASSED*cell.weight_hh?0??0?*", "*SUBPASSED*x?0?*"])
    result = run(WRONG.replace("2.0])", "2.0], subtests=True)"))
    result.stdout.fnmatch_lines(
        ["*gradient of w: expected 6, found 2*", "*gradient of x: expected 2.5, found 1.5*"]
    )


@pytest.mark.parametrize("server", [None, "true"])
def test_a_failure_is_one_table_and_one_line_of_the_summary(run, monkeypatch, server):
    for name in ("CI", "BUILD_NUMBER"):  # pytest writes longer summaries where these are set
        monkeypatch.delenv(name, raising=False)
    if server:
        monkeypatch.setenv("CI", server)
    result = run(WRONG)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*GradcheckError: gradcheck: 2 of 2 gradients wrong, because of cube(z = 1.0) in t=1",
            "*w     2 *",
            "*the operation at fault: cube(z = 1.0) in t=1",
            "*local derivative towards operand 1 of 1, z = 1.0: expected 3, found 1",
        ]
    )
    text = result.stdout.str()
    assert text.count("operation at fault") == text.count("analytic") == 1
    assert text.count("FAILED ") == 1


def test_a_check_that_should_fail_can_be_expected_to(run):
    result = run(
        WRONG.replace(
            "        gradcheck(model, [0.5, 2.0])",
            "        import pytest\n"
            "        with pytest.raises(AssertionError, match='because of cube'):\n"
            "            gradcheck(model, [0.5, 2.0])",
        )
    )
    result.assert_outcomes(passed=1)


def test_a_label_cannot_reach_the_terminal_as_a_command(run):
    result = run(WRONG.replace('z.label = "z"', 'z.label = "z\\x1b[2J"'))
    assert "\x1b[2J" not in result.stdout.str()
    result.stdout.fnmatch_lines(["*because of cube(z?x1b?2J = 1.0) in t=1"])


def test_a_picture_of_the_failed_graph_is_saved_and_named(run, pytester):
    result = run(WRONG, "--gradcheck-picture", "--gradcheck-picture-dir=pictures")
    (picture,) = pytester.path.glob("pictures/*.svg")
    assert picture.name.endswith("test_model.svg")
    result.stdout.fnmatch_lines([f"*picture: {picture}"])
    svg = picture.read_text()
    assert "gradcheck: cube is wrong: its local derivative towards z = 1.0 is 1, expected 3" in svg
    ring = THEMES["light"].marked
    assert svg.count(f'stroke="{ring}"') == 1


def test_a_picture_that_cannot_be_saved_does_not_hide_the_failure(run, pytester):
    pytester.path.joinpath("pictures").write_text("a file where the folder should be")
    result = run(WRONG, "--gradcheck-picture", "--gradcheck-picture-dir=pictures")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*the operation at fault: cube*", "*no picture: *pictures*"])


def test_without_a_fault_the_picture_has_no_ring(run, pytester):
    result = run(
        """
        def test_lost(gradcheck):
            gradcheck(lambda a: a * a.detach(), [3.0])
        """,
        "--gradcheck-picture",
    )
    result.stdout.fnmatch_lines(["*right by itself. f depends on a in a way*", "*picture: *.svg"])
    assert len(list(pytester.path.glob("gradcheck-pictures/*.svg"))) == 1


def test_options_reach_the_check(run):
    text = """
        from microgrid.ops import Op
        from microgrid.value import record
        import math
        NEARLY = Op("nearly", "~", lambda xp, a: math.sin(a),
                    lambda xp, out, a: (math.cos(a) * 1.001,))
        def test_nearly(gradcheck):
            gradcheck(lambda a: record(NEARLY, (a,)), [0.5])
    """
    assert run(text).ret == 1
    assert run(text, "--gradcheck-rtol=1e-2").ret == 0
    assert run(text, "--gradcheck-rtol=1e-2", "--gradcheck-eps=1e-3").ret == 0


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--gradcheck-eps=0", "*--gradcheck-eps must lie in 1e-12..0.1, got 0.0*"),
        ("--gradcheck-rtol=-1", "*--gradcheck-rtol must be 0 or more, got -1.0*"),
        ("--gradcheck-eps=small", "*argument --gradcheck-eps: invalid float value: 'small'*"),
    ],
)
def test_bad_options_are_named(run, option, message):
    result = run("def test_nothing(): pass", option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_kinks_are_said_at_the_end(run):
    result = run("def test_relu(gradcheck): gradcheck(lambda a: a.relu(), [0.0])")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*gradcheck: noticed*", "*::test_relu: kink at relu(a = 0.0): *"])


def test_what_was_noticed_comes_from_other_processes_too(pytester):
    pytest.importorskip("xdist")
    pytester.makepyfile("def test_relu(gradcheck): gradcheck(lambda a: a.relu(), [0.0])")
    result = pytester.runpytest_subprocess("-n", "2", "-p", "no:cacheprovider")
    result.stdout.fnmatch_lines(["*gradcheck: noticed*", "*::test_relu: kink at relu(a = 0.0): *"])


def test_values_that_were_not_among_the_inputs_are_named(run):
    result = run(
        """
        from microgrid import nn
        def test_closed_over(gradcheck):
            cell = nn.RNNCell(1, 1, seed=0)
            gradcheck(lambda x: cell(x, [0.1])[0], [[0.5]])
        """
    )
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*::test_closed_over: not checked, since*inputs: W_x, W_h, b"])


def test_gradients_made_by_hand_are_held_against_the_right_ones(run):
    result = run(
        """
        from microgrid import nn
        cell = nn.RNNCell(1, 1, nonlinearity="identity", bias=False)
        cell.load_state_dict({"W_x": [[1]], "W_h": [[2]]})
        unrolled = nn.SequenceModel(cell).unroll([5, 1, 1], loss=lambda y, _: y[0])
        def test_right(gradcheck): assert gradcheck.against(unrolled, ["W_h"], [26.0])
        def test_wrong(gradcheck): gradcheck.against(unrolled, ["W_h"], [11.0])
        """
    )
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        ["*GradcheckError: gradcheck: your dW_h misses the term k = 2", "*dW_h  11     26"]
    )


def test_compared_values_show_their_numbers(run):
    result = run(
        """
        from microgrid import Value, scope
        a = Value(2.0, label="a")
        with scope("t=1"):
            y = a * 3.0
        def test_equal(): assert y == 6.5
        def test_less(): assert y < a
        def test_lists(): assert [a, y] == [a, 6.0]
        def test_text(): assert y == "six"
        def test_numbers(): assert [1.0] == [2.0]
        """
    )
    result.assert_outcomes(failed=5)
    result.stdout.fnmatch_lines(
        [
            "*assert Value(6.0, op=mul) == 6.5",
            "*left: mul(a = 2.0, 3.0) in t=1 = 6.0",
            "*== asks whether two Values are the same node; compare their .data",
            "*left - right = -0.5",
            "*assert Value(6.0, op=mul) < Value(2.0, label='a')",
            "*right: a = 2.0",
            "*left - right = 4.0",
            "*assert 2 and 2 entries, at index 1: Value(6.0, op=mul) == 6.0",
            "*assert Value(6.0, op=mul) == 'six'",
            "*assert [[]1.0[]] == [[]2.0[]]",
        ]
    )


def test_silent_where_unused(run):
    result = run("def test_nothing(): pass", "-v")
    result.assert_outcomes(passed=1)
    assert "gradcheck" not in result.stdout.str()


def test_a_run_that_has_no_use_for_the_plugin_imports_nothing_else_of_microgrid():
    code = "import sys, microgrid.pytest_plugin; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert not loaded & {"viz", "graphviz", "rich", "numpy"}
    assert {name for name in loaded if name.partition(".")[0] == "microgrid"} == {
        "microgrid", "microgrid.pytest_plugin",
    }  # fmt: skip
