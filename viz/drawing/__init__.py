"""What is painted: a Picture with places and colours, as rectangles, texts and curves."""

__all__: list[str] = []
