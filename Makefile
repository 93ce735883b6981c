# The doors of the house. `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help run test check fix bench soak torture

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile

run: .venv/run.stamp ## set up and start the bot (ARGS="--port 8099" adds options)
	@$(BIN)/javis run $(ARGS)

# Many tests wait for processes of the bot rather than compute: three workers keep two processors busy.
test: .venv/dev.stamp ## set up and run all tests, with coverage
	$(BIN)/python -m pytest -n $$(($$(getconf _NPROCESSORS_ONLN) * 3 / 2)) --dist worksteal --cov --cov-report=term:skip-covered $(ARGS)

check: .venv/dev.stamp ## lint, format, types, import directions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: .venv/dev.stamp ## mend what lint and format can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/dev.stamp ## measure beside the yardsticks
	$(BIN)/python -m bench

soak: .venv/dev.stamp ## 1,000 messages a second for ten minutes: nothing lost, nothing grows (ARGS="--rate 500 --seconds 60")
	$(BIN)/python -m bench.soak $(ARGS)

torture: .venv/dev.stamp ## kill the bot at random steps, check what people saw (ARGS="--kills 5000 --seed 7", --postgresql URL)
	$(BIN)/python -m tests.torture $(ARGS)

# pip comes last: without it the environment was left half made, and is made again.
.venv/bin/pip:
	$(PYTHON) -m venv .venv

.venv/run.stamp: pyproject.toml constraints.txt | .venv/bin/pip
	@echo "Installing (once) ..."
	$(PIP) install -c constraints.txt -e .
	@touch $@

.venv/dev.stamp: pyproject.toml constraints.txt | .venv/bin/pip
	$(PIP) install -c constraints.txt -e '.[dev]'
	@touch $@ .venv/run.stamp
