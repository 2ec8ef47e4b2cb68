# Every target makes .venv first and works from a fresh clone with Python >= 3.10 and make.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

# With an NVIDIA driver the CUDA builds of torch and FBGEMM are installed, otherwise the CPU ones:
# packaging/cpu stands in for the name fbgemm-gpu, whose own wheel needs CUDA.
FBGEMM := $(if $(shell command -v nvidia-smi 2>/dev/null),,./packaging/cpu)

.PHONY: demo test test-long lint format types bench docs clean

demo: .venv/app ## run the two experiments of experiments.toml
	$(BIN)/b4r-tui --run experiments.toml

test: .venv/dev ## run the tests, but for the longest
	$(BIN)/python -m pytest -n 3 --dist loadfile -m "not long"

test-long: .venv/dev ## run those that take a minute or more each
	$(BIN)/python -m pytest -m long

lint: .venv/dev ## style, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

format: .venv/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: .venv/dev
	$(BIN)/mypy

bench: .venv/dev ## start-up, data, evaluation and training beside other libraries, fairness, the app: as ratios in one run
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.data
	$(BIN)/python -m benchmarks.evaluate
	$(BIN)/python -m benchmarks.train
	$(BIN)/python -m benchmarks.fairness
	$(BIN)/python -m benchmarks.run_queue
	$(BIN)/python -m benchmarks.ui

docs: .venv/dev ## the reference pages and the picture of the README, made from the code and by the program itself
	$(BIN)/python -m docs.make_reference
	$(BIN)/python docs/make_pictures.py

clean:
	rm -rf .venv build *.egg-info packaging/cpu/build packaging/cpu/*.egg-info

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or later is needed; say make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv

.venv/app: .venv/bin/python pyproject.toml packaging/cpu/pyproject.toml
	$(PIP) $(FBGEMM) -e .
	@touch $@

.venv/dev: .venv/app
	$(PIP) $(FBGEMM) -e '.[dev]'
	@touch $@
