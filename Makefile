# The two commands of a newcomer are `make demo` and `make test`; the rest serves developers.
.PHONY: demo test setup setup-test check lint types imports lock format clean
.DEFAULT_GOAL := help

BIN := .venv/bin
COVERAGE_FLOOR := 85
# Tests start hundreds of programs: each finds its modules compiled, whatever the caller's environment says.
export PYTHONDONTWRITEBYTECODE :=

help:
	@echo "make demo    one citizen from the civil register to an e-service login, on a simulated card"
	@echo "make test    everything CI runs: formatter, linter, types, import contracts, tests, coverage"
	@echo "make check   the inner loop: the same without the slow tests and coverage"
	@echo "make setup   what demo and test share: system packages, .venv, page assets"
	@echo "make lock    compiles requirements/*.in to hash-pinned *.txt"

setup:
	@.ci/setup runtime

setup-test: setup
	@.ci/setup test

demo: setup
	@$(BIN)/hoviat demo

lint: setup-test
	@echo "== ruff"
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .

types: setup-test
	@echo "== mypy --strict"
	@$(BIN)/mypy --no-error-summary

imports: setup-test
	@echo "== import-linter"
	@$(BIN)/lint-imports --no-cache > .setup/imports.log || { cat .setup/imports.log; exit 1; }

test: lint types imports
	@echo "== pytest"
	@$(BIN)/pytest --cov --cov-report=term:skip-covered --cov-fail-under=$(COVERAGE_FLOOR)

check: lint types imports
	@$(BIN)/pytest -q -m "not slow and not pcscd and not browser"

format: setup-test
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock:
	@cd requirements && for set in runtime test; do \
		uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
			$$set.in --output-file $$set.txt; \
	done

clean:
	rm -rf .venv .setup .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage build *.egg-info
