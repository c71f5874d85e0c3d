"""How it looks: colours, and how names and numbers are set."""

__all__: list[str] = []
