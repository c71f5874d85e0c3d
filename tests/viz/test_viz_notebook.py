"""In a notebook: graphs show themselves, each display with ids of its own."""

import base64
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from microgrid import Value
from microgrid.stepper import Stepper
from viz import draw, player
from viz.notebook import register, show_stepper
from viz.plots.svg import inline

nbclient = pytest.importorskip("nbclient")
nbformat = pytest.importorskip("nbformat")
traitlets = pytest.importorskip("traitlets.config")
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


FURTHER = (
    "run.loss.backward(); print(viz.text(run))",
    "[c, a.tanh()]",
    "run.model",
    "from microgrid import bptt; bptt.flow(run)",
    "viz.player(run)",
    "[1, 2], []",
)


@pytest.fixture(scope="module")
def outputs() -> list[Any]:
    """What each cell shows, of a notebook that was run.

    Its kernel listens in a folder, and not on a port that another test's may have taken, and
    knows nothing of the user's profile.
    """
    cells = [nbformat.v4.new_code_cell(c) for c in (*CELLS, *FURTHER)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    listening = traitlets.Config({"KernelManager": {"transport": "ipc"}})
    with TemporaryDirectory(prefix="kernel-") as folder, pytest.MonkeyPatch.context() as patch:
        for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
            patch.setenv(name, folder)
        nbclient.NotebookClient(
            notebook, timeout=600, kernel_name="python3", config=listening
        ).execute()
    return [cell.outputs for cell in notebook.cells]


@pytest.fixture(scope="module")
def displays(outputs: list[Any]) -> list[str]:
    """The HTML of the pictures of graphs."""
    return [shown[-1]["data"]["text/html"] for shown in outputs[: len(CELLS)]]


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
        opening = re.search(r"<svg[^>]*>", shown)
        assert opening is not None
        assert "max-width:100%;height:auto" in opening[0]
        assert "viewBox" in opening[0]


def test_a_picture_is_png_and_text_as_well(outputs: list[Any]) -> None:
    value = outputs[0][-1]
    image = base64.b64decode(value["data"]["image/png"])
    assert image.startswith(b"\x89PNG")
    twice = int.from_bytes(image[16:20], "big")  # two pixels a point
    assert twice == pytest.approx(2 * value["metadata"]["image/png"]["width"], rel=0.1)
    assert "├─ a          2        −3" in value["data"]["text/plain"]
    assert "image/svg+xml" not in value["data"]  # an <img>, which nothing can shrink


def test_pictures_are_dark_where_the_notebook_is(displays: list[str]) -> None:
    value, drawing, *_ = displays
    assert 'data-jp-theme-light="false"] .microgrid' in value
    assert "var(--mg-ground,#ffffff)" in value
    assert "var(" not in drawing  # whose theme was chosen


def test_text_is_printed_as_text_and_nothing_else(outputs: list[Any]) -> None:
    (printed,) = outputs[len(CELLS)]
    assert printed["output_type"] == "stream"
    assert "h tanh" in printed["text"]
    assert "<" not in printed["text"]


def test_lists_models_flows_and_players_show_themselves(outputs: list[Any]) -> None:
    several, model, flow, player, other = (shown[-1]["data"] for shown in outputs[-5:])
    assert "2 values" in several["text/html"]
    assert "RNNCell" in model["text/plain"]
    assert "cell.weight_hh" in model["text/html"]
    assert "per step" in flow["text/plain"]
    assert "<svg" in flow["text/html"]
    assert player["text/html"].startswith("<iframe")
    assert "embed folded" in player["text/html"]
    assert other["text/plain"] == "([1, 2], [])"
    assert "text/html" not in other


def test_a_player_without_a_path_can_be_saved_later(tmp_path: Path) -> None:
    a = Value(3.0, label="a")
    made = player(a * 2.0)
    assert made.save(tmp_path / "a.html").read_text(encoding="utf-8") == made.html
    with pytest.raises(ValueError, match=r"ends in .html, got 'a.svg'"):
        made.save(tmp_path / "a.svg")


def test_a_stepper_shows_no_message_that_was_not_sent() -> None:
    a = Value(3.0, label="a")
    square = a * a
    sweep = Stepper(square.tanh())
    sweep.step()
    assert "after 0 messages" in _html(sweep)
    assert "←" not in _labels(_html(sweep))
    sweep.run_to(square)
    assert "after 1 message.<" in _html(sweep)
    sweep.run()
    assert "The backward sweep after" not in _html(sweep)


def _html(sweep: Stepper) -> str:
    return show_stepper(sweep)[0]["text/html"]


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
