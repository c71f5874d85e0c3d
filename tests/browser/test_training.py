"""The heat map over updates: |dL_k/dh_t| of every loss, as microgrid.bptt.flow has it."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytest.importorskip("playwright", reason="pip install playwright")
from microgrid import bptt, nn, optim

TOLD = re.compile(r"(\S+|all losses|the loss) at h(\d|[₀-₉]), update (\d+): (\S+)")
XS, TARGETS = [0.5, -1.0, 0.8, 0.3], [0.2, None, 1.0, -0.4]


def run_of(model: Any) -> Any:
    return model.unroll(XS, TARGETS, loss="mse")


def flows(updates: int, rate: float) -> list[bptt.Flow]:
    """Python's flow before the first of so many steps of SGD, and after each of them."""
    model = nn.SequenceModel(nn.GRUCell(1, 2, seed=0), nn.Linear(2, 1, seed=1))
    optimizer = optim.SGD(model.parameters(), lr=rate)
    found = []
    for _ in range(updates + 1):
        run = run_of(model)
        found.append(bptt.flow(run))
        optimizer.zero_grad()
        run.loss.backward()
        optimizer.step()
    return found


def shown(page: Any) -> dict[tuple[str, int, int], float]:
    """{(loss, t, update): number} of every cell of the map."""
    titles = page.locator("#reach title").evaluate_all("all => all.map((x) => x.textContent)")
    cells = {}
    for title in titles:
        told = TOLD.fullmatch(title)
        assert told, title
        t = "₀₁₂₃₄₅₆₇₈₉".find(told[2])
        cells[told[1], t, int(told[3])] = float(told[4])
    assert len(cells) == len(titles)
    return cells


@pytest.fixture
def trained(show: Any) -> Any:
    model = nn.SequenceModel(nn.GRUCell(1, 2, seed=0), nn.Linear(2, 1, seed=1))
    page = show(run_of(model))
    page.fill("#rate", "0.2")
    for _ in range(5):
        page.click("#downhill")
    return page


def test_each_loss_at_the_chosen_update(trained: Any) -> None:
    found = flows(5, 0.2)
    for update in (5, 2, 0):
        trained.locator("#update").fill(str(update))
        expected = {
            (f"L{'₀₁₂₃₄'[k]}", t, update): size
            for k, by_state in found[update].by_loss.items()
            for t, size in by_state.items()
        }
        assert len(expected) == 2 + 4 + 5
        assert shown(trained) == pytest.approx(expected, rel=1e-9)


def test_one_loss_over_the_updates(trained: Any) -> None:
    found = flows(5, 0.2)
    names = trained.locator("#reach-loss option").all_text_contents()
    assert names == ["each loss", "all losses", "L₁", "L₃", "L₄"]
    for name, k in (("L₃", 3), ("all losses", None)):
        trained.select_option("#reach-loss", label=name)
        expected = {
            (name, t, update): size
            for update, flow in enumerate(found)
            for t, size in (flow.total if k is None else flow.by_loss[k]).items()
        }
        assert shown(trained) == pytest.approx(expected, rel=1e-9)


def test_a_run_with_one_loss_has_no_triangle(show: Any) -> None:
    model = nn.SequenceModel(nn.RNNCell(1, 1, seed=0), nn.Linear(1, 1, seed=1))
    page = show(model.unroll(XS, 0.5, loss="mse", at="last"))
    page.click("#downhill")
    assert page.locator("#reach-loss option").all_text_contents() == ["the loss"]
    assert len(shown(page)) == 2 * 5


def test_cells_of_the_heat_map_are_chosen_by_arrow_keys_and_by_clicks(trained: Any) -> None:
    found = flows(5, 0.2)
    trained.select_option("#reach-loss", label="L₃")
    cell, position = trained.locator("#reach-cell"), trained.locator("#position")
    before = position.text_content()

    def told() -> tuple[str, str, int, float]:
        name, t, update, size = TOLD.fullmatch(cell.text_content()).groups()
        return name, t, int(update), pytest.approx(float(size), rel=1e-9)

    trained.focus("#reach")
    for key in ("ArrowRight", "ArrowLeft", "ArrowLeft", "ArrowDown"):  # the first key chooses
        trained.keyboard.press(key)
    sizes = found[3].by_loss[3]
    assert told() in [("L₃", "₀₁₂₃"[t], 3, size) for t, size in sizes.items()]
    assert trained.locator("#reach .chosen").count() == 1
    trained.keyboard.press("Enter")
    assert trained.locator("#update").input_value() == "3"
    assert trained.evaluate("document.activeElement.id") == "reach"
    for _ in range(9):  # to the edge, and not beyond it
        trained.keyboard.press("ArrowRight")
        trained.keyboard.press("ArrowUp")
    assert told() == ("L₃", "₃", 5, found[5].by_loss[3][3])
    assert position.text_content() == before  # the sweep stood still
    trained.locator("#reach rect").first.click()
    assert told() == ("L₃", "₀", 0, found[0].by_loss[3][0])


def test_the_heat_map_says_what_it_is(trained: Any) -> None:
    box = trained.locator("#reach")
    assert box.get_attribute("aria-label") == (
        "The size of the gradients of 3 losses at 5 states, update 5"
    )
    trained.select_option("#reach-loss", label="L₃")
    assert box.get_attribute("aria-label") == (
        "The size of the gradient of L₃ at 4 states over 5 updates"
    )
