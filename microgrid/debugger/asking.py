"""The quiz at the prompt: the next gradient is asked for before it is shown."""

from __future__ import annotations

import math
from typing import Any

from ..exercise import Question, gradient_question, local_question
from ..stepper import Event
from ..train.interrupt import CtrlC
from ..wording import bracketed, shown
from .changing import Changing
from .expression import Expression
from .moving import MOST_EVENTS

__all__ = ["Asking"]

_LEAVE = {"", "q", "quit", "skip"}


class Asking(Changing):
    """quiz: a gradient, a message or a factor is asked for, in turns."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked = self.right = 0

    def do_quiz(self, arg: str) -> None:
        """quiz: asks for the next gradient before it is shown; every third time for a factor.

        Answer a number or a product (5 * -1). hint shows the terms, skip shows the answer without
        counting it, q leaves the question. A wrong answer may be tried once more.
        """
        root = self.stepper.root
        with CtrlC():
            event = self.stepper.run_until(lambda e: e.kind == "finished" and e.node is not root)
        if event is None or event.kind != "finished" or event.after is None:
            self.say("every gradient is complete: nothing is left to ask; restart begins anew")
            return
        arriving = [sent for sent in self.stepper.messages if sent.parent is event.node]
        factor = _hidden_factor(arriving) if self.asked % 3 == 2 else None
        if factor is None:
            self._question_of_the_sum(event, arriving)
        else:
            self._question_of_a_factor(factor)
        self.arrive()

    def do_restart(self, arg: str) -> None:
        """restart: undo everything, the quiz's score too; breakpoints stay."""
        super().do_restart(arg)
        self.asked = self.right = 0

    def _question_of_the_sum(self, event: Event, arriving: list[Event]) -> None:
        assert event.after is not None
        for sent in arriving[:MOST_EVENTS]:
            factors = f"{bracketed(sent.upstream)} × {bracketed(sent.local)}"
            self.say(f"  {self.names.called(sent.node)} sends {factors}")
        if len(arriving) > MOST_EVENTS:
            self.say(f"  … and {len(arriving) - MOST_EVENTS} more send theirs")
        called = self.names.called
        self._answered(gradient_question(self.stepper.sweep, event.node, called=called))

    def _question_of_a_factor(self, sent: Event) -> None:
        assert sent.position is not None
        source = self.names.called(sent.node)
        self.say(f"  {source} sends {bracketed(sent.upstream)} × ? = {shown(sent.message)}")
        sweep, called = self.stepper.sweep, self.names.called
        self._answered(local_question(sweep, sent.node, sent.position, called))

    def _answered(self, question: Question) -> None:
        """Ask until there is an answer that counts: right, wrong twice, or given up."""
        tries, number = 0, float(question.answer)
        while True:
            answer = self.ask(f"{question.text} ")
            word = "" if answer is None else answer.strip()
            if word in _LEAVE:
                self.say(f"it is {shown(number)}; not counted")
                break
            if word in ("hint", "h", "?"):
                self.say(question.hint)
                continue
            given = self._given(word)
            if given is None:
                continue
            tries += 1
            verdict = question.judge(given)
            if not verdict.right and tries == 1:
                self.say(f"{verdict.words} Once more, or hint, skip")
                continue
            self.asked += 1
            self.right += verdict.right
            self.say(f"{verdict.words} It is {shown(number)}")
            break
        self.say(f"{self.right} of {self.asked} right")

    def _given(self, answer: str) -> float | None:
        """What an answer says; None for what is no number, which is answered."""
        try:
            given = self.evaluate(Expression(answer))
        except ValueError as error:
            self.say(str(error))
            return None
        given = getattr(given, "data", given)
        if isinstance(given, bool) or not isinstance(given, float):
            self.say("answer a number, or a product such as 5 * -1")
            return None
        return given


def _hidden_factor(arriving: list[Event]) -> Event | None:
    """A message from which its local derivative can be found by dividing."""
    for sent in arriving:
        if sent.upstream and sent.message and math.isfinite(sent.message / sent.upstream):
            return sent
    return None
