"""What is drawn: cards, wires, columns and panels read from a graph, as plain data."""

__all__: list[str] = []
