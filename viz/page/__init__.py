"""The player: one HTML page on which the sweep is played."""

__all__: list[str] = []
