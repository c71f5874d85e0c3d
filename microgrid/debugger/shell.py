"""The shell under the prompt: reading commands, saying answers, names and expressions."""

from __future__ import annotations

import cmd
import sys
from typing import IO, Any, ClassVar

from ..stepper import Stepper
from ..value import Value
from ..wording import clean, shown
from .breakpoints import Breakpoint, lookup
from .expression import Expression
from .names import Names, Vector

__all__ = ["Shell"]


class Shell(cmd.Cmd):
    """What all commands stand on: the stepper, the names, and a way in and out.

    Commands come from stdin: a terminal, a file or a pipe. Without a terminal they are
    echoed, so that what comes out reads like a session. Whatever goes wrong in a command
    is one sentence, and the sweep stays where it is.
    """

    prompt = "(bptt) "
    commands: ClassVar[list[str]] = []  # in the order of the help; Debugger fills it

    def __init__(
        self,
        x: Any,
        stdin: IO[str] | None = None,
        stdout: IO[str] | None = None,
        forward: bool = False,
    ) -> None:
        super().__init__("tab", stdin, stdout)
        self.stepper = x if isinstance(x, Stepper) else Stepper(x, forward=forward)
        self.x = self.stepper.root if x is self.stepper else x
        self.names = Names(self.stepper, self.x)
        self.breakpoints: dict[int, Breakpoint] = {}
        self.displays: dict[int, str] = {}
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
        return self.path()[0][-1 - self._up] if self._up else self.place

    def path(self) -> tuple[tuple[Value, ...], tuple[float, ...], int]:
        """The strongest path from the loss to the place, its factors, and how many there are."""
        from ..bptt import paths  # costs NumPy: here, so that the first prompt comes at once

        ways = paths(self.stepper.root, self.place)
        path = next(ways.largest())
        return path.nodes, path.factors, ways.count

    # Help and the way out.

    def do_help(self, arg: str) -> None:
        """h(elp) [COMMAND]: this list, or one command in full."""
        if arg:
            method = getattr(self, f"do_{arg}", None)
            if method is None:
                raise ValueError(f"there is no command {arg!r}; h lists them")
            self.say(*(line.strip() for line in method.__doc__.strip().splitlines()))
            return
        for name in self.commands:
            self.say(f"  {getattr(self, f'do_{name}').__doc__.splitlines()[0]}")
        self.say("  Enter repeats the last command; what is no command is printed as by p")

    def do_quit(self, arg: str) -> bool:
        """q(uit): leave; the gradients stay as they are."""
        return True

    do_h, do_q, do_exit = do_help, do_quit, do_quit
    do_EOF = do_quit  # noqa: N815, the name cmd.Cmd calls at the end of the input

    # Reading and answering.

    def cmdloop(self, intro: str | None = None) -> None:
        """Read and run commands until q or the end of the input."""
        root, nodes = self.stepper.root, self.stepper.nodes
        size = f"{len(nodes)} nodes, {sum(len(node.parents) for node in nodes)} messages"
        value = shown(root.data) if self.stepper.is_computed(root) else "?"
        self.say(f"{self.names.called(root)} = {value}: {size}; h for help")
        while True:
            try:
                super().cmdloop("")
                return
            except KeyboardInterrupt:
                self.say("", "q leaves")
            except BrokenPipeError:
                return

    def onecmd(self, line: str) -> bool:
        """Run one command; True to leave."""
        try:
            return bool(super().onecmd(line))
        except (KeyboardInterrupt, BrokenPipeError):
            raise
        except Exception as error:  # a prompt that dies would take the place in the sweep along
            self.say(f"*** {str(error) or type(error).__name__}")
            return False

    def precmd(self, line: str) -> str:
        """Echo a command that was not typed at a terminal."""
        if not self.use_rawinput:
            self.say("" if line == "EOF" else line)
        return line

    def completenames(self, text: str, *ignored: Any) -> list[str]:
        """The commands that begin with what was typed."""
        return [name for name in self.commands if name.startswith(text)]

    def completedefault(self, text: str, *ignored: Any) -> list[str]:
        """The names of the graph that begin with what was typed."""
        return [name for name in self.names.nodes if name.startswith(text)]

    def say(self, *lines: str) -> None:
        """Print lines."""
        self.stdout.write("".join(f"{clean(line)}\n" for line in lines))
        self.stdout.flush()

    def ask(self, question: str) -> str | None:
        """A line typed in answer; None at the end of the input."""
        if self.use_rawinput:
            try:
                return input(question)
            except EOFError:
                return None
        self.stdout.write(clean(question))
        answer = self.stdin.readline()
        self.say(answer.rstrip("\n"))
        return answer.rstrip("\n") if answer else None

    # Names and expressions.

    def named(self, name: str) -> Value | Vector:
        """The node or the vector that `name` means. ValueError where it means neither."""
        if not name:
            raise ValueError("name a node: a label, or n1, n2 ... as l shows")
        found = self.meant(name)
        if not isinstance(found, Value | tuple):
            raise ValueError(f"{name!r} is not a node")
        return found

    def node(self, name: str) -> Value:
        """The one node that `name` means. ValueError for a vector."""
        found = self.named(name)
        if isinstance(found, tuple):
            entries = ", ".join(self.names[x] for x in found[:3])
            raise ValueError(f"{name!r} is a vector of {len(found)}; name an entry: {entries}, …")
        return found

    def meant(self, text: str) -> Any:
        """The node or the vector of that name, else the value of the expression."""
        found = self.names.known.get(text)  # layers.0.weight is a name, and no expression
        return self.evaluate(Expression(text)) if found is None else found

    def evaluate(self, expression: Expression) -> Any:
        """The value of an expression where the sweep stands."""
        event = self.stepper.history[-1] if self.stepper.history else None
        return expression.evaluate(lookup(event, self.focus, self.names.known))

    def arrive(self) -> None:
        """The sweep stands somewhere else: the focus returns to it, displays are shown."""
        self._up = 0
        self.show_displays()

    def show_displays(self) -> None:
        """The expressions that are shown at every stop."""
        for number, expression in self.displays.items():
            try:
                found = self.meant(expression)
                entries = found if isinstance(found, tuple) else (found,)
                value = ", ".join(self._number(entry) for entry in entries)
            except ValueError as error:
                value = str(error)
            self.say(f"  {number}: {expression} = {value}")

    def _number(self, x: Any) -> str:
        """A node counts as its number, once it has one."""
        if not isinstance(x, Value):
            return shown(x)
        return shown(x.data) if self.stepper.is_computed(x) else "?"
