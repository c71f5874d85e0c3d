"""The forward pass and the sweep as pictures of every event, and as one SVG that plays."""

import re
import xml.etree.ElementTree as ET

import pytest
from viz_graphs import gated, mlp, quiz, rnn

import viz
from benchmarks.graphs import GRAPHS
from microgrid import Value, nn
from microgrid.cli import main
from microgrid.graph import creation_order
from microgrid.stepper import Stepper, sweep_of
from viz.picture.build import Options, Pictures
from viz.style.typography import number

SVG = "{http://www.w3.org/2000/svg}"


def fork():
    """A graph in which three messages add up: a is used three times."""
    a, b = Value(2.0, label="a"), Value(-0.5, label="b")
    out = ((a * b).tanh() + a) * a
    out.label = "out"
    out.backward()
    return out


HANDED_DOWN = "font-size", "fill"


def resolved(element, inherited):
    """An element with all that it has from the groups around it, in a fixed order."""
    of_texts = inherited if element.tag == f"{SVG}text" and element.text else {}
    size = {"font-size": inherited["font-size"]} if "font-size" in inherited else {}
    whole = {**(size if element.tag == f"{SVG}text" else {}), **of_texts, **element.attrib}
    made = ET.Element(element.tag, dict(sorted(whole.items())))
    made.text, made.tail = element.text, element.tail
    made.extend(element)
    return made


class Player:
    """Plays an SVG as a browser would: what is seen at a time, in seconds."""

    def __init__(self, text):
        self.tree = ET.fromstring(text)
        rules = self.tree.find(f"{SVG}style").text
        self.seconds = float(re.search(r"animation:([\d.]+)s step-end", rules)[1])
        start = {name: int(x) for name, x in re.findall(r"--([abt]):(\d+)", rules.split("}g[")[0])}
        self.first, self.after, self.moment = start["a"], start["b"], start["t"]
        clock = re.search(r"@keyframes clock\{((?:[^{}]*\{[^}]*\})*)\}", rules)[1]
        self.clock = [(float(at), int(k)) for at, k in re.findall(r"([\d.]+)%\{--t:(\d+)\}", clock)]

    def turn(self, group, moment):
        """Whether the style of a group lets it be seen at a moment."""
        found = dict(re.findall(r"--([ab]):(\d+)", group.get("style", "")))
        return int(found.get("a", self.first)) <= moment < int(found.get("b", self.after))

    def seen(self, group, time=None, inherited=()):
        """Everything but words below a group at a time; None: where nothing plays."""
        moment = self.moment
        if time is not None:
            percent = 100.0 * time / self.seconds
            moment = [k for at, k in self.clock if at <= percent + 1e-3][-1]
        if not self.turn(group, moment):
            return
        inherited = dict(inherited) | {x: group.get(x) for x in HANDED_DOWN if group.get(x)}
        for child in group:
            if child.tag == f"{SVG}g":
                yield from self.seen(child, time, inherited)
            elif child.tag != f"{SVG}title":
                yield resolved(child, inherited)

    def groups(self, time=None):
        return {g.get("id"): list(self.seen(g, time)) for g in self.tree.findall(f"{SVG}g")}

    def texts(self, time=None):
        """{group: [(size, anchor, words)]}, subscripts as plain digits."""
        return {
            id: [
                (float(e.get("font-size")), e.get("text-anchor", "start"), "".join(e.itertext()))
                for e in shapes
                if e.tag == f"{SVG}text"
            ]
            for id, shapes in self.groups(time).items()
        }


def moments(x):
    """(time, values computed, messages sent) in the middle of every picture."""
    operations = sum(node.op is not None for node in creation_order(getattr(x, "loss", x)))
    sweep, _ = sweep_of(x)
    for k in range(operations + len(sweep) + 1):
        yield 0.8 * k + 0.4, min(k, operations), max(0, k - operations)


@pytest.mark.parametrize("make", [quiz, fork, lambda: rnn(steps=2)], ids=["quiz", "fork", "rnn"])
def test_at_every_moment_the_numbers_are_the_engine_s(make, tmp_path):
    x = make()
    root = getattr(x, "loss", x)
    player = Player(viz.animate(x, tmp_path / "a.svg", detail="scalar").read_text())
    sweep, _ = sweep_of(x)
    order = creation_order(root)
    computed = [node for node in order if node.op is not None]
    for time, values, sent in moments(x):
        there = {node for node in order if node.op is None} | set(computed[:values])
        texts = player.texts(time)
        for i, node in enumerate(order):
            if f"n{i}" not in texts:
                continue  # a shared weight has a card for each use
            lines = [line for line in texts[f"n{i}"] if line[0] == 11.0]
            assert [t for _, side, t in lines if side == "start"] == (
                [number(node.data)] if node in there else []
            ), (time, i)
            gradient = sweep.gradient(node, after=sent) if sent else None
            expected = "–" if gradient is None else number(gradient)
            assert [t for _, side, t in lines if side == "end"] == [expected], (time, i)
        for i, node in enumerate(order):
            for position, local in enumerate(node.partials):
                words = {t for *_, t in texts[f"w{i}_{position}"]}
                message = sweep.message(node, position, sent) if sent else None
                assert {t for t in words if t[0] == "×"} == (
                    {f"×{number(local)}"} if node in there else set()
                )
                assert [t[2:] for t in words if t[0] in "←↓↑"] == (
                    [] if message is None else [number(message)]
                )


def test_a_fork_s_gradient_changes_with_each_message(tmp_path):
    x = fork()
    player = Player(viz.animate(x, tmp_path / "a.svg", detail="scalar").read_text())
    seen = []
    for time, *_ in moments(x):
        grad = [t for size, side, t in player.texts(time)["n0"] if (size, side) == (11.0, "end")]
        seen += grad if grad != seen[-1:] else []
    tanh = -0.7615941559557649  # of a · b = -1
    first = tanh + 2.0  # from out = s · a
    second = first + 2.0  # from s = tanh + a, whose gradient is a
    third = second + 2.0 * (1.0 - tanh**2) * -0.5  # from a · b
    assert seen == ["–", number(first), number(second), number(third)]
    (a,) = (node for node in creation_order(x) if node.label == "a")
    assert third == pytest.approx(a.grad, rel=1e-15)


@pytest.mark.parametrize(
    "make", [quiz, fork, lambda: gated(nn.LSTMCell), mlp], ids=["quiz", "fork", "lstm", "mlp"]
)
def test_the_last_picture_is_the_one_that_render_draws(make, tmp_path):
    x = make()
    player = Player(viz.animate(x, tmp_path / "a.svg").read_text())
    still = Player.__new__(Player)
    still.tree = ET.fromstring(viz.render(x, tmp_path / "b.svg").read_text())
    drawn = {
        g.get("id"): [ET.tostring(resolved(e, {})) for e in g if e.tag != f"{SVG}title"]
        for g in still.tree.findall(f"{SVG}g")
    }
    for time in (None, player.seconds - 0.1):  # where nothing moves, and at the end
        played = player.groups(time)
        found = {id: [ET.tostring(e) for e in shapes] for id, shapes in played.items()}
        assert {id: sorted(shapes) for id, shapes in found.items() if shapes} == {
            id: sorted(shapes) for id, shapes in drawn.items()
        }


def test_the_quiz_plays_in_70_kilobytes_without_a_script(tmp_path):
    text = viz.animate(quiz(), tmp_path / "quiz.svg").read_text()
    assert len(text.encode()) <= 70_000
    assert "prefers-reduced-motion:no-preference" in text
    assert "<script" not in text
    assert "href" not in text
    ending = viz.animate(quiz(), tmp_path / "quiz.svg", loop=False, seconds=0.5, hold=1).read_text()
    assert "animation:11s step-end 1}" in ending


def test_an_lstm_plays_in_150_kilobytes(tmp_path):
    text = viz.animate(GRAPHS["LSTM 2x3"](), tmp_path / "lstm.svg").read_text()
    assert len(text.encode()) <= 150_000


def test_an_event_is_what_completes_a_card_or_a_wire():
    pictures = Pictures(gated(nn.LSTMCell), Options(detail="gate"))
    events, before = pictures.events(), pictures.at(-pictures.operations)
    assert len(events) < 0.7 * (pictures.operations + len(pictures.sweep))
    for step in events:
        picture = pictures.at(step)
        rows, earlier = ([row for card in x.cards for row in card.rows] for x in (picture, before))
        known = [row.value is not None for row in rows]
        assert known != [row.value is not None for row in earlier] or step > 0
        sent = [wire.message for wire in picture.wires]
        assert sent != [wire.message for wire in before.wires] or step <= 0
        before = picture
    complete = pictures.played()
    assert [wire.message for wire in before.wires] == [wire.message for wire in complete.wires]


def test_the_message_to_a_weight_on_a_wire_is_an_event():
    pictures = Pictures(mlp(), Options(detail="neuron"))
    sweep, order = pictures.sweep, creation_order(pictures.sweep.root)
    weights = [w.weight.node for w in pictures.played().wires if w.weight is not None]
    assert weights
    events = pictures.events()
    for node in weights:
        (sent,) = (sent for sent, _ in sweep.history(order[node]))
        assert any(sent <= event for event in events)


def test_a_long_sweep_takes_several_events_at_once(tmp_path):
    x = Value(0.5, label="x")
    y = x
    for _ in range(250):
        y = y.tanh()
    text = viz.animate(y, tmp_path / "long.svg", seconds=1.0, hold=1.0).read_text()
    assert Player(text).seconds <= 202.0


@pytest.mark.parametrize(
    ("path", "options", "sentence"),
    [
        ("a.png", {}, "its name ends in .svg, got 'a.png'"),
        ("a.svg", {"seconds": 0}, "seconds must be a time above 0, got 0"),
        ("a.svg", {"hold": float("nan")}, "hold must be a time above 0, got nan"),
        ("a.svg", {"theme": "pink"}, "theme must be one of"),
    ],
)
def test_what_cannot_play_is_said(path, options, sentence, tmp_path):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        viz.animate(fork(), tmp_path / path, **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("sweep", "first", "last"),
    [("backward", 0, 14), ("forward", 1, 5), ("both", 1, 19)],
)
def test_the_slides_are_19(sweep, first, last, tmp_path):
    made = viz.frames(quiz(), tmp_path / "new", sweep=sweep)
    assert [path.name for path in made] == [f"{k:03d}.svg" for k in range(first, last + 1)]
    assert len({re.search(r'viewBox="[^"]*"', path.read_text())[0] for path in made}) == 1


def test_values_come_in_the_stepper_s_order_and_nothing_tells_them_before():
    run = quiz()
    pictures, stepper = Pictures(run, Options(detail="scalar")), Stepper(run, forward=True)
    order = stepper.nodes[::-1]
    for step in range(-5, 1):
        picture = pictures.at(step)
        for card in picture.cards:
            node = order[card.nodes[0]]
            known = stepper.is_computed(node)
            assert (card.rows[0].value, card.look) == (
                (node.data, "") if known else (None, "faded")
            )
            assert card.rows[0].grad is None
            assert known or not re.search(r"\d", card.tooltip)
        for wire in picture.wires:
            known = stepper.is_computed(order[wire.edges[0][0]])
            assert (wire.local is None, wire.look) == ((False, "") if known else (True, "faded"))
            assert wire.message is None
            assert known or not re.search(r"\d", wire.tooltip)
        if step < 0:
            assert stepper.step().kind == "computed"


def test_the_title_does_not_give_the_result_away():
    pictures = Pictures(fork(), Options())
    assert [pictures.at(step).title for step in (-4, -1, 0)] == [
        "out = ?",
        "out = ?",
        "out = 2.477",
    ]


@pytest.mark.parametrize("detail", ["vector", "cell", "gate", "rolled"])
def test_at_every_level_numbers_come_when_all_in_them_is_computed(detail):
    run = gated(nn.LSTMCell)
    pictures = Pictures(run, Options(detail=detail))
    counts = []
    for step in range(-pictures.operations, 1):
        picture = pictures.at(step)
        counts.append(sum(row.value is not None for card in picture.cards for row in card.rows))
        assert all(wire.message is None for wire in picture.wires)
    whole = pictures.played()
    assert counts == sorted(counts)
    assert counts[-1] == sum(len(card.rows) for card in whole.cards)
    assert detail == "rolled" or counts[0] < counts[-1]


def test_a_graph_of_one_leaf_has_one_picture(tmp_path):
    for sweep in viz.SWEEPS:
        assert len(viz.frames(Value(1.0, label="a"), tmp_path, sweep=sweep)) == 1
    assert viz.animate(Value(1.0, label="a"), tmp_path / "a.svg").is_file()


def test_a_run_without_a_loss_plays_its_forward_pass(tmp_path):
    model = nn.SequenceModel(nn.RNNCell(1, 2, seed=0), readout=nn.Linear(2, 1, seed=1))
    run = model.unroll([0.1, 0.2])
    playing = viz.animate(run, tmp_path / "forward.svg").read_text(encoding="utf-8")
    assert number(run.outputs[1][0].data) in playing
    pictures = viz.frames(run, tmp_path, sweep="both")
    assert len(pictures) == Pictures(run, Options()).operations
    assert number(run.outputs[1][0].data) in pictures[-1].read_text(encoding="utf-8")


def test_frames_name_the_sweeps_there_are(tmp_path):
    with pytest.raises(ValueError, match="sweep must be one of backward, forward, both, got 'up'"):
        viz.frames(fork(), tmp_path / "none", sweep="up")
    assert not (tmp_path / "none").exists()


def test_the_command_line_has_the_sweep(tmp_path, capsys):
    main(["frames", "rnn", "--steps", "1", "-o", str(tmp_path), "--sweep", "forward"])
    made = sorted(path.name for path in tmp_path.iterdir())
    assert f"wrote {len(made)} pictures" in capsys.readouterr().out
    assert made[0] == "001.svg"
