# The front doors of a fresh clone: `make demo` and `make test` need Python 3.11 or newer and a
# network connection the first time; the virtual environment in .venv is made once.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CSV ?= ../shared/benchmarks/test/instances.csv
DEMO ?= results/demo
# The lock: everything with hashes but torch, whose wheels differ from machine to machine.
LOCK := requirements/lock.txt
TORCH := requirements/torch.txt
OLDEST := requirements/oldest.txt
UV := uv>=0.13,<0.14

.PHONY: demo test test-slow test-browser test-newest test-oldest lock proofs proofs-gallery proved lint bench clean

# TRAINING=ARGUMENTS are passed on, DEMO=FOLDER says where everything is written.
demo: $(READY)
	$(BIN)/python networks/train_digits.py --out $(DEMO)/networks $(TRAINING)
	$(BIN)/verifai demo --networks $(DEMO)/networks --out $(DEMO)

# A process for each core, but at most four, as each imports torch and collects all tests; a file
# stays in one of them, so that what its tests share is made once. One BLAS thread each.
PYTEST := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest

test: $(READY)
	$(PYTEST) -n auto --maxprocesses 4 --dist loadfile

test-slow: $(READY)
	$(PYTEST) -m "slow and not gpu and not browser"

# The pages of reports in a headless Chromium; skipped, visibly, where there is none.
test-browser: $(READY)
	$(PYTEST) -m browser

# The tests with the newest and with the oldest dependencies that pyproject.toml allows, each in an
# environment of its own; a newer release comes in when the environment is made anew (`make clean`).
test-newest:
	$(MAKE) test VENV=.venv-newest
test-oldest:
	$(MAKE) test VENV=.venv-oldest

# Re-checks every stored certificate with the kernel alone.
proofs: $(READY)
	$(BIN)/python -m pytest tests/theorems/test_proofs.py

# Proves the theorems of proofs/gallery in Coq, and that they speak of the networks that torch exports.
proofs-gallery: $(READY)
	proofs/build gallery build/gallery --coqchk
	$(BIN)/python -m verifai.theorems.coq > build/gallery/Instances.v
	cd build/gallery && coqc -q -Q . Gallery Instances.v

# Proves in Coq that the checker of proofs/kernel is sound, prints what that assumes, and runs coqchk.
proved:
	proofs/build kernel build/kernel --coqchk

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict verifai

# CSV=FILE chooses the instances.
bench: $(READY)
	$(BIN)/verifai bench $(CSV) --check

# What each environment holds: the locked, the newest and the oldest dependencies.
.venv/.ready: pyproject.toml $(LOCK) $(TORCH)
	test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --require-hashes --requirement $(LOCK)
	$(call finished,$(@D))

.venv-oldest/.ready: pyproject.toml $(OLDEST) $(TORCH)
	test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --require-hashes --requirement $(OLDEST)
	$(call finished,$(@D))

.venv-newest/.ready: pyproject.toml $(TORCH)
	test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --requirement requirements/besides.in
	$(@D)/bin/python -m pip install --quiet --upgrade --upgrade-strategy eager --editable '.[dev]'
	touch $@

define finished
$(1)/bin/python -m pip install --quiet --requirement $(TORCH)
$(1)/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
$(1)/bin/python -m compileall -q verifai
touch $(1)/.ready
endef

# Writes the lists of what is installed anew, with the newest releases that pyproject.toml allows.
COMPILE := pip compile --quiet --universal --python-version 3.11 --no-annotate \
	--custom-compile-command 'make lock' --extra dev pyproject.toml
HASHED := requirements/besides.in --overrides requirements/without_torch.in --generate-hashes
lock:
	test -x .venv-lock/bin/uv || $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet '$(UV)'
	.venv-lock/bin/uv $(COMPILE) $(HASHED) --upgrade --output-file $(LOCK)
	.venv-lock/bin/uv $(COMPILE) $(HASHED) --upgrade --resolution lowest-direct \
		--output-file $(OLDEST)
	.venv-lock/bin/uv $(COMPILE) --no-deps --upgrade | grep '^torch==' > $(TORCH)

clean:
	rm -rf .venv .venv-* build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
