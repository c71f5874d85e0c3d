"""Ways into the debugger: debug(x), pm() after a nan, and the function of a file by its name."""

from __future__ import annotations

import importlib.util
import inspect
import math
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from numbers import Real
from pathlib import Path
from types import FunctionType, ModuleType
from typing import IO, Any

from ..anomaly import AnomalyError
from ..graph import root_of
from ..nn import Module
from ..stepper import Event, Stepper
from ..value import Value, creation_order
from ..wording import sentence, short, shortened
from .prompt import Debugger

__all__ = ["debug", "load", "pm"]


def debug(
    x: Any, stdin: IO[str] | None = None, stdout: IO[str] | None = None, *, forward: bool = False
) -> None:
    r"""Step through the sweep of a Value or an unrolled run at a prompt, until q.

    forward: begin with the forward pass, value by value.

    >>> import io, sys
    >>> from microgrid import Value
    >>> a = Value(3.0, label="a")
    >>> debug(a * a, io.StringIO("unt a\nq"), sys.stdout)
    n1 (mul) = 9: 2 nodes, 2 messages; h for help
    (bptt) unt a
    start: n1 (mul) gets gradient 1
    n1 (mul) is finished, gradient 1
    n1 (mul) → a: 1 × 3 = 3, gradient of a: 3
    n1 (mul) → a: 1 × 3 = 3, gradient of a: 3 + 3 = 6
    a is finished, gradient 6
    (bptt) q
    """
    for stream in (sys.stdin, sys.stdout):  # a stray byte is no reason to lose one's place
        with suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    Debugger(x, stdin, stdout, forward).cmdloop()


def pm(x: Any = None, stdin: IO[str] | None = None, stdout: IO[str] | None = None) -> None:
    """Post mortem: look at where the first nan or inf came from.

    Without x, after an AnomalyError: the graph below the node that went wrong, or the
    sweep at the moment of the bad message. With x, a Value or an unrolled run: the same
    for its first number that is not finite. ValueError where all is well.
    """
    if x is None:
        error = _last_anomaly()
        stepper = error.stepper or Stepper(error.node)
    else:
        stepper = _first_bad(root_of(x))
    prompt = Debugger(stepper, stdin, stdout)
    if stepper.history:
        prompt.tell(stepper.history[-1:])
    else:
        prompt.onecmd("p")
    prompt.cmdloop()


def _last_anomaly() -> AnomalyError:
    error = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    while error is not None and not isinstance(error, AnomalyError):
        error = error.__cause__ or error.__context__
    if error is None:
        raise ValueError(
            "pm: the last error was no AnomalyError; run under detect_anomaly() or give pm the loss"
        )
    return error


def _first_bad(root: Value) -> Stepper:
    """A sweep from the first value that is not finite, or stopped at the first such message."""
    for node in creation_order(root):
        if not math.isfinite(node.data):
            return Stepper(node)
    stepper = Stepper(root)
    stepper.run_until(_goes_bad)
    if stepper.done:
        stepper.restart()
        raise ValueError(f"pm: every value and every message of {root!r} is finite")
    return stepper


def _goes_bad(event: Event) -> bool:
    if event.message is None or event.after is None:
        return False
    was_good = event.before is None or math.isfinite(event.before)
    return not math.isfinite(event.message) or (was_good and not math.isfinite(event.after))


def load(spec: str) -> Any:
    """What FUNCTION of "FILE.py:FUNCTION" returns. ValueError says what is wrong with it."""
    file, colon, function = spec.rpartition(":")
    path = Path(file)
    if not colon or not function.isidentifier() or not file:
        raise ValueError(f"expected FILE.py:FUNCTION, got {spec!r}")
    folder, name = path.parent.resolve(), path.stem
    while (folder / "__init__.py").is_file():  # a file of a package may import its neighbours
        folder, name = folder.parent, f"{folder.name}.{name}"
    module_spec = importlib.util.spec_from_file_location(name, path)
    if not path.is_file() or module_spec is None or module_spec.loader is None:
        raise ValueError(f"there is no Python file {file!r}")
    module = importlib.util.module_from_spec(module_spec)
    sys.path.insert(0, str(folder))  # as `python FILE.py` and `python -m` do
    sys.modules[name] = module
    try:
        module_spec.loader.exec_module(module)
        made = _function(module, function, file)()
    except _UnusableError:
        raise
    except (Exception, SystemExit) as error:
        raise ValueError(f"{spec} raised {_told(error, path)}") from error
    return _drawable(made, spec)


class _UnusableError(ValueError):
    """What is wrong with the file, rather than what its code has raised."""


def _function(module: ModuleType, name: str, file: str) -> Callable[[], Any]:
    """The module's function of that name, if it can be called without arguments."""
    made: Callable[[], Any] | None = getattr(module, name, None)
    if not callable(made):
        own = [x for x, f in vars(module).items() if isinstance(f, FunctionType) and x[0] != "_"]
        has = f"; it has {', '.join(shortened(own))}" if own else ""
        raise _UnusableError(f"{file} has no function {name!r}{has}")
    try:
        inspect.signature(made).bind()
    except TypeError:
        raise _UnusableError(
            f"{name} of {file} takes arguments, and is called without any: "
            f"give them defaults, or name a function that calls it"
        ) from None
    except ValueError:  # a callable written in C has no signature
        pass
    return made


def _told(error: BaseException, path: Path) -> str:
    """An error as the last line of its traceback, and the line of the file that it comes from."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename) == path.resolve()]
    where = f" (line {lines[-1]})" if lines else ""
    return f"{type(error).__name__}: {sentence(error)}{where}"


def _drawable(made: Any, spec: str) -> Any:
    """What a function returned; ValueError for what nobody can draw, with the line to write."""
    if made is None:
        raise ValueError(f"{spec} returned None: let it end with the loss, `return loss`")
    if isinstance(made, Module):
        raise ValueError(
            f"{spec} returned a {type(made).__name__} that has not run: "
            f"`return model.unroll(inputs, targets)`, or what the model returns"
        )
    if isinstance(made, Real):
        raise ValueError(f"{spec} returned the number {made!r}: return the Value, not its data")
    if isinstance(made, str | dict | set) or made == []:
        what = "an empty list" if made == [] else short(made)
        raise ValueError(f"{spec} returned {what}: return a Value, a list of them, or a run")
    return made
