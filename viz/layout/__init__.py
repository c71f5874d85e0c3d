"""Where everything stands: the places of a Picture's cards, wires, frames and panels."""

__all__: list[str] = []
