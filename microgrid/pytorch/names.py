"""What parameters and modules are called in a recording: the textbook's names where it has any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import nn
from torch.nn.modules import module as hooks

from ..recording import scope
from .rules.recurrent import superscript

__all__ = ["parameter_labels", "scopes_of"]

_TEXTBOOK = {"weight_ih": "W_ih", "weight_hh": "W_hh", "bias_ih": "b_ih", "bias_hh": "b_hh",
             "weight_hr": "W_hr"}  # fmt: skip
_RECURRENT = (nn.RNNBase, nn.RNNCellBase)


def parameter_labels(model: nn.Module) -> dict[int, tuple[str, str]]:
    """id of a parameter or buffer -> (its name in the module, its label).

    A recurrent layer's are W_ih, W_hh, b_ih, b_hh, with the number of the layer where there are
    several and a prime for the backward direction; other parameters keep PyTorch's names.

    >>> labels = parameter_labels(nn.LSTM(2, 3, num_layers=2))
    >>> [label for _, label in labels.values()][:5]
    ['W_ih¹', 'W_hh¹', 'b_ih¹', 'b_hh¹', 'W_ih²']
    """
    cells = [name for name, inner in model.named_modules() if isinstance(inner, _RECURRENT)]
    found: dict[int, tuple[str, str]] = {}
    for path, inner in model.named_modules():
        own = [*inner.named_parameters(recurse=False), *inner.named_buffers(recurse=False)]
        for name, tensor in own:
            full = f"{path}.{name}" if path else name
            label = full
            if isinstance(inner, _RECURRENT):
                label = _textbook(name, getattr(inner, "num_layers", 1))
                label = f"{path}.{label}" if len(cells) > 1 else label
            found.setdefault(id(tensor), (full, label))
    return found


def _textbook(name: str, layers: int) -> str:
    stem, _, rest = name.partition("_l")
    number, _, reverse = rest.partition("_")
    mark = superscript(int(number) + 1) if layers > 1 and number.isdigit() else ""
    return _TEXTBOOK.get(stem, stem) + mark + ("′" if reverse else "")


@contextmanager
def scopes_of(model: nn.Module | None) -> Iterator[None]:
    """Within the block, what a submodule makes is tagged with its name: "head", "layers.0".

    A lone recurrent module gives no name: its columns do.
    """
    if model is None:
        yield
        return
    names = {inner: path for path, inner in model.named_modules() if path}
    kinds = Counter(isinstance(inner, _RECURRENT) for inner in names)
    if kinds[True] == 1:
        names = {inner: path for inner, path in names.items() if not isinstance(inner, _RECURRENT)}
    entered: list[tuple[nn.Module, ExitStack, str]] = []

    def enter(inner: nn.Module, _: Any) -> None:
        path = names.get(inner)
        if path is None:
            return
        outer = entered[-1][2] if entered else ""
        short = path.removeprefix(f"{outer}.") if outer else path
        stack = ExitStack()
        stack.enter_context(scope(short))
        entered.append((inner, stack, path))

    def leave(inner: nn.Module, _: Any, __: Any) -> None:
        if entered and entered[-1][0] is inner:
            entered.pop()[1].close()

    register: Callable[..., Any] = hooks.register_module_forward_hook
    handles = [hooks.register_module_forward_pre_hook(enter), register(leave, always_call=True)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        while entered:
            entered.pop()[1].close()
