# The course, by name: `make lab` to take it, `make test` to verify it. `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help lab test run notebooks matrix benchmark data judge clean

help:  ## list these commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# Made again only when what is to be installed has changed.
.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; (3, 10) <= sys.version_info[:2] <= (3, 13) or sys.exit("Expected Python 3.10 to 3.13, found " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12 lab")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --requirement requirements.txt
	@touch $@

lab: .venv/installed  ## open JupyterLab at the notebooks
	$(BIN)/jupyter lab --ServerApp.ip=127.0.0.1 --LabApp.default_url=/lab/tree/notebooks

test: .venv/installed  ## run every test, and compare every output of every notebook
	$(BIN)/python -m pytest -n 2

run: .venv/installed  ## execute all notebooks and write pages to build/html/
	$(BIN)/python tools/notebooks.py html

notebooks: .venv/installed  ## execute all notebooks and store their outputs
	$(BIN)/python tools/notebooks.py store

matrix: .venv/installed  ## compare every output under other processors' arithmetic
	$(BIN)/python tools/cpu_matrix.py

benchmark: .venv/installed  ## time one epoch, ours beside the tutorial's loop and the floor
	$(BIN)/python tools/benchmark.py

data: .venv/installed  ## draw the drawn edition of the data again
	$(BIN)/python -m helpers.drawing FashionMNIST

judge: .venv/installed  ## train on the drawn edition, judge on the photographs (COURSE_MIRROR)
	$(BIN)/python tools/judge_drawn.py

clean:  ## remove what was built and unpacked; .venv and data/original stay
	rm -rf build data/drawn/*/raw .pytest_cache .ruff_cache
