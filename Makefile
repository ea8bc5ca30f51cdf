# The front doors of a fresh clone: `make demo` and `make test` need Python 3.11 or newer and a
# network connection the first time; the virtual environment in .venv is made once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CSV ?= ../shared/benchmarks/test/instances.csv

.PHONY: demo test test-slow proofs lint bench clean

demo: $(READY)
	$(BIN)/python networks/train_digits.py
	$(BIN)/verifai demo

# A process for each core, but at most four, as each imports torch and collects all tests; a file
# stays in one of them, so that what its tests share is made once. One BLAS thread each.
PYTEST := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest

test: $(READY)
	$(PYTEST) -n auto --maxprocesses 4 --dist loadfile

test-slow: $(READY)
	$(PYTEST) -m "slow and not gpu and not browser"

# Re-checks every stored certificate with the kernel alone.
proofs: $(READY)
	$(BIN)/python -m pytest tests/theorems/test_proofs.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict verifai

# CSV=FILE chooses the instances.
bench: $(READY)
	$(BIN)/verifai bench $(CSV) --check

$(READY): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	$(BIN)/python -m compileall -q verifai
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
