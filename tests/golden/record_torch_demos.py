"""Write down what PyTorch computes for the demos of the course, from the demos' own weights.

`python tests/golden/record_torch_demos.py` from the checkout (PyTorch 2.13, float64) writes
torch_demos.json: for each demo the numbers that tests/demos/test_course.py holds it to.
"""

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FILE = HERE / "torch_demos.json"


def leaf(numbers: Any) -> Any:
    """A tensor whose gradient is wanted."""
    import torch

    return torch.tensor(numbers, dtype=torch.float64, requires_grad=True)


def attention() -> dict[str, Any]:
    """Shares, outputs, loss and gradients of one head, causal and not."""
    import torch

    from demos import attention as demo

    found = {}
    for name, is_causal in (("open", False), ("causal", True)):
        x = leaf(demo.VECTORS)
        w = {key: leaf(rows) for key, rows in demo.WEIGHTS.items()}
        q, k, v = (x @ w[key].T for key in ("query", "key", "value"))
        outputs = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=is_causal)
        loss = 0.5 * (outputs - torch.tensor(demo.TARGETS, dtype=torch.float64)).square().sum()
        loss.backward()
        found[name] = {
            "outputs": outputs.tolist(),
            "loss": loss.item(),
            "gradients": {key: p.grad.tolist() for key, p in w.items()},
            "words": x.grad.tolist(),
        }
    return found


def bidirectional() -> dict[str, Any]:
    """Loss and gradients of the tagger that reads from both ends, before training."""
    import torch

    from demos import bidirectional as demo

    state = demo.Tagger(True).state_dict()
    table = leaf(state["table.weight"])
    reader = torch.nn.RNN(3, demo.HIDDEN, bidirectional=True).double()
    for mark, cell in (("", "forward_cell"), ("_reverse", "backward_cell")):
        for ours, theirs in (("weight_ih", "weight_ih"), ("weight_hh", "weight_hh"),
                             ("bias", "bias_ih")):  # fmt: skip
            p = getattr(reader, f"{theirs}_l0{mark}")
            p.data = torch.tensor(state[f"reader.{cell}.{ours}"], dtype=torch.float64)
        getattr(reader, f"bias_hh_l0{mark}").data.zero_()
    weight, bias = leaf(state["readout.weight"]), leaf(state["readout.bias"])
    losses = []
    for sentence, target in demo.SENTENCES.items():
        outputs = reader(table[demo.WORDS.encode(sentence.split())])[0]
        logit = outputs[demo.ASKED] @ weight.T + bias
        y = torch.tensor([target], dtype=torch.float64)
        losses.append(torch.nn.functional.binary_cross_entropy_with_logits(logit, y))
    loss = torch.stack(losses).mean()
    loss.backward()
    return {
        "loss": loss.item(),
        "table": table.grad.tolist(),
        "weight_hh": reader.weight_hh_l0.grad.tolist(),
        "weight_hh_reverse": reader.weight_hh_l0_reverse.grad.tolist(),
    }


def highways() -> dict[str, Any]:
    """|dL/dh_t| (|dL/dc_t| of the LSTM) for every cell, t = 1 .. T."""
    import torch

    from demos import highways as demo

    numbers = torch.tensor(demo.inputs(), dtype=torch.float64)
    norm = torch.nn.functional.layer_norm
    found = {}
    for name in demo.CELLS:
        cell = demo.CELLS[name](2, demo.HIDDEN, seed=demo.SEED)
        w = {key: torch.tensor(x, dtype=torch.float64) for key, x in cell.state_dict().items()}
        h = torch.zeros(demo.HIDDEN, dtype=torch.float64, requires_grad=True)
        c, kept = torch.zeros(demo.HIDDEN, dtype=torch.float64), []
        for x in numbers:
            read = norm(h, (demo.HIDDEN,)) if name == "residual, layer norm" else h
            z = w["weight_ih"] @ x + w["weight_hh"] @ read + w.get("bias", 0.0)
            if name == "LSTM, along c":
                i, f, g, o = z.chunk(4)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
                kept.append(c)
            elif name == "RNN, layer norm":
                h = norm(z, (demo.HIDDEN,)).tanh()
            else:
                h = h + z.tanh() if "residual" in name else z.tanh()
            kept += [] if name == "LSTM, along c" else [h]
            kept[-1].retain_grad()
        (0.5 * h.square().sum()).backward()
        found[name] = [x.grad.norm().item() for x in kept]
    return found


def clipping() -> dict[str, Any]:
    """The weights of a clipped descent, and the first gradient."""
    import torch

    from demos import clipping as demo

    def end(w: Any) -> Any:
        h = torch.zeros((), dtype=torch.float64)
        for x in demo.NUMBERS:
            h = w[0] * h + w[1] * x
        return h

    wanted = end(torch.tensor(demo.GOAL, dtype=torch.float64))
    w = leaf(demo.START)
    descent, path, norms = torch.optim.SGD([w], 0.02), [], []
    for _ in range(8):
        descent.zero_grad()
        (end(w) - wanted).square().backward()
        path.append(w.tolist())
        norms.append(torch.nn.utils.clip_grad_norm_([w], 1.0).item())
        descent.step()
    return {"path": path, "norms": norms}


def starts() -> dict[str, Any]:
    """|dL/dh_t| of a tanh network for each start, t = 0 .. T."""
    import numpy as np
    import torch

    from demos import starts as demo

    steps, found = 40, {}
    numbers = 0.3 * np.random.default_rng(demo.SEED).normal(size=steps)
    for name in demo.NAMES:
        state = demo.prepared(name, "tanh", 1.0).state_dict()
        w_x, w_h = (torch.tensor(state[k], dtype=torch.float64) for k in ("weight_ih", "weight_hh"))
        h = torch.zeros(demo.HIDDEN, dtype=torch.float64, requires_grad=True)
        kept = [h]
        for x in numbers:
            h = torch.tanh(w_x[:, 0] * float(x) + w_h @ h)
            h.retain_grad()
            kept.append(h)
        (0.5 * h.square().sum()).backward()
        found[name] = [x.grad.norm().item() for x in kept]
    return found


def seq2seq() -> dict[str, Any]:
    """Loss and gradients of a small network with attention, for one word."""
    import torch

    from demos import seq2seq as demo

    w = {key: leaf(x) for key, x in demo.Seq2Seq(4, True).state_dict().items()}

    def gru(name: str, x: Any, h: Any) -> Any:
        a = w[f"{name}.weight_ih"] @ x + w[f"{name}.bias"]
        b = w[f"{name}.weight_hh"] @ h
        r, z = (a[:8] + b[:8]).sigmoid().chunk(2)
        n = torch.tanh(a[8:] + r * (b[8:] + w[f"{name}.bias_hn"]))
        return (1.0 - z) * n + z * h

    xs = torch.tensor(demo.one_hot("dabc"), dtype=torch.float64)
    h, states, losses = torch.zeros(4, dtype=torch.float64), [], []
    for x in xs:
        h = gru("encoder", x, h)
        states.append(h)
    memory, before = torch.stack(states), torch.zeros(6, dtype=torch.float64)
    for wanted in xs.flip(0):
        h = gru("decoder", before, h)
        shares = (memory @ (w["score.weight"] @ h)).softmax(0)
        known = torch.cat([shares @ xs, h])
        k = torch.tanh(w["combine.weight"] @ known + w["combine.bias"])
        logits = w["readout.weight"] @ k + w["readout.bias"]
        losses.append(torch.nn.functional.cross_entropy(logits, wanted))
        before = wanted
    loss = torch.stack(losses).mean()
    loss.backward()
    names = ("encoder.weight_hh", "decoder.weight_ih", "score.weight", "combine.weight")
    return {"loss": loss.item(), "gradients": {n: w[n].grad.tolist() for n in names}}


def forcing() -> dict[str, Any]:
    """Loss and gradient of W_h on one wave, forced and free."""
    import torch

    from demos import forcing as demo

    wave, found = demo.waves(1, seed=5)[0], {}
    for forced in (True, False):
        w = {key: leaf(x) for key, x in demo.network(0).state_dict().items()}
        h, losses = torch.zeros(demo.HIDDEN, dtype=torch.float64), []
        x = y = torch.tensor([wave[0]])
        for t in range(demo.STEPS):
            x = torch.tensor([wave[t]]) if forced or t < demo.GIVEN else y
            h = torch.tanh(w["cell.weight_ih"] @ x + w["cell.weight_hh"] @ h + w["cell.bias"])
            y = w["readout.weight"] @ h + w["readout.bias"]
            losses.append((y[0] - wave[t + 1]).square())
        loss = torch.stack(losses).mean()
        loss.backward()
        name = "forced" if forced else "free"
        found[name] = {"loss": loss.item(), "weight_hh": w["cell.weight_hh"].grad.tolist()}
    return found


def histograms() -> dict[str, Any]:
    """Widths of activations and gradients of each layer, for every kind of start."""
    import numpy as np
    import torch

    from demos import histograms as demo

    found = {}
    for name, (gain, norm) in demo.KINDS.items():
        network = demo.Deep(gain, norm=norm)
        x = torch.tensor(demo.inputs(), dtype=torch.float64)
        layers = []
        for layer in network.layers:
            w = torch.tensor(layer.state_dict()["weight"], dtype=torch.float64, requires_grad=True)
            z = x @ w.T
            z = torch.nn.functional.batch_norm(z, None, None, training=True) if norm else z
            x = z.tanh()
            x.retain_grad()
            layers.append(x)
        shape = (demo.ROWS, demo.WIDTH)
        weights = np.random.default_rng(demo.SEED + 2).normal(size=shape) / demo.ROWS
        (x * torch.tensor(weights)).sum().backward()
        found[name] = [
            [a.std(correction=0).item(), a.grad.std(correction=0).item()] for a in layers
        ]
    return found


def batch_norm() -> dict[str, Any]:
    """The gradient of every step, with PyTorch's own batch norm in the middle for some."""
    import torch

    from demos import batch_norm as demo

    c = demo.arrays(demo.network()[0])[0]
    x, y = torch.tensor(c.x), torch.tensor(c.y)
    q = {key: leaf(getattr(c, key)) for key in ("W1", "gamma", "beta", "W2", "b2")}
    q["z"] = x @ q["W1"]
    q["pre"] = torch.nn.functional.batch_norm(
        q["z"], None, None, q["gamma"], q["beta"], training=True, eps=demo.EPS
    )
    q["h"] = q["pre"].tanh()
    q["logits"] = q["h"] @ q["W2"] + q["b2"]
    for key in ("z", "pre", "h", "logits"):
        q[key].retain_grad()
    loss = torch.nn.functional.cross_entropy(q["logits"], y)
    loss.backward()
    return {"loss": loss.item(), "gradients": {key: v.grad.tolist() for key, v in q.items()}}


def dropout() -> dict[str, Any]:
    """Loss and gradient of a small network with masks that are given."""
    import torch

    from demos import dropout as demo

    w = {key: leaf(x) for key, x in demo.Net(0.5, hidden=3).state_dict().items()}
    points, labels = demo.moons(4, seed=3)
    masks = [[[2.0, 0.0, 2.0], [0.0, 2.0, 2.0]], [[0.0, 0.0, 2.0], [2.0, 2.0, 0.0]]] * 2
    logits = []
    for x, (one, two) in zip(points, masks):
        a = torch.tanh(w["first.weight"] @ torch.tensor(x) + w["first.bias"])
        a = a * torch.tensor(one, dtype=torch.float64)
        a = torch.tanh(w["second.weight"] @ a + w["second.bias"])
        a = a * torch.tensor(two, dtype=torch.float64)
        logits.append(w["last.weight"] @ a + w["last.bias"])
    wanted = torch.tensor(labels, dtype=torch.float64)
    loss = torch.nn.functional.binary_cross_entropy_with_logits(torch.cat(logits), wanted)
    loss.backward()
    names = ("first.weight", "second.weight", "last.weight")
    return {
        "masks": masks, "loss": loss.item(),
        "gradients": {name: w[name].grad.tolist() for name in names},
    }  # fmt: skip


def word_vectors() -> dict[str, Any]:
    """Loss and gradients of one pair with three words drawn."""
    import torch

    from demos import word_vectors as demo

    state = demo.SkipGram(6).state_dict()
    words, neighbours = leaf(state["word.weight"]), leaf(state["neighbour.weight"])
    v = words[3]
    log = torch.nn.functional.logsigmoid
    loss = -log(neighbours[9] @ v) - log(-(neighbours[[1, 4, 1]] @ v)).sum()
    loss.backward()
    return {
        "loss": loss.item(), "word": words.grad.tolist(), "neighbour": neighbours.grad.tolist(),
    }  # fmt: skip


DEMOS = (
    attention, bidirectional, highways, clipping, starts, seq2seq, forcing, histograms,
    batch_norm, dropout, word_vectors,
)  # fmt: skip

if __name__ == "__main__":
    sys.path.insert(0, str(HERE.parents[1]))
    found = {demo.__name__: demo() for demo in DEMOS}
    FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
