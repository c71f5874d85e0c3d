"""from_jax: a JAX function as a graph of Values, read from its jaxpr.

JAX hands out the program that a function is (jax.make_jaxpr); its primitives are recorded by the
functions on arrays of Values that PyTorch's calls are recorded by. A lax.scan becomes the columns
of time. JAX is needed to call it (`pip install "microgrid-autograd[xla]"`), not to import it.
"""

from .program import from_jax

__all__ = ["from_jax"]
