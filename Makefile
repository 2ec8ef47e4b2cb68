# Every target makes .venv first and works from a fresh clone with Python >= 3.10 and make.
PYTHON ?= python3
BIN := .venv/bin
# Dependencies in the tested versions; CONSTRAINTS= allows any that pyproject.toml does.
CONSTRAINTS ?= packaging/constraints.txt
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet $(CONSTRAINTS:%=-c %)

# With an NVIDIA driver the CUDA builds of torch and FBGEMM are installed, otherwise the CPU builds:
# packaging/cpu provides the name fbgemm-gpu, whose own wheel requires CUDA.
FBGEMM := $(if $(shell command -v nvidia-smi 2>/dev/null),,./packaging/cpu)

.PHONY: demo test-fast test test-long lint format types bench docs constraints clean

demo: .venv/app ## run the two experiments of experiments.toml
	$(BIN)/b4r-tui --run experiments.toml

test-fast: .venv/dev ## run the tests that neither start processes nor open the app
	$(BIN)/python -m pytest -n 3 --dist loadfile -m "not long and not slow and not torchrun"

test: .venv/dev ## run all tests except the longest
	$(BIN)/python -m pytest -n 3 --dist loadfile -m "not long"

test-long: .venv/dev ## run the tests that take a minute or more each
	$(BIN)/python -m pytest -m long

lint: .venv/dev ## check style and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

format: .venv/dev ## fix style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: .venv/dev ## check types
	$(BIN)/mypy

bench: .venv/dev ## start-up, data, evaluation and training vs. other libraries, fairness, the app: as ratios within one run
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.data
	$(BIN)/python -m benchmarks.evaluate
	$(BIN)/python -m benchmarks.train
	$(BIN)/python -m benchmarks.fairness
	$(BIN)/python -m benchmarks.run_queue
	$(BIN)/python -m benchmarks.ui

docs: .venv/dev ## generate the reference pages from the code and the pictures from the program itself
	$(BIN)/python -m docs.make_reference
	$(BIN)/python docs/make_pictures.py

constraints: .venv/dev ## write the versions installed in .venv to packaging/constraints.txt
	$(BIN)/python packaging/make_constraints.py > packaging/constraints.new
	mv packaging/constraints.new packaging/constraints.txt

clean: ## remove everything that is built
	rm -rf .venv build *.egg-info packaging/cpu/build packaging/cpu/*.egg-info

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or later is needed; run make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv

.venv/app: .venv/bin/python pyproject.toml packaging/cpu/pyproject.toml $(CONSTRAINTS)
	$(PIP) $(FBGEMM) -e .
	@touch $@

.venv/dev: .venv/app
	$(PIP) $(FBGEMM) -e '.[dev]'
	@touch $@
