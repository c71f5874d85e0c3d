"""PyTorch recorded in scalars, and its gradient flow at real sizes: `python -m benchmarks.pytorch`.

Edges per second and bytes per edge of a recording; the time of `flow` against one ordinary
forward and backward, and how far the sum of all steps' shares lies from PyTorch's gradient.
"""

import gc
import importlib.util
import sys
import time
import tracemalloc


def main(arguments: list[str]) -> None:
    if importlib.util.find_spec("torch") is None:
        print("PyTorch is not installed: nothing to measure")
        return
    smoke = "--smoke" in arguments
    for kind, size, steps in (("LSTM", 64, 16), ("GRU", 64, 20), ("RNN", 128, 32)):
        record_one(kind, size, 3 if smoke else steps)
    for kind, hidden, steps in (("LSTM", 256, 100), ("GRU", 512, 200)):
        flow_one(kind, *((16, 5) if smoke else (hidden, steps)))


def record_one(kind: str, size: int, steps: int) -> None:
    """Record a layer and its cross-entropy; a line of the table."""
    import torch
    from torch import nn

    from microgrid.graph import creation_order
    from microgrid.pytorch import record

    torch.manual_seed(0)
    model = nn.Sequential()
    model.rnn, model.head = getattr(nn, kind)(64, size), nn.Linear(size, 27)
    x, y = torch.randn(steps, 1, 64), torch.randint(0, 27, (steps,))

    def once() -> object:
        with record(model, inputs=[x]) as recording:
            logits = model.head(model.rnn(x)[0]).reshape(steps, 27)
            nn.functional.cross_entropy(logits, y)
        return recording

    once()
    gc.collect()
    began = time.perf_counter()
    recording = once()
    seconds = time.perf_counter() - began
    edges = sum(len(node.parents) for node in creation_order(recording.loss))
    del recording
    tracemalloc.start()
    recording = once()
    gc.collect()
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del recording
    print(f"record nn.{kind} 64 to {size}, {steps} steps: {edges:,} edges in {seconds:.2f} s, "
          f"{1e6 * seconds / edges:.2f} s a million, {held / edges:.0f} bytes each")  # fmt: skip


def flow_one(kind: str, hidden: int, steps: int, batch: int = 8) -> None:
    """The flow of a layer against the fused backward; a line of the table."""
    import torch
    from torch import nn

    from microgrid.pytorch import flow

    torch.manual_seed(0)
    rnn, head = getattr(nn, kind)(64, hidden).double(), nn.Linear(hidden, 27).double()
    x, y = torch.randn(steps, batch, 64).double(), torch.randint(0, 27, (steps * batch,))

    def loss(out: torch.Tensor) -> torch.Tensor:
        logits = head(out).reshape(steps * batch, 27)
        each = nn.functional.cross_entropy(logits, y, reduction="none")
        return each.view(steps, batch).mean(1)

    fused, stepped = [], []
    for _ in range(3):
        rnn.zero_grad()
        began = time.perf_counter()
        loss(rnn(x)[0]).sum().backward()
        fused.append(time.perf_counter() - began)
        began = time.perf_counter()
        found = flow(rnn, x, loss)
        stepped.append(time.perf_counter() - began)
    apart = max(
        float((torch.from_numpy(found.contributions[name].sum()) - p.grad).abs().max())
        / float(p.grad.abs().max())
        for name, p in rnn.named_parameters()
    )
    print(f"flow nn.{kind} {hidden}, {steps} steps, batch {batch}: {min(stepped):.2f} s against "
          f"{min(fused):.2f} s fused, ratio {min(stepped) / min(fused):.2f}; sum over time off by "
          f"{apart:.1e}")  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
