# Needs Python 3.11+ and make, nothing else.  make demo | make test | make lint | make chaos
#   make demo DATA=export.csv MAP=nyc311 ARGS="--tickets 300 --exit --json"
#   make test ARGS="tests/client -x"
#   make guides                           the guides followed to the letter; on a machine that does nothing else
#   make chaos ARGS="--short --json"      everything about a city breaks; root on Linux: the network too
#   make test-wheel                       the wheel alone in empty environments, lowest and newest dependencies
#   make test-containers                  with Docker: the contract suite and a city, in containers of KAFKA_IMAGE
#   make docs                             these pages as a site: build/docs/index.html
#   make fuzz ARGS="--minutes 10"         hurt records, from a log's bytes to admit's decision
#   make bench ARGS="--quick --json"      what Hutong costs beside its peers (benchmarks/README.md)

MAKEFLAGS += --no-print-directory
PY := .venv/bin/python
ENOUGH := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
FOUND = $(shell for p in python3.13 python3.12 python3.11 python3 python; do \
	$$p -c "$(ENOUGH)" >/dev/null 2>&1 && { command -v $$p; exit; }; done)
NONE = No Python 3.11 or newer with venv was found on PATH: install one (Debian, Ubuntu: apt install python3 python3-venv).
setup = @python="$(FOUND)"; [ -n "$$python" ] || { echo "$(NONE)" >&2; exit 2; }; "$$python" local/venv.py $(1)

.PHONY: help demo test guides test-wheel test-containers docs chaos fuzz bench lint format clean
help:
	@sed -n 's/^# \{0,1\}//p' Makefile

demo:
	$(call setup,requirements.txt)
	@$(PY) -m local demo $(if $(DATA),--data "$(DATA)") $(if $(MAP),--map "$(MAP)") $(ARGS)

test:
	$(call setup,requirements-dev.txt)
	@$(PY) -m pytest -n 2 --dist loadfile -m "not alone" $(if $(HUTONG_CI),-p tests.strictness) $(ARGS)

guides:
	$(call setup,requirements-dev.txt)
	@$(PY) -m pytest -m alone $(ARGS)

test-wheel:
	$(call setup,requirements-dev.txt)
	@$(PY) -m tests.alone $(ARGS)

test-containers:
	$(call setup,requirements-dev.txt)
	@HUTONG_TEST_BROKER=container TESTCONTAINERS_RYUK_DISABLED=true $(PY) -m pytest -p tests.strictness \
		tests/contract tests/integration/test_life.py tests/containers $(ARGS)

docs:
	$(call setup,requirements-docs.txt)
	@$(PY) -m sphinx -q -E -a -W --keep-going -c docs -d build/doctrees . build/docs && echo "the site is build/docs/index.html"

chaos:
	$(call setup,requirements-dev.txt)
	@$(PY) -m tests.chaos $(ARGS)

fuzz:
	$(call setup,requirements-dev.txt)
	@$(PY) -m tests.hostile.fuzz $(ARGS)

bench:
	$(call setup,requirements-dev.txt)
	@$(PY) -m benchmarks $(ARGS)

lint:
	$(call setup,requirements-dev.txt)
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check --quiet . || { echo "make format mends the layout of these files." >&2; exit 1; }
	@$(PY) -m mypy

format:
	$(call setup,requirements-dev.txt)
	@$(PY) -m ruff check --fix --quiet . && $(PY) -m ruff format .

# a city's data (HUTONG_DEMO_HOME, default .hutong) is left alone
clean:
	@rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
