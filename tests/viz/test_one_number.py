"""Whatever shows a gradient shows the same one: every renderer, frame, player and debugger."""

import html
import re
from io import StringIO

import pytest
from page_numbers import Page
from viz_graphs import by_graphviz

import viz
from microgrid import Value
from microgrid.debugger import Debugger
from microgrid.graph import creation_order, gradient_of
from microgrid.stepper import Stepper
from viz.picture.build import picture_of
from viz.style.typography import number

# How the graph came to where it is: (sweeps, events of a stepper afterwards, zero_grad last).
STATES = {
    "never swept": (0, None, False),
    "one sweep": (1, None, False),
    "two sweeps": (2, None, False),
    "stepped once": (0, 99, False),
    "two sweeps and a stepper": (2, 99, False),
    "a stepper not yet begun": (2, 0, False),
    **{f"two sweeps, then {n} events": (2, n, False) for n in range(1, 9)},
    "after zero_grad": (2, None, True),
}


def graph():
    """L = (w x) w: the leaf w gets two messages, 6 and 6."""
    w, x = Value(2.0, label="w"), Value(3.0, label="x")
    u = w * x
    u.label = "u"
    root = u * w
    root.label = "L"
    return root


def held(root):
    return {node.label: gradient_of(node) for node in creation_order(root)}


def by_tooltip(picture):
    """{name: gradient} of an SVG or DOT text, read from the cards' tooltips."""
    cards = re.findall(r"(\w): (?:a leaf|mul\(.*?\))\nvalue \S+\n(.*)", html.unescape(picture))
    return {name: _number(last) for name, last in cards}


def _number(line):
    found = re.match(r"gradient ([-\d.e]+)", line)
    return float(found[1]) if found else None


def by_terminal(text):
    """{name: gradient} of the table that viz.text prints."""
    table = text.partition("\n\n")[2].partition("\n\n")[0]
    rows = re.findall(r"^[│├└─ ]*(\w) +×? +[\d.]+ +([\d.]+|–)", table, re.MULTILINE)
    rows = [(name, "" if shown == "–" else shown) for name, shown in rows]
    return {name: float(shown) if shown else None for name, shown in rows}


def by_player(page, step):
    """{name: gradient} that the page shows at a step of the sweep."""
    cards = page.data["levels"][0]["cards"]
    return {c["name"]: page.number(c["rows"][0]["grad"], step) for c in cards}, page.last


def prompt(x, path):
    """What the debugger's own draw paints."""
    Debugger(x, StringIO(f"draw {path}\nq\n"), StringIO()).cmdloop()
    return path.read_text()


@pytest.mark.parametrize("name", STATES)
def test_every_surface_shows_the_same_gradient(name, tmp_path):
    sweeps, events, reset = STATES[name]
    root = graph()
    for _ in range(sweeps):
        root.backward()
    stepper = None if events is None else Stepper(root)
    for _ in range(events or 0):
        stepper.step()
    if reset:
        for leaf in creation_order(root)[:2]:
            leaf.grad = None
    now = held(root)

    scene = picture_of(root)
    shown = {
        "draw": by_tooltip(viz.draw(root).source),
        "dot": by_tooltip(viz.render(root, tmp_path / "x.dot").read_text()),
        "svg": by_tooltip(viz.render(root, tmp_path / "x.svg").read_text()),
        "graphviz": by_tooltip(by_graphviz(viz.draw(root)).replace("&#10;", "\n")),
        "debugger": by_tooltip(prompt(stepper or root, tmp_path / "d.svg")),
        "terminal": by_terminal(viz.text(root)),
        "cards": {card.name: card.rows[0].grad for card in scene.cards},
    }
    assert shown == dict.fromkeys(shown, now)
    svg = (tmp_path / "x.svg").read_text()
    assert all(f">{number(g)}" in svg for g in now.values() if g is not None)

    frames = viz.frames(root, tmp_path)
    page = Page(root)
    assert held(root) == now  # looking changes nothing
    last, count = by_player(page, page.last)
    if stepper is not None and stepper.history:
        sent = stepper.sent
        assert by_tooltip(frames[sent].read_text()) == by_player(page, sent)[0] == now
        stepper.run()
    elif reset or not sweeps:
        root.backward()  # which is what the frames and the page have played
    assert len(frames) == count + 1 == 5
    assert by_tooltip(frames[-1].read_text()) == last == held(root)


def test_in_the_middle_a_message_that_is_not_sent_is_not_drawn():
    root = graph()
    stepper = Stepper(root)
    stepper.run_until(lambda event: event.kind == "message")
    picture = picture_of(root)
    assert [wire.message for wire in picture.wires] == [None, None, 2.0, None]
    assert picture.subtitle == "The backward sweep after 1 message."
    stepper.run()
    assert [wire.message for wire in picture_of(root).wires] == [6.0, 4.0, 2.0, 6.0]


def test_a_stepper_that_was_overtaken_is_not_believed():
    root = graph()
    stepper = Stepper(root)
    stepper.run_to("u")
    root.backward()
    assert [wire.message for wire in picture_of(root).wires] == [6.0, 4.0, 2.0, 6.0]
    assert not stepper.done
