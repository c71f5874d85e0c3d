"""Graphs and parameters as JSON files; copies and pickles of graphs of any depth."""

from .graphs import load_graph, save_graph
from .parameters import load_parameters, save_parameters

__all__ = ["load_graph", "load_parameters", "save_graph", "save_parameters"]
