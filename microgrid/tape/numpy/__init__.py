"""A Plan run as NumPy calls."""
