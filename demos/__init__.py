"""The lectures' systems, one runnable file each: python -m demos.NAME --help."""
