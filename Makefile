# Everything a developer needs. A fresh machine needs git, make and Python 3.11 or later; the rest is fetched.
# ARGS is passed on: make demo ARGS="--help", make test ARGS="tests/failover -k silent"

SHELL := /bin/bash
BIN := .venv/bin
ARGS ?=
# Workers: many tests wait for the programs of others, so twice the cores of a small machine keep it busy.
JOBS ?= 4
# The tests start hundreds of interpreters: each would compile our programs anew, if it might not keep what it compiled.
KEEP := env -u PYTHONDONTWRITEBYTECODE
# The first time all workers would, side by side, compile every test: each of these compiles some folders for all.
WARM = [ -n "$(ARGS)" ] || [ -d tests/__pycache__ ] || ls -d tests/*/ | grep -v __pycache__ | \
	$(KEEP) xargs -P $(JOBS) -n 8 $(BIN)/python -m pytest --collect-only -q -p no:cacheprovider >/dev/null 2>&1 || true
.DEFAULT_GOAL := help
.PHONY: help venv demo test check nightly bench diagrams lock clean

help: ## say what can be made
	@awk 'BEGIN { FS = ":.*## " } /^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: ## make .venv (the others do it too, when needed)
	@bash deploy/dev/setup.sh

demo: venv ## show a whole polling day in one terminal
	@$(BIN)/kit-sim demo $(ARGS)

test: venv ## run the tests
	@bash deploy/dev/apt.sh --from deploy/dev/apt-packages.txt || echo "==> going on: tests that need what is missing say so"
	@bash deploy/dev/npm.sh || echo "==> going on: tests that need what is missing say so"
	@$(WARM)
	@$(KEEP) $(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(ARGS)

check: venv ## lint, format check, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

nightly: venv ## long campaigns: thorough hypothesis, many simulated worlds (WORLDS=200 SEED=1)
	@bash deploy/dev/nightly.sh

bench: venv ## run the benchmarks
	@for script in bench/[!_]*.py; do echo "==> $$script"; $(BIN)/python "$$script" $(ARGS) || exit 1; done

diagrams: venv ## draw docs/state-machines.md from the transition tables
	@$(BIN)/python docs/generate_diagrams.py

lock: ## pin the newest allowed dependencies, with hashes
	@bash deploy/dev/lock.sh

clean: ## remove .venv, caches and what was built
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
