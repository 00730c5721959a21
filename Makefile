# Every target creates, and then reuses, one virtual environment with everything installed.
# Another interpreter or place:  make test PYTHON=python3.12 VENV=.venv312

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2

BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LINKS := $(VENV)/links

.DEFAULT_GOAL := help
.PHONY: help demo test stress fuzz lint bench docs clean

help: ## print this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

demo: $(STAMP) ## predict the second-moment map of a real galaxy, with a figure
	$(BIN)/zoo demo

test: $(STAMP) ## run every test that takes seconds
	$(BIN)/pytest -n $(WORKERS) --dist loadfile -m "not stress"

stress: $(STAMP) ## run the tests that take minutes
	$(BIN)/pytest -m stress

SECONDS ?= 120

fuzz: $(STAMP) ## attack the scan of SavedModels for SECONDS (default 120)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]' || true
	$(BIN)/python tests/fuzz/fuzz_scan.py --seconds $(SECONDS)

lint: $(STAMP) ## check style (ruff), format and types (mypy)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	MYPYPATH=$(LINKS) $(BIN)/mypy

bench: $(STAMP) ## run every benchmark: ours and the alternative, side by side
	set -e; for file in benchmarks/bench_*.py; do echo "== $$file"; $(BIN)/python "$$file"; done

docs: $(STAMP) ## write the generated tables of README and docs again
	$(BIN)/python docs/generate.py

clean: ## remove the environment, builds and caches
	rm -rf $(VENV) build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find zoo datasets saved_models tests benchmarks docs -name __pycache__ -type d -prune -exec rm -rf {} +

# mypy does not follow editable installs, hence the link.
$(STAMP): setup.cfg setup.py pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV): about 3 GB, a minute or two the first time"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	mkdir -p $(LINKS) && ln -sfn "$(CURDIR)/datasets" $(LINKS)/zoo_datasets
	touch $@
