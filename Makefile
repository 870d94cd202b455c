# What a developer types. `make setup` needs Python 3.11+ and, for `make console`, Node 20+.
SHELL := /bin/bash
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: setup run test check bench bench-console screenshots chaos soak docs proto console interop clean

$(BIN)/flyte: pyproject.toml uv.lock
	@if command -v uv >/dev/null 2>&1; then UV=uv; else \
	  $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install -q --disable-pip-version-check uv && UV=$(BIN)/uv; fi; \
	UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PROJECT_ENVIRONMENT=$(VENV) $$UV sync -q --frozen --inexact
	@$(BIN)/python -m compileall -q src
	@touch $@

setup: $(BIN)/flyte ## Install everything into .venv

run: setup ## Run the first page's script; prints the run's id, its URL, and how it ended
	@$(BIN)/flyte run examples/my_script.py pipeline --x 5

test: setup ## The tests (installs Chromium for the browser tests when it can)
	@bash tests/prepare.sh
	$(BIN)/pytest -n 2 --dist loadfile

check: setup ## Lint, types, layers, the state of the console bundle
	$(BIN)/ruff format --check src tests bench examples
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/check_bundle.py

bench: setup ## Workloads of docs/reference/performance.md, ours beside the peers; writes that page
	$(BIN)/python -m bench

bench-console: setup ## Pages of runs of 10,000 and 100,000 actions in a real browser; writes docs/reference/console-performance.md
	$(BIN)/python -m bench.console

screenshots: setup ## Pictures of real runs for the README and the docs, light and dark
	$(BIN)/python tests/pictures.py

chaos: setup ## Hundreds of random kills of server, workers and parents
	$(BIN)/python -m tests.chaos --kills 300 --write docs/reference/chaos.md

soak: setup ## The same for an hour, with the property tests at full depth
	GODWIT_SOAK=1 $(BIN)/pytest tests/properties --timeout 3600
	$(BIN)/python -m tests.chaos --kills 10000

proto: ## The messages of proto/ as Python (protoc 31.1); commit what changes
	uvx --from "grpcio-tools==1.75.*" python -m grpc_tools.protoc -I proto \
	  --python_out=src/flyte_core/wire --pyi_out=src/flyte_core/wire proto/godwit/v1/*.proto

console: ## Build the console's bundle into the package
	cd console && npm ci --no-audit --no-fund && npm run build

docs: setup ## The documentation site
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis site
