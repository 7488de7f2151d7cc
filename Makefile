# Every target sets itself up: Python 3.11+ and the package index are all a fresh clone needs.
PYTHON ?= python3
PY := .venv/bin/python
SETUP := .venv/.up-to-date

.PHONY: install check house quick test test-all demo record docs faults fidelity mutants newest oracles \
	peers prices lock sbom extras bench-gateway bulk screenshot soak

install: $(SETUP)

$(SETUP): pyproject.toml
	@echo "setting up .venv (a minute or two, once)"
	@$(PYTHON) -m venv .venv
	@$(PY) -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $@

check: $(SETUP)
	$(PY) -m ruff format --check
	$(PY) -m ruff check
	$(PY) -m mypy
	$(PY) -m pytest --quiet tests/project/test_layers.py

# Workers: two for each core (tests/conftest.py), eight at most, since each imports the frameworks.
# Without pytest's cache of rewritten modules (PYTHONDONTWRITEBYTECODE) each compiles them all again.
PYTEST := PYTHONDONTWRITEBYTECODE= $(PY) -m pytest --numprocesses auto --maxprocesses 8 \
	--dist worksteal

# PRODUCTS: how much of a product of parameters is run (tests/covering.py).
# A few rows of each table, a few random examples, nothing slow: for the inner loop.
quick: $(SETUP)
	PRODUCTS=few $(PYTEST) -m "not slow or quick" $(ARGS)

# Each pair of values at least once.
test: $(SETUP)
	PRODUCTS=pairs $(PYTEST) $(ARGS)

# Each whole product, and all random examples: before a release, and in CI.
test-all: $(SETUP)
	PRODUCTS=all $(PYTEST) $(ARGS)

demo: $(SETUP)
	@$(PY) -m azure_agents.cli.demo

# Every single fault, every pair of faults, sequences with deaths and second clients, killed workers,
# and weather: a few minutes on two cores.
faults: $(SETUP)
	$(PY) tests/faults/report.py $(ARGS)

# How close the emulator is to the recorded service: the score by file, and the differences.
fidelity: $(SETUP)
	@$(PY) tests/emulator/fidelity.py

# Eighty mistakes, put one after the other into a copy of the tree: which do the tests notice? About
# fifteen minutes on two cores; ARGS=--resume goes on where a run was interrupted.
mutants: $(SETUP)
	@$(PY) tests/mutants/run.py $(ARGS)

# Microsoft's, OpenAI's and others' SDKs against the emulator, each in an environment of its own
# under .oracles/: some minutes the first time.
oracles: $(SETUP)
	@$(PY) tests/oracles/run.py $(ARGS)

# The tables of tests/fields (what becomes of every field of every message) against the newest
# releases of the frameworks, in an environment of its own under .newest/. Elsewhere they only warn.
newest: $(SETUP)
	@$(PY) tests/fields/run.py $(ARGS)

# Other clients under the same faults as ours, each in an environment of its own (see oracles):
# some minutes the first time, then about four. ARGS=--write writes docs/peers.md.
peers: $(SETUP)
	@$(PY) tests/peers/run.py $(ARGS)

# What a call through the gateway costs, beside a server that only forwards; then the lab that compares
# it with LiteLLM's proxy, where LAB is there (its setup.sh once): ARGS="--only ours,floor".
LAB ?= ../shared/perf/gateway
bench-gateway: $(SETUP)
	@$(PY) benchmarks/gateway_call.py
	@if [ -f $(LAB)/run.py ]; then LAB_OURS=$(CURDIR)/.venv/bin/azure-agents $(PYTHON) $(LAB)/run.py --quick $(ARGS); \
	else echo "no lab in $(LAB): LiteLLM's proxy was not measured"; fi

# The long forms of what must hold of bulk runs: 10,000 rows within limits, the memory of 100,000,
# 200 processes killed, a cluster of Ray that loses a node. ARGS=kills runs one of them.
bulk: $(SETUP)
	$(PY) -m tests.bulk.run $(ARGS)

# The table of what models cost, anew from LiteLLM's price file (MIT), compared with what others say.
prices: $(SETUP)
	@$(PY) tests/prices/run.py

# Half an hour of mixed load on a gateway, with faults, clients that leave and reloads; then nothing
# may have leaked, and every request is accounted for. ARGS=300: so many seconds.
soak: $(SETUP)
	@$(PY) -m tests.soak.run $(ARGS)

# docs/images/status.png, in headless Chromium (apt-get install chromium).
screenshot: $(SETUP)
	@$(PY) -m tests.gateway.screenshot $(ARGS)

# Each extra of the wheel alone, in an empty environment, on every Python on the path (or those that
# PYTHONS names): some minutes for each. Before a release.
extras: $(SETUP)
	@$(PY) tests/project/extras.py

record: $(SETUP)
	$(PY) tests/cassettes/record.py

# Pages that say what the code does; tests compare them.
docs: $(SETUP)
	$(PY) -m tests.core.items_page
	$(PY) -m tests.project.architecture_page
	$(PY) -m tests.project.api_page
	$(PY) -m tests.gateway.migration_page

# The structure of the code in words, read from its imports: rooms, floors, arrows, depth, circles.
house: $(SETUP)
	@$(PY) -m tests.project.print_house
	@$(PY) -m tests.project.journeys

# Exact versions and hashes of the newest of everything a developer installs; needs uv. To use it:
# pip install --require-hashes --requirement requirements-dev.lock
lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --quiet --upgrade --output-file requirements-dev.lock
	uv pip compile pyproject.toml --extra gateway --extra otel --python-platform linux \
		--python-version 3.11 --generate-hashes --no-header --no-annotate --quiet --upgrade \
		--output-file deploy/requirements.lock

# What users install, as CycloneDX JSON.
sbom: $(SETUP)
	@mkdir -p build
	$(PY) -m tests.security.sbom > build/sbom.cdx.json
