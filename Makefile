# `make demo` and `make test` do all the set-up they need. `make help` lists the rest.
SHELL := bash
BIN := .venv/bin
WORKERS ?= auto

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo test check fmt lint types imports generated bench soak clean

help: ## what each target does
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## tmux, .venv and the product itself
	@contrib/dev/setup.sh

setup-dev: ## the same with the tools for tests and checks
	@contrib/dev/setup.sh dev

demo: setup ## a fleet, 1,800 real tasks, a hot reload, and the proof that the results are right
	@$(BIN)/python examples/demo.py

test: setup-dev ## all tests, on real tmux and FIFOs
	@$(BIN)/python -m pytest -q -n $(WORKERS) $(ARGS)

check: lint types imports generated ## everything that CI checks besides the tests

fmt: setup-dev ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lint: setup-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: setup-dev
	@$(BIN)/mypy

imports: setup-dev
	@$(BIN)/lint-imports

generated: setup-dev ## schema, API description and reference are what the code says
	@$(BIN)/python contrib/dev/generate.py --check

bench: setup-dev ## the figures of README and docs/benchmarks.md
	@$(BIN)/python -m tests.bench $(ARGS)

soak: setup-dev ## 100,000 tasks while everything is killed, then by workers that leak, and the proof that none was lost (ARGS='500000 --seed 1')
	@$(BIN)/python -m tests.soak $(ARGS)
	@$(BIN)/python -m tests.soak.leaks

clean: ## remove what the other targets made
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist
