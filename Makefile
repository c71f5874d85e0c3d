PYTHON ?= .venv/bin/python

.PHONY: test lint bench demos site

test:
	$(PYTHON) -m pytest

lint:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

bench:
	$(PYTHON) -m benchmarks

demos:
	$(PYTHON) -m demos --gallery
	$(PYTHON) docs/build.py --pictures

site:
	$(PYTHON) docs/build.py
