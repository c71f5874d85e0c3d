"""Exercises on a graph: fresh numbers, questions of several kinds, and what a wrong answer tells.

>>> sheet = exercise("rnn", seed=7, count=4)
>>> [question.kind for question in sheet.questions]
['value', 'local', 'message', 'fork']
>>> first = sheet.questions[0]
>>> first.judge(first.answer).right, first.judge(-first.answer).words
(True, 'The size is right, the sign is not.')
"""

from .check import Report, check_answers, load_answers
from .numbers import Draw, freshen
from .question import (
    KINDS,
    WORDS,
    Question,
    Verdict,
    gradient_question,
    local_question,
    questions,
)
from .sheet import GRAPHS, Exercise, exercise

__all__ = [
    "GRAPHS", "KINDS", "WORDS", "Draw", "Exercise", "Question", "Report", "Verdict",
    "check_answers", "exercise", "freshen", "gradient_question", "load_answers", "local_question",
    "questions",
]  # fmt: skip
