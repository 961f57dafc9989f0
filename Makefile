# One command each; every target sets up what it needs, and finds it ready the next time.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# An environment holds absolute paths: one that was copied from elsewhere, or whose Python is gone, is made anew.
ifneq ($(shell $(BIN)/python -c pass 2>/dev/null && cat $(READY) 2>/dev/null),$(CURDIR))
STALE := stale
endif

# `make test TESTS=tests/quality ARGS='-k ruff'` runs a part of them.
TESTS ?= tests
ARGS ?= -n 2 --dist loadgroup

# Puts a Rust toolchain first on PATH for the rest of a recipe; ends the recipe where there is none.
WITH_RUST = rust=$$(sh tools/rust.sh) && export PATH="$$rust:$$PATH" &&

export PYTHON
unexport PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint miri header clean stale

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

setup: $(READY) ## make the environment in .venv and find or install Rust
	@$(WITH_RUST) cargo --version

demo: $(READY) ## plan, split and verify a copy of native_ref, start to end
	@$(WITH_RUST) $(BIN)/splitter demo

test: $(READY) ## run every test, the static checks and cargo's tests included
	@$(WITH_RUST) $(BIN)/python -m pytest $(TESTS) $(ARGS)

lint: $(READY) ## run the static checks alone: style, types, layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --cache-dir .cache/import_linter

miri: ## run native_ref's tests under Miri, to find undefined behaviour; takes minutes
	@sh tools/miri.sh

header: $(READY) ## write the C header of native_ref anew
	@$(BIN)/python tools/header.py > .cache.header && mv .cache.header native_ref/include/native_ref.h

clean: ## remove everything that was built, the environment too
	rm -rf .venv .cache dist build native_ref/target
	find splitter tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt $(STALE)
	@echo 'setting up $(VENV)'
	@python=$$(sh tools/python.sh) && rm -rf $(VENV) && "$$python" -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt hatchling
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt \
		--no-build-isolation --editable '.[dev]'
	@$(BIN)/python -m compileall -q splitter
	@printf '%s\n' '$(CURDIR)' > $(READY)
