"""Answers from a file, checked one by one against the exercise they belong to."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..wording import aligned, short, shown
from .question import Question, Verdict
from .sheet import GRAPHS, Exercise, exercise

__all__ = ["Report", "check_answers", "load_answers"]

_LETTERS = "abcdefgh"  # of the choices


@dataclass(frozen=True)
class Report:
    """Every answer with its verdict."""

    rows: list[tuple[Question, float | None, Verdict]]

    @property
    def right(self) -> int:
        """How many answers are right."""
        return sum(verdict.right for _, _, verdict in self.rows)

    @property
    def ok(self) -> bool:
        """Whether all are."""
        return self.right == len(self.rows)

    def __str__(self) -> str:
        lines = [["", "question", "answer", ""]]
        for i, (question, answer, verdict) in enumerate(self.rows, start=1):
            said = "" if answer is None else _said(question, answer)
            lines.append([str(i), question.text, said, verdict.words])
        return "\n".join([*aligned(lines), f"{self.right} of {len(self.rows)} right"])


def _said(question: Question, answer: float) -> str:
    return _LETTERS[int(answer)] if question.choices else shown(answer)


def load_answers(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The JSON object of an answers file. ValueError says what is wrong with it."""
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"there is no file {str(path)!r}") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} must hold an object, got {short(found)}")
    return found


def check_answers(answers: Mapping[str, Any] | str | os.PathLike[str]) -> Report:
    """Hold answers against the exercise that they name: a mapping, or the path of its JSON file.

    A number may be written as one, or as text such as "-0.25", "1/3", "−20" or, for a choice,
    "b". An answer that is missing or null counts as wrong. ValueError for what is no such file.
    """
    given = load_answers(answers) if isinstance(answers, str | os.PathLike) else dict(answers)
    made = _named(given)
    found = given.get("answers")
    if not isinstance(found, dict):
        raise ValueError(f'"answers" must be an object of number to answer, got {short(found)}')
    unknown = set(found) - {str(i) for i in range(1, len(made.questions) + 1)}
    if unknown:
        raise ValueError(
            f"there are questions 1 to {len(made.questions)}, got {short(min(unknown))}"
        )
    rows = []
    for i, question in enumerate(made.questions, start=1):
        answer = _number(found.get(str(i)), question, i)
        verdict = Verdict(False, "no answer") if answer is None else question.judge(answer)
        rows.append((question, answer, verdict))
    return Report(rows)


def _named(given: Mapping[str, Any]) -> Exercise:
    name, seed, count = given.get("exercise"), given.get("seed"), given.get("count", 8)
    if not isinstance(name, str) or name not in GRAPHS:
        raise ValueError(f'"exercise" must be one of {", ".join(GRAPHS)}, got {short(name)}')
    for word, number, least in (("seed", seed, 0), ("count", count, 1)):
        if isinstance(number, bool) or not isinstance(number, int) or number < least:
            raise ValueError(
                f'"{word}" must be a whole number of {least} or more, got {short(number)}'
            )
    assert isinstance(seed, int)
    assert isinstance(count, int)
    return exercise(name, seed, min(count, 100))


def _number(answer: Any, question: Question, i: int) -> float | None:
    if answer is None or answer == "":
        return None
    text = str(answer).strip().replace("−", "-").replace(",", ".")
    if question.choices and text in _LETTERS[: len(question.choices)]:
        return float(_LETTERS.index(text))
    top, slash, bottom = text.partition("/")
    try:
        return float(top) / float(bottom) if slash else float(text)
    except (ValueError, ZeroDivisionError):
        raise ValueError(
            f"answer {i} must be a number such as -0.25 or 1/3, got {short(answer)}"
        ) from None
