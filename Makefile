# Every command a developer needs; `make` alone lists them. CONTRIBUTING.md has the rest.
#   PYTHON=python3.12   the interpreter of a new environment (a present one of another Python is made anew)
#   VENV=.venv          the environment
#   PORT=8123 DATA=dir  for serve;  ARGS="-k refresh"  for test, bench, fuzz and matrix
#   SECONDS=600 TARGET=jws  for fuzz: how long each fuzzer runs, and which one (all, side by side)

SHELL  := /bin/sh
PYTHON ?=
VENV   ?= .venv
RUN    := $(VENV)/bin

# what is checked: the places that exist
CODE  := src tests scripts $(wildcard benchmarks examples fuzz)
TYPED := src scripts $(wildcard benchmarks examples fuzz)

# One host's pip settings must not reach the pins: they hold for every machine.
COMPILE := env -u PIP_FIND_LINKS -u PIP_INDEX_URL -u PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE=/dev/null \
	.venvs/tools/bin/pip-compile --quiet --upgrade --generate-hashes --strip-extras --allow-unsafe \
	--annotation-style line --no-header --no-emit-options --no-emit-index-url --no-emit-find-links \
	--no-emit-trusted-host

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help serve test check format bench fuzz matrix packages servers requirements clean venv
.PHONY: install-core install-serve install-test install-fuzz

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

serve: install-serve ## run the service (PORT=8123 DATA=dir); installs what it needs, once
	@exec $(RUN)/daypass serve $${PORT:+--port "$$PORT"} $${DATA:+--data "$$DATA"}

test: install-test ## run all tests in two processes, or some in one (ARGS="-k refresh")
	@$(RUN)/python -m pytest $(or $(ARGS),-n 2 --dist worksteal)

check: install-test ## format, lint, types, layers: what has to hold besides the tests
	@$(RUN)/ruff format --check $(CODE)
	@$(RUN)/ruff check $(CODE)
	@$(RUN)/mypy $(TYPED)
	@$(RUN)/lint-imports --no-logo

format: install-test ## put the code into shape
	@$(RUN)/ruff check --fix-only --quiet $(CODE)
	@$(RUN)/ruff format $(CODE)

bench: install-test ## measure against the peers, in one run
	@$(RUN)/python -m benchmarks $(ARGS)

fuzz: install-fuzz ## fuzz all that reads a stranger's bytes, side by side (SECONDS=600 TARGET=jws)
	@$(RUN)/python -m fuzz $(if $(SECONDS),--seconds $(SECONDS)) $(if $(TARGET),--target $(TARGET)) $(ARGS)

matrix: install-test ## run all tests on every Python from 3.11 on that this machine has
	@$(RUN)/python scripts/matrix.py $(ARGS)

packages: ## install the Debian packages that tests use (php, node, curl ...), where they are missing
	@scripts/debian-packages.sh programs

servers: ## install PostgreSQL, MariaDB, Redis and memcached for the tests, where they are missing; starts none
	@scripts/debian-packages.sh servers

requirements: ## compile the pins anew, on the oldest Python that daypass runs on
	@scripts/make-venv.sh .venvs/tools $(or $(PYTHON),python3.11)
	@.venvs/tools/bin/python scripts/install.py tools
	@$(COMPILE) -o requirements/test.txt --all-extras pyproject.toml requirements/build.in requirements/test.in
	@$(COMPILE) -o requirements/serve.txt -c requirements/test.txt --extra server --extra cli \
		pyproject.toml requirements/build.in
	@$(COMPILE) -o requirements/core.txt -c requirements/test.txt pyproject.toml requirements/build.in
	@$(COMPILE) -o requirements/fuzz.txt -c requirements/test.txt pyproject.toml requirements/build.in requirements/fuzz.in
	@$(COMPILE) -o requirements/tools.txt requirements/tools.in

clean: ## remove environments, caches and what fuzzers keep (never data)
	@rm -rf .venv .venvs .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build dist
	@rm -rf fuzz/corpus fuzz/findings
	@find src tests scripts $(wildcard benchmarks fuzz) -name __pycache__ -type d -prune -exec rm -rf {} +

venv:
	@scripts/make-venv.sh $(VENV) $(PYTHON)

install-core install-serve install-test install-fuzz: install-%: venv
	@$(RUN)/python scripts/install.py $*
