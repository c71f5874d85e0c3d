"""Write down JAX's answers, so that the tape is held against them where JAX is not installed.

`python tests/golden/record_jax.py` (JAX 0.10, float64) writes jax_networks.json: the loss of a
small recurrent classifier written in jax.numpy, and jax.grad's gradients of all its weights.
"""

import itertools
import json
from pathlib import Path

FILE = Path(__file__).with_name("jax_networks.json")
LETTERS = [0, 2, 1, 3, 3, 0]
HIDDEN, VOCABULARY = 3, 4


def weights(gates: int) -> dict:
    """Weights for a cell with so many gates, drawn by NumPy."""
    import numpy as np

    draw = np.random.default_rng(gates).uniform
    shapes = {
        "cell.weight_ih": (gates * HIDDEN, VOCABULARY),
        "cell.weight_hh": (gates * HIDDEN, HIDDEN),
        "cell.bias": (gates * HIDDEN,),
        "readout.weight": (VOCABULARY, HIDDEN),
        "readout.bias": (VOCABULARY,),
    }
    if gates == 3:
        shapes["cell.bias_hn"] = (HIDDEN,)
    return {name: draw(-1.0, 1.0, shape) for name, shape in shapes.items()}


def step(jnp, sigmoid, gates, p, x, h, c):
    """One step of an Elman RNN (1 gate), a GRU (3: r, z, n) or an LSTM (4: i, f, g, o)."""
    z = p["cell.weight_ih"] @ x + p["cell.bias"]
    s = p["cell.weight_hh"] @ h
    if gates == 1:
        return jnp.tanh(z + s), c
    if gates == 3:
        (zr, zz, zn), (sr, sz, sn) = jnp.split(z, 3), jnp.split(s, 3)
        r, u = sigmoid(zr + sr), sigmoid(zz + sz)
        n = jnp.tanh(zn + r * (sn + p["cell.bias_hn"]))
        return (1.0 - u) * n + u * h, c
    i, f, g, o = jnp.split(z + s, 4)
    c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
    return sigmoid(o) * jnp.tanh(c), c


def network(kind: str, gates: int) -> dict:
    """Loss and gradients of one network."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def loss(p):
        h = c = jnp.zeros(HIDDEN)
        total = 0.0
        for letter, target in itertools.pairwise(LETTERS):
            h, c = step(jnp, jax.nn.sigmoid, gates, p, jnp.eye(VOCABULARY)[letter], h, c)
            total -= jax.nn.log_softmax(p["readout.weight"] @ h + p["readout.bias"])[target]
        return total

    p = weights(gates)
    value, gradients = jax.value_and_grad(loss)({name: jnp.array(w) for name, w in p.items()})
    return {
        "name": kind,
        "letters": LETTERS,
        "weights": {name: w.tolist() for name, w in p.items()},
        "loss": float(value),
        "gradients": {name: w.tolist() for name, w in gradients.items()},
    }


def record() -> dict:
    """All cases."""
    return {"cases": [network(k, g) for k, g in (("RNNCell", 1), ("GRUCell", 3), ("LSTMCell", 4))]}


if __name__ == "__main__":
    FILE.write_text(json.dumps(record(), indent=1) + "\n", encoding="utf-8")
