"""Training: steps, runs that can be resumed, and text as a stream of letters."""
