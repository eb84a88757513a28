# Two commands for newcomers: `make demo` and `make test`. Both do all their own set-up.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
# Most tests wait for sockets and processes: two at once on each core.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(2 * os.cpu_count())')
PYTEST = -m pytest -q -n $(WORKERS) --dist worksteal

.PHONY: demo test lint types unit js oracle-runtime oracle-full stateful schemathesis fidelity test-lowest wheel docs-retry-safety bench clean

demo: $(VENV)/fakefal
	$(BIN)/fakefal demo

test: lint types js oracle-runtime unit

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/ready
	$(BIN)/mypy

unit: $(VENV)/ready
	$(BIN)/python $(PYTEST)

# The JavaScript tests need Node; pytest says loudly when it is missing, and fails where CI is set.
js:
	@if command -v npm >/dev/null; then npm ci --silent --no-audit --no-fund --prefix tests/js; \
	else echo "*** Node is not installed: the JavaScript tests will be skipped ***" >&2; fi

# fal's own runtime, in an environment of its own: it cannot live beside our FastAPI.
oracle-runtime: $(VENV)/ready
	$(BIN)/python tests/oracles/install.py

# 100 000 generated requests to the emulator and to fal's own runtime, over 324 models of every category; the report is
# .oracle/runtime.json, and its sums are kept for the fidelity report.
oracle-full: oracle-runtime
	PYTHONPATH=tests $(BIN)/python -m oracles.runtime --cases 100000 --models 320 --workers 2 \
		--report .oracle/runtime.json --keep tests/oracles/models.json

# Many random histories of the protocol against its laws, where the suite draws the same six: EXAMPLES=1000 for more.
stateful: $(VENV)/ready
	STATEFUL_EXAMPLES=$(or $(EXAMPLES),200) $(BIN)/python -m pytest -q -s tests/emulator/test_stateful.py

# The emulator against its own OpenAPI document, at full size; the report is .oracle/schemathesis.json.
schemathesis: $(VENV)/ready
	PYTHONPATH=tests $(BIN)/python -m oracles.document --report .oracle/schemathesis.json

# What the oracles find, at the size of CI, and the report made from it: docs/fidelity.md and docs/fidelity.json.
fidelity: oracle-runtime js
	PYTHONPATH=tests $(BIN)/python -m oracles.runtime --cases 2000 --workers 2 --report tests/oracles/runtime.json
	PYTHONPATH=tests $(BIN)/python -m oracles.clients > .oracle/clients.json && mv .oracle/clients.json tests/oracles/clients.json
	PYTHONPATH=tests $(BIN)/python -m oracles.round_trip > .oracle/round_trip.json && mv .oracle/round_trip.json tests/oracles
	$(BIN)/python -m tools.fidelity

# The suite on the oldest versions that pyproject.toml allows, without the tests that say nothing of versions.
test-lowest:
	$(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/pip install --quiet uv
	$(VENV)-lowest/bin/uv pip install --quiet --python $(VENV)-lowest/bin/python --resolution lowest-direct -e '.[dev]'
	$(VENV)-lowest/bin/python $(PYTEST) -p no:cacheprovider -m 'not newest'

# Measures anew how many paid jobs one call becomes with each client; needs Node.
docs-retry-safety: $(VENV)/ready js
	$(BIN)/python docs/make_retry_safety.py

# Everything side by side with its reference, docs/benchmarks.md anew; needs wrk, Node and Java, and ten quiet minutes.
bench: $(VENV)/ready
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[fast]'
	@command -v wrk >/dev/null || echo "*** wrk is not installed (apt-get install wrk): most rows will be missing ***" >&2
	@if command -v npm >/dev/null; then npm ci --silent --no-audit --no-fund --prefix tools/bench; \
	else echo "*** Node is not installed: AIMock and WireMock will be missing ***" >&2; fi
	$(BIN)/python -m tools.bench --page docs/benchmarks.md --json tools/bench/results.json

wheel: $(VENV)/ready
	$(BIN)/python -m build --wheel --outdir dist

clean:
	rm -rf $(VENV) $(VENV)-lowest .oracle dist build tests/js/node_modules tools/bench/node_modules

$(VENV)/fakefal: pyproject.toml
	@test -n "$(PYTHON)" || { echo "fakefal needs Python 3.11 or newer: install it, or name it with make PYTHON=..." >&2; exit 1; }
	@echo "Installing fakefal into $(VENV) ..."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/ready: $(VENV)/fakefal
	@echo "Installing what the tests need into $(VENV) ..."
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@
