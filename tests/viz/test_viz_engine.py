"""What viz.draw returns, which Graphviz runs for it, and what is said when none does."""

import importlib.metadata
import os
import stat

import pytest
from viz_graphs import by_graphviz, quiz

import viz
from viz.formats import graphviz as engine


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine whose Graphviz programs the test decides on."""
    monkeypatch.delenv(engine.VARIABLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))

    def without_pure():
        def missing(name):
            raise importlib.metadata.PackageNotFoundError(name)

        monkeypatch.setattr(importlib.metadata, "distribution", missing)

    def program(name="dot", prints="<svg/>", fails=False):
        path = tmp_path / name
        ending = "echo broken >&2; exit 1" if fails else f"printf '%s' '{prints}'"
        path.write_text(f"#!/bin/sh\n{ending}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    machine = type("Machine", (), {})()
    machine.without_pure, machine.program = without_pure, program
    machine.set = lambda value: monkeypatch.setenv(engine.VARIABLE, value)
    return machine


def test_the_variable_comes_first(machine):
    program = machine.program("mine")
    machine.set(program)
    machine.program("dot")
    assert engine.find() == engine.Engine(program, engine.VARIABLE)


def test_then_graphviz_pure(machine):

    machine.program("dot")
    if engine._pure() is None:
        pytest.skip("graphviz-pure is not installed")
    assert engine.find().pure


def test_then_dot_on_the_path(machine):
    machine.without_pure()
    program = machine.program("dot")
    assert engine.find() == engine.Engine(program, "PATH")
    assert by_graphviz(viz.draw(quiz())) == "<svg/>"


def test_without_any_one_sentence_says_what_to_do(machine):
    machine.without_pure()
    with pytest.raises(
        engine.EngineError, match="no Graphviz was found: pip install graphviz-pure"
    ):
        viz.draw(quiz()).pipe("png")


@pytest.mark.parametrize("format", ["svg", "pdf"])
def test_what_draw_returns_writes_svg_and_pdf_without_one(machine, tmp_path, format):
    machine.without_pure()
    drawn, run = viz.draw(quiz()), quiz()
    own = viz.render(run, tmp_path / f"own.{format}").read_bytes()
    assert drawn.pipe(format) == own
    assert drawn.render("quiz.gv", directory=tmp_path, format=format) == str(
        tmp_path / f"quiz.gv.{format}"
    )
    assert (tmp_path / f"quiz.gv.{format}").read_bytes() == own
    assert (tmp_path / "quiz.gv").read_text() == drawn.source
    out = tmp_path / f"other.{format}"
    assert drawn.render(outfile=out, cleanup=True) == str(out)
    assert out.read_bytes() == own
    assert not (tmp_path / "other.gv").exists()


def test_what_is_added_to_the_text_is_painted_by_graphviz():
    drawn = viz.draw(quiz())
    assert drawn.pipe("svg", encoding="utf-8") == drawn.pipe().decode()
    drawn.node("remark", label="my own", pos="10,10")
    assert ">my own<" in drawn.pipe("svg", encoding="utf-8")
    assert ">my own<" in drawn.copy().pipe(encoding="utf-8")
    if engine.find().pure:
        with pytest.raises(engine.EngineError, match=r"graphviz-pure.* made no pdf: "):
            drawn.pipe("pdf")


@pytest.mark.parametrize("suffix", ["svg", "pdf", "tex", "dot"])
def test_only_png_needs_a_graphviz(machine, tmp_path, suffix):
    machine.without_pure()
    assert viz.render(quiz(), tmp_path / f"quiz.{suffix}").stat().st_size > 1000
    with pytest.raises(engine.EngineError, match="no Graphviz was found"):
        viz.render(quiz(), tmp_path / "quiz.png")
    assert not (tmp_path / "quiz.png").exists()


def test_a_variable_that_names_no_program_is_named(machine):
    machine.set("/no/such/dot")
    with pytest.raises(engine.EngineError, match="MICROGRID_DOT is '/no/such/dot'"):
        engine.find()


def test_a_program_that_fails_is_quoted(machine, tmp_path):
    machine.without_pure()
    machine.program("dot", fails=True)
    with pytest.raises(engine.EngineError, match="made no png: broken"):
        viz.render(quiz(), tmp_path / "quiz.png")
    assert not (tmp_path / "quiz.png").exists()


def test_the_engine_tells_its_version():
    assert "graphviz" in engine.find().version().lower()


def test_a_system_graphviz_draws_the_same_text():
    system = os.environ.get("MICROGRID_TEST_SYSTEM_DOT") or engine.shutil.which("dot")
    if system is None:
        pytest.skip("no system Graphviz on PATH")
    svg = engine.Engine(system, "PATH").run(viz.draw(quiz()).source, "svg").decode()
    assert "×−5" in svg
    assert "← −20" in svg
