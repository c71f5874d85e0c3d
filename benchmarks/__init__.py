"""Side by side with the peers: `python -m benchmarks.engine`, `python -m benchmarks.ladder`."""
