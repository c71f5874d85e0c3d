"""Charts and coloured text: pictures that are not of a graph."""
