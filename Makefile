# Two commands do all the set-up: `make run` and `make test`. ARGS go to the program: make run ARGS="--seconds 20 --json"
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=

.PHONY: run install test test-thorough lint bench accuracy faults faults-long fuzz api-fuzz docs screenshots clean

run: $(VENV)/.demo
	@$(BIN)/hadir demo $(ARGS)

install: $(VENV)/.demo
	@echo "installed: $(BIN)/hadir (try: $(BIN)/hadir --help)"

# four workers on two cores: much of a test is waiting; tests/conftest.py says in which order they take the files
test: $(VENV)/.test
	@deploy/test-servers.sh
	$(BIN)/python -m pytest -q -n 4 --dist loadfile --no-loadscope-reorder $(ARGS)

# before a release: every page in every way and as every reader, and more examples of every property
test-thorough: $(VENV)/.test
	@deploy/test-servers.sh
	HADIR_THOROUGH=1 $(BIN)/python -m pytest -q -n 4 --dist loadfile --hypothesis-profile=thorough $(ARGS)

lint: $(VENV)/.lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

bench: $(VENV)/.test
	@deploy/test-servers.sh
	$(BIN)/python -m bench.run $(ARGS)

accuracy: $(VENV)/.test
	$(BIN)/python -m bench.accuracy $(ARGS)

faults: $(VENV)/.test
	@deploy/test-servers.sh
	$(BIN)/python -m faults.run $(ARGS)

# hours; goes on where it was stopped: make faults-long ARGS="--fault gateway-killed --cycles 100"
faults-long: $(VENV)/.test
	@deploy/test-servers.sh
	$(BIN)/python -m faults.run --long --write $(ARGS)

fuzz: $(VENV)/.fuzz
	$(BIN)/python -m fuzz.run $(ARGS)

# requests made from the OpenAPI document: some minutes; the tests do a few of each
api-fuzz: $(VENV)/.test
	HADIR_API_EXAMPLES=$(or $(EXAMPLES),200) $(BIN)/python -m pytest -q --timeout 3600 tests/web/api/test_schemathesis.py $(ARGS)

docs: $(VENV)/.demo
	$(BIN)/hadir schema docs/contract
	$(BIN)/python -m tests.contract.kit
	$(BIN)/hadir devices --guide docs/devices.md

# docs/screenshots and docs/web-screens.md: an office with five simulated days behind it, in a real Chromium
screenshots: $(VENV)/.test
	@deploy/test-servers.sh
	$(BIN)/python -m bench.screens $(ARGS)

clean:
	rm -rf $(VENV) var bench-work dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

# made anew where an earlier try was interrupted
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "hadir needs Python 3.11 or newer: make PYTHON=python3.11 ..."; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { echo "no venv module: apt-get install python3-venv, then try again"; exit 1; }
	@touch $@

$(VENV)/.demo: pyproject.toml | $(VENV)/.made
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[demo]'
	@touch $@

$(VENV)/.test: pyproject.toml | $(VENV)/.made
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[test,lint]'
	@touch $@ $(VENV)/.demo

$(VENV)/.lint: pyproject.toml | $(VENV)/.made
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[test,lint]'
	@touch $@

$(VENV)/.fuzz: pyproject.toml | $(VENV)/.made
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[fuzz]'
	@touch $@ $(VENV)/.demo
