"""What the tests of the page share: a run to play, and how a card is found and read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from microgrid import nn

Show = Callable[..., Any]


def tanh_run(steps: int = 3, hidden: int = 1) -> nn.Unrolled:
    cell = nn.RNNCell(1, hidden, seed=3)
    model = nn.SequenceModel(cell, readout=nn.Linear(hidden, 1, seed=4))
    run = model.unroll([0.5 - t for t in range(steps)], [0.25] * steps, loss="mse")
    assert run.loss is not None
    run.loss.backward()
    return run


def card(page: Any, name: str, nth: int = 0) -> Any:
    """The card of that name in the picture."""
    return page.locator(".card", has=page.locator(f'text.name:text-is("{name}")')).nth(nth)


def gradient(page: Any, name: str, nth: int = 0) -> str:
    return str(card(page, name, nth).locator("text.grad").text_content())


def position(page: Any) -> int:
    return int(page.locator("#slider").input_value())


def message_to(page: Any, name: str, nth: int = 1) -> None:
    """Step forward until the card has received its nth message."""
    seen = 0
    for _ in range(100):
        page.keyboard.press("n")
        if "receives" in str(card(page, name).get_attribute("class")):
            seen += 1
            if seen == nth:
                return
    raise AssertionError(f"{name} never received message {nth}")
