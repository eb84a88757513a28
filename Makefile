# For newcomers: `make demo`, `make quick` while you type, `make test` before you send. All do their own set-up.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
# Some tests wait for sockets and processes: one more at once than there are cores.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(1 + os.cpu_count())')
# The tests start hundreds of processes: let none compile anew what it imports.
export PYTHONDONTWRITEBYTECODE :=
# On a machine that is very busy, TEST_PATIENCE=3 makes every limit three times as long.
PYTEST = -m pytest -q -n $(WORKERS) --dist worksteal
# The versions that everything is tested with; `make test CONSTRAINTS=` takes the newest of the day.
CONSTRAINTS ?= constraints.txt
PINNED = $(addprefix -c ,$(CONSTRAINTS))
PINNED_LOWEST = $(if $(CONSTRAINTS),-c constraints-lowest.txt)

.PHONY: demo quick test lint types unit test-redis constraints js examples oracle-runtime oracle-full stateful cuts schemathesis fidelity test-lowest release docs docs-retry-safety docs-audit screenshots bench soak clean

demo: $(VENV)/fakefal
	$(BIN)/fakefal demo

# While you type: the tests that are marked so, with few examples each, and no other process but theirs.
quick: lint
	TEST_STORE=memory TEST_DRAWS=10 $(BIN)/python $(PYTEST) -m quick

test: lint types js oracle-runtime unit

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/ready
	$(BIN)/mypy

unit: $(VENV)/ready
	$(BIN)/python $(PYTEST)

# Everything that servers do, over Redis alone: `make test` takes Redis for a chosen part.
test-redis: $(VENV)/ready
	TEST_STORE=redis $(BIN)/python $(PYTEST) tests/emulator

# The JavaScript tests need Node; pytest says loudly when it is missing, and fails where CI is set.
js:
	@if command -v npm >/dev/null; then for folder in tests/js examples/tools; do npm ci --silent --no-audit --no-fund --prefix $$folder; done; \
	else echo "*** Node is not installed: the JavaScript tests will be skipped ***" >&2; fi

# Every example as its README says, then every tool of docs/tools.md, unmodified, and that page anew; all with pinned
# versions.  The suite runs two of each.  Then the tutorials that install much from npm.
examples: $(VENV)/ready js
	$(PYTHON) -m venv $(VENV)-tools
	$(VENV)-tools/bin/pip install --quiet --disable-pip-version-check -r examples/requirements.txt -e .
	PIP_CONSTRAINT=$(CURDIR)/examples/requirements.txt $(BIN)/python -m tools.run_examples --python $(VENV)-tools/bin/python
	$(BIN)/python -m tools.tried_tools --python $(VENV)-tools/bin/python
	TEST_NPM=1 $(BIN)/python -m pytest -q tests/test_pages.py

# fal's own runtime, in an environment of its own: it cannot live beside our FastAPI.
oracle-runtime: $(VENV)/ready
	$(BIN)/python tests/oracles/install.py

# 100 000 generated requests to the emulator and to fal's own runtime, over 324 models of every category; the report is
# .oracle/runtime.json, and its sums are kept for the fidelity report.
oracle-full: oracle-runtime
	PYTHONPATH=tests $(BIN)/python -m oracles.runtime --cases 100000 --models 320 --workers 2 \
		--report .oracle/runtime.json --keep tests/oracles/models.json
	PYTHONPATH=tests $(BIN)/python -m oracles.runtime --family fal-ai/kling-video --cases 20000 --workers 2 \
		--keep tests/oracles/kling.json

# Many random histories of the protocol against its laws, where the suite draws the same six: EXAMPLES=1000 for more.
stateful: $(VENV)/ready
	STATEFUL_EXAMPLES=$(or $(EXAMPLES),200) $(BIN)/python -m pytest -q -s tests/emulator/test_stateful.py

# Every clip of 1 to 31 seconds from every master, decoded whole, where the suite decodes a sample.
cuts: $(VENV)/ready
	EVERY_CUT=1 $(BIN)/python $(PYTEST) tests/emulator/test_clips.py

# The emulator against its own OpenAPI document, at full size; the report is .oracle/schemathesis.json.
schemathesis: $(VENV)/ready
	PYTHONPATH=tests $(BIN)/python -m oracles.document --report .oracle/schemathesis.json

# What the oracles find, at the size of CI, and the report made from it: docs/fidelity.md and docs/fidelity.json.
fidelity: oracle-runtime js
	PYTHONPATH=tests $(BIN)/python -m oracles.runtime --cases 2000 --workers 2 --report tests/oracles/runtime.json
	PYTHONPATH=tests $(BIN)/python -m oracles.clients > .oracle/clients.json && mv .oracle/clients.json tests/oracles/clients.json
	PYTHONPATH=tests $(BIN)/python -m oracles.round_trip > .oracle/round_trip.json && mv .oracle/round_trip.json tests/oracles
	$(BIN)/python -m tools.fidelity

# What depends on versions (the marker `versions`), on the oldest that pyproject.toml allows.
test-lowest:
	$(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/pip install --quiet uv
	$(VENV)-lowest/bin/uv pip install --quiet --python $(VENV)-lowest/bin/python --resolution lowest-direct $(PINNED_LOWEST) -e '.[dev]'
	$(VENV)-lowest/bin/python $(PYTEST) -p no:cacheprovider -m versions

# Pins anew: the newest versions, and the oldest that pyproject.toml allows.  A newer Hypothesis draws other bodies:
# let `make fidelity` follow.
COMPILE = $(VENV)-pins/bin/uv pip compile --quiet --upgrade --universal --no-header --no-annotate pyproject.toml
constraints:
	$(PYTHON) -m venv $(VENV)-pins
	$(VENV)-pins/bin/pip install --quiet --disable-pip-version-check uv
	$(COMPILE) --all-extras --output-file constraints.txt
	$(COMPILE) --all-extras --output-file constraints-lowest.txt --resolution lowest-direct
	$(COMPILE) --output-file examples/requirements.txt --python-version 3.11 examples/requirements.in

# The site, into build/site; a broken link or anchor fails.
docs: $(VENV)/ready
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# Measures anew how many paid jobs one call becomes with each client; needs Node.
docs-retry-safety: $(VENV)/ready js
	$(BIN)/python docs/make_retry_safety.py

# The README's pictures of the page; needs Chromium.
screenshots: $(VENV)/ready
	$(BIN)/python -m tools.screenshots

# Audits anew what the usual clients do when a call fails; needs Node, and a quarter of an hour.
docs-audit: $(VENV)/ready js
	$(BIN)/python docs/make_audit.py

# Everything side by side with its reference, and the page of it anew; needs wrk, Node and Java, and fifteen quiet minutes.
bench: $(VENV)/ready
	$(BIN)/pip install --quiet --disable-pip-version-check $(PINNED) -e '.[fast]'
	@command -v wrk >/dev/null || echo "*** wrk is not installed (apt-get install wrk): most rows will be missing ***" >&2
	@if command -v npm >/dev/null; then npm ci --silent --no-audit --no-fund --prefix tools/bench; \
	else echo "*** Node is not installed: AIMock and WireMock will be missing ***" >&2; fi
	$(BIN)/python -m tools.bench --page --json tools/bench/results.json

# Odd calls of every kind for twenty minutes, on loopback: nothing is lost, and memory stays flat. SOAK_SECONDS=60 for less.
soak: $(VENV)/ready
	$(BIN)/python -m tools.soak

# What a release uploads, into dist/: built, inspected, installed in empty environments and used.  It uploads nothing.
release: $(VENV)/ready
	$(BIN)/python -m tools.release $(if $(TAG),--tag '$(TAG)')

clean:
	rm -rf $(VENV) $(VENV)-lowest $(VENV)-pins $(VENV)-tools .oracle dist build tests/js/node_modules examples/tools/node_modules tools/bench/node_modules

$(VENV)/fakefal: pyproject.toml $(CONSTRAINTS)
	@test -n "$(PYTHON)" || { echo "fakefal needs Python 3.11 or newer: install it, or name it with make PYTHON=..." >&2; exit 1; }
	@echo "Installing fakefal into $(VENV) ..."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check $(PINNED) -e .
	@touch $@

$(VENV)/ready: $(VENV)/fakefal
	@echo "Installing what the tests need into $(VENV) ..."
	$(BIN)/pip install --quiet --disable-pip-version-check $(PINNED) -e '.[dev]'
	@touch $@
