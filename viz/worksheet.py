"""Worksheets: a picture whose asked numbers are blank, the questions below it, and the key."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from microgrid.exercise import Exercise, Question
from microgrid.files import write_whole
from microgrid.value import Value, creation_order

from .drawing.drawing import Drawing, Group, Text, Word
from .drawing.painter import paint
from .formats import writer_of
from .layout.place import layout_of
from .picture.build import Options, Pictures, roots_of
from .picture.model import Picture
from .picture.naming import label_of
from .style.theme import THEMES
from .style.typography import number, pretty, text_width

__all__ = ["worksheet", "write_worksheet"]

_THEME = THEMES["print"]
_SIZE, _PITCH, _MARGIN = 11.0, 17.0, 28.0
_LETTERS = "abcdefgh"
_BLANK = "______"


def worksheet(exercise: Exercise, key: bool = False) -> Drawing:
    """The sheet of an exercise; with `key` the answers, and how one gets there.

    >>> from microgrid.exercise import exercise
    >>> sheet = worksheet(exercise("rnn", seed=7, count=2))
    >>> [text.plain for group in sheet.groups for text in group.shapes if group.kind == "question"]
    ['1.  What is the value of y₁?   ______', '2.  What is the local derivative ∂h₁/∂W_x?   ______']
    """
    hidden = () if key else ("grad", "message")
    title = f"Exercise {exercise.name}, seed {exercise.seed}{': the key' if key else ''}"
    pictures = Pictures(exercise.graph, Options(title=title, detail="scalar", hide=hidden))
    picture = pictures.played()
    picture.panels, picture.subtitle = [], ""
    drawing = paint(picture, layout_of(picture), _THEME)
    order = creation_order(*roots_of(exercise.graph))
    groups = list(drawing.groups) if key else _blanked(drawing, picture, exercise.questions, order)
    lines = [line for i, q in enumerate(exercise.questions, 1) for line in _lines(q, i, key)]
    width = max(drawing.width, *(text_width(words, _SIZE) + 2 * _MARGIN for _, words in lines))
    top = drawing.height + _PITCH
    for i, (kind, words) in enumerate(lines):
        ink = _THEME.text if kind == "question" else _THEME.muted
        text = Text("line", _MARGIN, top + i * _PITCH, _SIZE, "start", (Word(words, ink),))
        groups.append(Group(f"line{i}", kind, words, (text,)))
    height = top + len(lines) * _PITCH + _MARGIN
    return replace(drawing, width=width, height=height, groups=tuple(groups))


def write_worksheet(exercise: Exercise, path: str | Path) -> list[Path]:
    """Write SHEET.pdf and SHEET-key.pdf (or another format); ValueError for another suffix."""
    target, write = writer_of(path, "worksheet")
    key = target.with_name(f"{target.stem}-key{target.suffix}")
    return [
        write_whole(file, write(worksheet(exercise, key=file is key))) for file in (target, key)
    ]


def _lines(question: Question, i: int, key: bool) -> Iterator[tuple[str, str]]:
    """(kind, words) of a question, its choices, and in the key its answer."""
    answer = _BLANK
    if key:
        answer = (
            _LETTERS[int(question.answer)] if question.choices else number(float(question.answer))
        )
    yield "question", f"{i}.  {pretty(question.text)}   {answer}"
    for letter, choice in zip(_LETTERS, question.choices):
        yield "choice", f"      ({letter})  {pretty(choice)}"
    if key:
        for step in question.steps:
            yield "step", f"      {pretty(step)}"


def _blanked(
    drawing: Drawing, picture: Picture, questions: Sequence[Question], order: Sequence[Value]
) -> list[Group]:
    """The groups, with a line to write on in the place of every number that is asked for."""
    values = {order.index(q.subject) for q in questions if q.kind == "value" and q.subject}
    locals_ = {
        (order.index(q.subject), q.position) for q in questions if q.kind == "local" and q.subject
    }
    asked = {card.id: "value" for card in picture.cards if not values.isdisjoint(card.nodes)}
    asked |= {wire.id: "local" for wire in picture.wires if not locals_.isdisjoint(wire.edges)}
    return [_without(group, asked.get(group.id, "")) for group in drawing.groups]


def _without(group: Group, kind: str) -> Group:
    if not kind:
        return group
    shapes = tuple(
        shape._replace(words=(*shape.words[:-1], shape.words[-1]._replace(text="____")))
        if isinstance(shape, Text) and shape.kind == kind
        else shape
        for shape in group.shapes
    )
    name = str(label_of(group.id))
    return group._replace(shapes=shapes, tooltip=f"{name}: asked for")
