"""Debugger: the prompt and its commands."""

from __future__ import annotations

import cmd
import math
import sys
from collections.abc import Callable
from itertools import count
from typing import IO, Any

from ..stepper import Event, Stepper
from ..train.interrupt import CtrlC
from ..value import Value
from .breakpoints import Breakpoint, breakpoint_at, lookup
from .expression import Expression
from .names import Names, bracketed, card, shown, table, whole_number

MOST_EVENTS = 12  # that one command prints; of more, only the last few


class Debugger(cmd.Cmd):
    """A prompt over the sweep of a Value or an unrolled run. `help` lists the commands.

    Commands come from stdin: a terminal, a file or a pipe. Without a terminal they are
    echoed, so that what comes out reads like a session. Whatever goes wrong in a command
    is one sentence, and the sweep stays where it is.
    """

    prompt = "(bptt) "

    def __init__(self, x: Any, stdin: IO[str] | None = None, stdout: IO[str] | None = None) -> None:
        super().__init__("tab", stdin, stdout)
        self.stepper = x if isinstance(x, Stepper) else Stepper(x)
        self.x = self.stepper.root if x is self.stepper else x
        self.names = Names(self.stepper)
        self.breakpoints: dict[int, Breakpoint] = {}
        self.displays: dict[int, Expression] = {}
        self.asked = self.right = 0
        self._breakpoint_numbers, self._display_numbers = count(1), count(1)
        self._up = 0  # how far u has moved the focus from the sweep towards the loss
        self.use_rawinput = stdin is None and sys.stdin.isatty()

    @property
    def place(self) -> Value:
        """The node the sweep stands at; the root before the start."""
        current = self.stepper.current
        return self.stepper.root if current is None else current

    @property
    def focus(self) -> Value:
        """The node that commands are about: the place, unless u has moved it."""
        return self._path()[0][-1 - self._up] if self._up else self.place

    # Moving.

    def do_step(self, arg: str) -> None:
        """s(tep) [n]: make the next event happen: one message, or one gradient complete."""
        self._repeat(arg, lambda: lambda event: True)

    def do_next(self, arg: str) -> None:
        """n(ext) [n]: send all that is left of this node, and finish the next one."""
        self._repeat(arg, lambda: lambda event: event.kind == "finished")

    def do_return(self, arg: str) -> None:
        """r(eturn) [n]: the rest of this time step."""
        self._repeat(arg, self.stepper.leaving_scope)

    def do_continue(self, arg: str) -> None:
        """c(ontinue): go on to the next breakpoint, or to the end."""
        self._go(lambda event: False)

    def do_until(self, arg: str) -> None:
        """unt(il) NODE: go on until the gradient of a node is complete."""
        self._go(self.stepper.reaching(self._node(arg)))

    def do_back(self, arg: str) -> None:
        """bk, back [n]: undo the latest event, exactly."""
        for _ in range(whole_number(arg)):
            event = self.stepper.back()
            if event is None:
                self._say("at the start: nothing to undo")
                break
            self._say(f"undone: {event.describe(self.names.called)}")
        self._arrive()

    def do_restart(self, arg: str) -> None:
        """restart: undo everything; breakpoints stay."""
        with CtrlC():
            self.stepper.restart()
        self._say("at the start")
        self._arrive()

    # Breakpoints.

    def do_break(self, arg: str) -> None:
        """b(reak) [WHERE]: stop at a node, an op, a scope, or where an expression is true.

        b h_1    b tanh    b t=2    b t=2/cell    b abs(grad) > 10    b isnan(message)
        Expressions hold grad, data, op, label, scope, step of a node that is finished, or
        upstream, local, message, node, parent of a message. Plain b lists the breakpoints.
        """
        if arg:
            self._set_breakpoint(arg, temporary=False)
            return
        for number, stop in self.breakpoints.items():
            self._say(f"{number}  {stop.text}{' (once)' if stop.temporary else ''}")
        if not self.breakpoints:
            self._say("no breakpoints")

    def do_tbreak(self, arg: str) -> None:
        """tbreak WHERE: a breakpoint that stops once."""
        self._set_breakpoint(arg, temporary=True)

    def do_clear(self, arg: str) -> None:
        """cl(ear) [n ...]: delete breakpoints by number, or all."""
        self._delete(self.breakpoints, arg, "breakpoint")

    # Looking.

    def do_p(self, arg: str) -> None:
        """p [EXPRESSION]: a node's card, or the value of an expression; plain p: this node."""
        found = self._evaluate(Expression(arg)) if arg else self.focus
        is_node = isinstance(found, Value)
        self._say(*(card(found, self.stepper, self.names) if is_node else [shown(found)]))

    def do_where(self, arg: str) -> None:
        """w(here): the path from the loss to here, its factors and their product."""
        nodes, factors, ways = self._path()
        rows = [
            [
                ">" if i == len(nodes) - 1 - self._up else "",
                f"× {factors[i - 1]:.6g}" if i else "",
                f"{self.names.called(node)} = {node.data:.6g}",
            ]
            for i, node in enumerate(nodes)
        ]
        self._say(*table(rows))
        product = math.prod(factors, start=1.0)
        chain = " × ".join(map(bracketed, factors)) if len(factors) > 1 else ""
        self._say(f"product {chain}{' = ' if chain else ''}{product:.6g}")
        if ways > 1:
            self._say(f"the largest of {ways} paths; they sum to {shown(self.place.grad)}")

    def do_up(self, arg: str) -> None:
        """u(p) [n]: one node nearer to the loss, on the path that w shows."""
        self._move(whole_number(arg))

    def do_down(self, arg: str) -> None:
        """d(own) [n]: one node back towards where the sweep stands."""
        self._move(-whole_number(arg))

    def do_list(self, arg: str) -> None:
        """l(ist) [NODE]: the nodes around this one (>), in the order of the sweep (->)."""
        order, middle = self.stepper.nodes, self._node(arg) if arg else self.focus
        at = order.index(middle)
        rows = [["", "node", "op", "value", "gradient", "scope"]]
        for node in order[max(0, at - 5) : at + 6]:
            mark = "->" if node is self.place else ">" if node is middle else ""
            op = node.op.name if node.op else "leaf"
            row = [mark, self.names[node], op, shown(node.data), shown(node.grad), node.scope]
            rows.append(row)
        self._say(*table(rows))

    def do_display(self, arg: str) -> None:
        """display [EXPRESSION]: show its value whenever the sweep stops; plain: show all now."""
        if arg:
            self.displays[next(self._display_numbers)] = Expression(arg)
        self._display()

    def do_undisplay(self, arg: str) -> None:
        """undisplay [n ...]: stop showing expressions, by number, or all."""
        self._delete(self.displays, arg, "display")

    def do_draw(self, arg: str) -> None:
        """draw [FILE]: the sweep so far as a picture (bptt.svg), or as a player's page (.html)."""
        import viz

        sent, file = len(self.stepper.messages), arg or "bptt.svg"
        page = file.endswith(".html")
        made = viz.player(self.x, file) if page else viz.render(self.x, file, upto=sent)
        self._say(f"wrote {made}")

    def do_quiz(self, arg: str) -> None:
        """quiz: asks for the next gradient before it is shown. Answer a number or a product."""
        root = self.stepper.root
        with CtrlC():
            event = self.stepper.run_until(lambda e: e.kind == "finished" and e.node is not root)
        if event is None or event.kind != "finished" or event.after is None:
            self._say("every gradient is complete: nothing is left to ask")
            return
        called, grad = self.names.called(event.node), event.after
        arriving = [e for e in self.stepper.messages if e.parent is event.node]
        for sent in arriving[:MOST_EVENTS]:
            factors = f"{bracketed(sent.upstream)} × {bracketed(sent.local)}"
            self._say(f"  {self.names.called(sent.node)} sends {factors}")
        if len(arriving) > MOST_EVENTS:
            self._say(f"  … and {len(arriving) - MOST_EVENTS} more send theirs")
        answer = self._ask(f"gradient of {called}? ").strip()
        self.asked += 1
        right = self._answers(answer, grad)
        self.right += right
        self._say(f"{'right, ' if right else 'no, ' if answer else ''}it is {grad:.6g}")
        self._say(f"{self.right} of {self.asked} right")
        self._arrive()

    def do_help(self, arg: str) -> None:
        """h(elp) [COMMAND]: this list, or one command in full."""
        if arg:
            method = getattr(self, f"do_{arg}", None)
            if method is None:
                raise ValueError(f"there is no command {arg!r}; h lists them")
            self._say(*(line.strip() for line in method.__doc__.strip().splitlines()))
            return
        for name in COMMANDS:
            self._say(f"  {getattr(self, f'do_{name}').__doc__.splitlines()[0]}")
        self._say("  Enter repeats the last command; what is no command is printed as by p")

    def do_quit(self, arg: str) -> bool:
        """q(uit): leave; the gradients stay as they are."""
        return True

    do_s, do_n, do_r, do_c, do_unt, do_bk = (
        do_step,
        do_next,
        do_return,
        do_continue,
        do_until,
        do_back,
    )
    do_b, do_cl, do_w, do_bt, do_u, do_d = do_break, do_clear, do_where, do_where, do_up, do_down
    do_l, do_h, do_q, do_exit = do_list, do_help, do_quit, do_quit
    do_EOF = do_quit  # noqa: N815, the name cmd.Cmd calls at the end of the input

    # The shell around them.

    def cmdloop(self, intro: str | None = None) -> None:
        """Read and run commands until q or the end of the input."""
        root, nodes = self.stepper.root, self.stepper.nodes
        size = f"{len(nodes)} nodes, {sum(len(node.parents) for node in nodes)} messages"
        self._say(f"{self.names.called(root)} = {root.data:.6g}: {size}; h for help")
        while True:
            try:
                super().cmdloop("")
                return
            except KeyboardInterrupt:
                self._say("", "q leaves")
            except BrokenPipeError:
                return

    def onecmd(self, line: str) -> bool:
        """Run one command; True to leave."""
        try:
            return bool(super().onecmd(line))
        except (KeyboardInterrupt, BrokenPipeError):
            raise
        except Exception as error:  # a prompt that dies would take the place in the sweep along
            self._say(f"*** {str(error) or type(error).__name__}")
            return False

    def default(self, line: str) -> None:
        try:
            self.do_p(line)
        except ValueError as error:
            raise ValueError(f"{error}; h lists the commands") from None

    def precmd(self, line: str) -> str:
        if not self.use_rawinput:
            self._say("" if line == "EOF" else line)
        return line

    def completenames(self, text: str, *ignored: Any) -> list[str]:
        return [name for name in COMMANDS if name.startswith(text)]

    def completedefault(self, text: str, *ignored: Any) -> list[str]:
        return [name for name in self.names.nodes if name.startswith(text)]

    def _say(self, *lines: str) -> None:
        self.stdout.write("".join(f"{line}\n" for line in lines))
        self.stdout.flush()

    def _ask(self, question: str) -> str:
        if self.use_rawinput:
            try:
                return input(question)
            except EOFError:
                return ""
        self.stdout.write(question)
        answer = self.stdin.readline().rstrip("\n")
        self._say(answer)
        return answer

    # What the commands share.

    def _repeat(self, arg: str, stop: Callable[[], Callable[[Event], bool]]) -> None:
        for _ in range(whole_number(arg)):
            if self._go(stop()):
                break

    def _go(self, stop: Callable[[Event], bool]) -> bool:
        """Go on until `stop`, a breakpoint or Ctrl-C, and tell; True if it is best to stay."""
        before, hit, self._up = len(self.stepper.history), None, 0

        def stopped(event: Event) -> bool:
            nonlocal hit
            hit = next((n for n, b in self.breakpoints.items() if b.hit(event)), None)
            return hit is not None or ctrl_c.pressed or stop(event)

        with CtrlC() as ctrl_c:
            try:
                self.stepper.run_until(stopped)
            finally:
                self.tell(self.stepper.history[before:])
        if hit is not None:
            self._say(f"breakpoint {hit}: {self.breakpoints[hit].text}")
            if self.breakpoints[hit].temporary:
                del self.breakpoints[hit]
        if ctrl_c.pressed:
            self._say("interrupted")
        self._arrive()
        return hit is not None or ctrl_c.pressed or self.stepper.done

    def tell(self, events: list[Event]) -> None:
        """Print events, the last few of many."""
        if not events:
            self._say("the sweep is done: bk or restart to go back, q to leave")
        if len(events) > MOST_EVENTS:
            self._say(f"… {len(events) - 3} events")
            events = events[-3:]
        self._say(*(event.describe(self.names.called) for event in events))

    def _arrive(self) -> None:
        self._up = 0
        self._display()

    def _display(self) -> None:
        for number, expression in self.displays.items():
            try:
                value = self._evaluate(expression)
            except ValueError as error:
                value = str(error)
            self._say(f"  {number}: {expression} = {shown(value)}")

    def _answers(self, answer: str, grad: float) -> bool:
        """Whether an answer is the gradient, to half a percent."""
        try:
            given = self._evaluate(Expression(answer)) if answer else None
        except ValueError as error:
            self._say(str(error))
            return False
        if not isinstance(given, float) or math.isnan(grad):
            return isinstance(given, float) and math.isnan(given)
        return math.isclose(given, grad, rel_tol=5e-3, abs_tol=1e-9)

    def _set_breakpoint(self, where: str, temporary: bool) -> None:
        stop = breakpoint_at(where, self.stepper, self.names.nodes, temporary)
        number = next(self._breakpoint_numbers)
        self.breakpoints[number] = stop
        self._say(f"breakpoint {number} at {stop.text}")

    def _delete(self, numbered: dict[int, Any], arg: str, what: str) -> None:
        numbers = [whole_number(word) for word in arg.split()] or list(numbered)
        for number in numbers:
            if number not in numbered:
                raise ValueError(f"there is no {what} {number}")
        for number in numbers:
            numbered.pop(number, None)
        self._say(f"{what}s left: {', '.join(map(str, numbered)) or 'none'}")

    def _move(self, up: int) -> None:
        nodes, _, _ = self._path()
        self._up = min(max(0, self._up + up), len(nodes) - 1)
        self._say(*card(self.focus, self.stepper, self.names))

    def _path(self) -> tuple[tuple[Value, ...], tuple[float, ...], int]:
        """The strongest path from the loss to the place, its factors, and how many there are."""
        from ..bptt import paths  # costs NumPy: here, so that the first prompt comes at once

        ways = paths(self.stepper.root, self.place)
        path = next(ways.largest())
        return path.nodes, path.factors, ways.count

    def _node(self, name: str) -> Value:
        if not name:
            raise ValueError("name a node: a label, or n1, n2 ... as l shows")
        found = self._evaluate(Expression(name))
        if not isinstance(found, Value):
            raise ValueError(f"{name!r} is not a node")
        return found

    def _evaluate(self, expression: Expression) -> Any:
        event = self.stepper.history[-1] if self.stepper.history else None
        return expression.evaluate(lookup(event, self.focus, self.names.nodes))


COMMANDS = [
    name[3:]
    for name, method in vars(Debugger).items()
    if name.startswith("do_") and name[3:] in (method.__name__[3:], "p")
]
