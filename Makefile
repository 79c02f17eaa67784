# Everything a developer or a build server calls. A fresh machine needs Python >= 3.11, make and git.

VENV := .venv
BIN := $(VENV)/bin
PURE_CASES := $(addprefix tests/conformance/test_cases_,$(addsuffix .py,order time stop links retry sequence long_write table))
PURE_TESTS := tests/model tests/core tests/test_errors.py $(PURE_CASES)
PURE := --cov=gattkeeper.model --cov=gattkeeper.core --cov=gattkeeper.errors --cov-branch --cov-fail-under=100
WORKERS := 2
SEEDS := 10000

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv demo bench test test-fast soak mutation lint ruff types api imports coverage system-programs guest clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(VENV)/.developer ## make .venv with gattkeeper (editable), its extras and the developers' tools

demo: $(VENV)/.user ## four taps on two virtual blinds, from nothing but Python; SERVE=1 keeps the daemon running
	@$(BIN)/gattkeeper demo $(if $(SERVE),--serve)

bench: $(VENV)/.developer ## measure, as ratios side by side; QUICK=1 takes fewer samples, ONLY=stop some suites
	@QUICK=$(QUICK) $(BIN)/python bench $(ONLY)

# Later parts run although an earlier one failed, and pytest's own count comes last.
test: $(VENV)/.developer guest ## every test this machine can run; what it leaves out is listed at the end
	@failed=; \
	$(MAKE) --no-print-directory --keep-going lint || failed="$$failed lint"; \
	$(MAKE) --no-print-directory coverage || failed="$$failed coverage"; \
	echo "== tests"; $(BIN)/pytest -n $(WORKERS) || failed="$$failed tests"; \
	test -z "$$failed" || { echo "make test failed in:$$failed (see above)" >&2; exit 1; }

test-fast: $(VENV)/.developer ## the tests that start no system programs
	@$(BIN)/pytest -n $(WORKERS) -m "not system"

soak: $(VENV)/.developer ## simulated days of trouble on every core, SEEDS=100000 of them, until one breaks a promise
	@PYTHONPATH=src:tests $(BIN)/python -m sim.soak $(SEEDS) $(START)

lint: ruff types api imports ## style, format, types, and imports that only go down

ruff: $(VENV)/.developer
	@echo "== ruff"; $(BIN)/ruff check --quiet --output-format concise . && $(BIN)/ruff format --check --quiet .

types: $(VENV)/.developer
	@echo "== mypy"; $(BIN)/mypy --strict --no-error-summary
	@echo "== mypy, as on macOS"; $(BIN)/mypy --strict --no-error-summary --platform darwin --cache-dir .mypy_cache/darwin

api: $(VENV)/.developer
	@echo "== pyright"; tools/type_check_api $(BIN)/python

imports: $(VENV)/.developer
	@echo "== import-linter"; $(BIN)/lint-imports --no-cache

coverage: $(VENV)/.developer ## 100 % branches of model, core and errors, by their own tests alone
	@echo "== coverage of model, core and errors"; $(BIN)/pytest -q -n $(WORKERS) $(PURE_TESTS) $(PURE) --cov-report=term-missing:skip-covered

# Against the tests of the coverage above. docs/mutation.md says how long it takes, and what came out.
mutation: $(VENV)/.developer ## changes of the core that no test notices; ONLY='stop waiting' some modules, SAMPLE=40 of each
	@nice -n 19 $(BIN)/python tools/mutate_core --sample $(or $(SAMPLE),0) --tests '$(PURE_TESTS)' $(ONLY)

system-programs:
	@tools/add_system_programs

guest: $(VENV)/.developer system-programs ## the guest that tests of a real BlueZ start: its kernel, kept in the cache
	@PYTHONPATH=tests $(BIN)/python -m bluez_vm.build

clean: ## remove what make and the tools made
	rm -rf $(VENV) .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@python=$$(tools/find_python) && echo "== making $(VENV) with $$python" && "$$python" -m venv $(VENV)

# One environment for both: the developer's adds to the user's, so that two goals never install at once.
$(VENV)/.user: pyproject.toml $(wildcard scripts/*) | $(BIN)/python
	@echo "== installing gattkeeper with bumble"
	@$(BIN)/python -m pip install -qq --editable '.[bumble]'
	@$(BIN)/python -m compileall -q src
	@touch $@

$(VENV)/.developer: $(VENV)/.user
	@echo "== installing the developers' tools"
	@$(BIN)/python -m pip install -qq --editable '.[bumble,dev]'
	@touch $@
