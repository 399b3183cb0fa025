# `make` alone lists the commands. Each does its own set-up, on a fresh machine too.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Some hundred processes are started by the tests, and find compiled what they import.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test check format lint types imports serve screenshots bench pins clean

help: ## List the commands
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

demo: $(VENV)/.demo ## Optimize real pictures through every API and print what it saved
	@$(BIN)/python -m benchmarks.demo

test: $(VENV)/.dev check ## Run every check and every test
	@$(BIN)/python -m pytest -n 2 --dist worksteal

check: lint types imports ## Format, lint, types, import contracts

format: $(VENV)/.dev ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only --quiet .

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports

serve: $(VENV)/.demo ## Start the server on port 8080
	$(BIN)/pixmill serve

screenshots: $(VENV)/.dev ## Take pictures of all pages, light, dark and narrow, into screenshots/
	@PYTHONPATH=tests $(BIN)/python -m web.screenshots

bench: $(VENV)/.dev ## Measure codecs and service (docs/benchmarks.md)
	$(BIN)/pixmill bench codecs
	$(BIN)/pixmill bench service

pins: ## Renew the pinned requirements
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --python-version 3.11 \
		--quiet --upgrade pyproject.toml --extra heic --extra jxl -o requirements/runtime.txt
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --python-version 3.11 \
		--quiet --upgrade pyproject.toml --extra heic --extra jxl --group demo -c requirements/runtime.txt -o requirements/demo.txt
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-annotate --python-version 3.11 \
		--quiet --upgrade pyproject.toml --extra heic --extra jxl --group test --group lint -c requirements/demo.txt -o requirements/dev.txt

clean: ## Remove what the commands made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(VENV)/.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Pixmill needs Python 3.11 or later: try make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	@touch $@

$(VENV)/.demo: $(VENV)/.venv requirements/demo.txt pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/demo.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.venv requirements/dev.txt pyproject.toml scripts/install-test-programs
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	scripts/install-test-programs
	@touch $@ $(VENV)/.demo
