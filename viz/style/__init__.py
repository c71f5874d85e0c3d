"""How it looks: colours, and how names and numbers are set."""
