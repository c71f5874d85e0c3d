"""Charts and coloured text: pictures that are not of a graph."""

__all__: list[str] = []
