"""In a notebook: graphs show themselves, each display with ids of its own."""

import re

import pytest

from microgrid import Value
from microgrid.stepper import Stepper
from viz import draw
from viz.notebook import register, show_stepper
from viz.plots.svg import inline

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
pytest.importorskip("ipykernel")

CELLS = (
    """
from microgrid import Value, nn
from microgrid.stepper import Stepper
import viz
a, b = Value(2.0, label="a"), Value(-3.0, label="b")
c = a * b
c.backward()
c""",
    "viz.draw(c)",
    """
run = nn.SequenceModel(nn.RNNCell(1, 1, seed=0)).unroll([1, 2], loss=lambda y, t: y[0])
run""",
    """
sweep = Stepper(run)
for _ in range(4):
    sweep.step()
sweep""",
)


@pytest.fixture(scope="module")
def displays() -> list[str]:
    """The SVG that each cell shows, of a notebook that was run."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in CELLS])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    return ["".join(cell.outputs[-1]["data"]["image/svg+xml"]) for cell in notebook.cells]


def test_every_object_shows_itself(displays: list[str]) -> None:
    value, drawing, run, stepper = displays
    assert ">−6<" in value
    assert ">−6<" in drawing
    assert "t = 2" in run
    assert re.search(r"after \d messages?", stepper)


def test_no_two_displays_share_an_id(displays: list[str]) -> None:
    ids = [name for shown in displays for name in re.findall(r'\bid="([^"]*)"', shown)]
    assert len(ids) > 40
    assert len(ids) == len(set(ids))


def test_a_wide_picture_shrinks_and_is_not_cut(displays: list[str]) -> None:
    for shown in displays:
        opening = re.match(r"<svg[^>]*>", shown)
        assert opening is not None
        assert "max-width:100%;height:auto" in opening[0]
        assert "viewBox" in opening[0]


def test_a_stepper_shows_no_message_that_was_not_sent() -> None:
    a = Value(3.0, label="a")
    square = a * a
    sweep = Stepper(square.tanh())
    sweep.step()
    assert "after 0 messages" in show_stepper(sweep)
    assert "←" not in _labels(show_stepper(sweep))
    sweep.run_to(square)
    assert "after 1 message.<" in show_stepper(sweep)
    sweep.run()
    assert "The backward sweep after" not in show_stepper(sweep)


def _labels(svg: str) -> str:
    """The words on the wires, without the legend's."""
    return "".join(re.findall(r'id="mg\d+-w[^"]*".*?</g>', svg, re.DOTALL))


def test_references_follow_the_renamed_ids() -> None:
    svg = '<svg><g id="a"/><use href="#a"/><rect fill="url(#a)"/></svg>'
    (name,) = set(re.findall(r"mg\d+-a", inline(svg)))
    assert inline(svg).count("-a") == 3
    assert name not in inline(svg)  # the next display has another number


def test_two_displays_of_one_drawing_differ() -> None:
    drawing = draw(Value(2.0) * 3.0)
    assert drawing._repr_image_svg_xml() != drawing._repr_image_svg_xml()


def test_outside_a_notebook_nothing_is_registered() -> None:
    assert register() is False
