# `make lab` to take the course, `make test` to verify it. Without make, README has the commands.
PYTHON ?= python3
BIN := .venv/bin
ROOT := $(if $(filter 0,$(shell id -u)),--allow-root) # in a container you are often root, and JupyterLab asks whether that is meant

.DEFAULT_GOAL := help
.PHONY: help lab test notebooks handout slides site class clean

help:  ## list these commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# Installed again only when what is to be installed has changed.
.venv/lab: requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable .
	$(BIN)/jupyter labextension disable "@jupyterlab/apputils-extension:announcements"
	@touch $@

.venv/test: .venv/lab
	$(BIN)/python -m pip install --quiet --editable ".[test]"
	@touch $@

lab: .venv/lab  ## open JupyterLab at the notebooks
	$(BIN)/jupyter lab --ServerApp.ip=127.0.0.1 --LabApp.default_url=/lab/tree/notebooks $(ROOT)

test: .venv/test  ## run every test, and compare every output of every notebook
	$(BIN)/python -m pytest -n 2

notebooks: .venv/test  ## execute all notebooks and store their outputs
	$(BIN)/python -m tools.notebooks store

handout: .venv/test  ## make what a class gets, without solutions: build/handout.zip
	$(BIN)/python -m tools.handout

slides: .venv/test  ## make slides of each notebook: build/slides/
	$(BIN)/python -m tools.slides

site: .venv/test  ## build the course as a site, from the stored outputs: build/site/
	$(BIN)/python -m sphinx -q -W -b html -d build/doctrees -c docs . build/site && echo Open build/site/index.html

class: .venv/test  ## make nbgrader's assignments of all notebooks, or of one (WEEK=4): build/class/
	$(BIN)/python -m tools.classroom release $(WEEK)

clean:  ## remove what was built and unpacked; .venv and data/original stay
	rm -rf build data/drawn/*/raw .pytest_cache .ruff_cache .hypothesis
