"""The player: one HTML page on which the sweep is played."""
