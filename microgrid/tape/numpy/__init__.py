"""A Plan run as NumPy calls."""

__all__: list[str] = []
