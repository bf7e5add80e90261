# `make lab` to take the course. Without make, README has the commands.
PYTHON ?= python3
BIN := .venv/bin
ROOT := $(if $(filter 0,$(shell id -u)),--allow-root) # in a container you are often root, and JupyterLab asks whether that is meant

.DEFAULT_GOAL := help
.PHONY: help lab

help:  ## list these commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

lab: .venv/lab  ## open JupyterLab at the notebooks
	$(BIN)/jupyter lab --ServerApp.ip=127.0.0.1 --LabApp.default_url=/lab/tree/notebooks $(ROOT)

# Installed again only when what is to be installed has changed.
# Installed again, too, when the folder was moved or renamed: the programs in .venv hold its old path.
MOVED := $(shell test -f .venv/lab && test "$$(cat .venv/lab)" != "$(CURDIR)" && echo yes)
ifdef MOVED
.PHONY: .venv/lab
endif

.venv/lab: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(if $(MOVED),--clear) .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable .
	$(BIN)/jupyter labextension disable "@jupyterlab/apputils-extension:announcements"
	@echo "$(CURDIR)" > $@

# Not in the handout, which gets the lines above:
.PHONY: test notebooks handout slides site class clean

.venv/test: .venv/lab
	$(BIN)/python -m pip install --quiet --editable ".[test]"
	@touch $@

test: .venv/test  ## run every test, and compare every output of every notebook
	$(BIN)/python -m pytest -n 2

notebooks: .venv/test  ## execute all notebooks and store their outputs
	$(BIN)/python -m tools.notebooks store

handout: .venv/test  ## make what a class gets, without solutions, all or WEEK=4: build/handout.zip
	$(BIN)/python -m tools.handout --weeks $(WEEK) --hand-in "$$HAND_IN"

slides: .venv/test  ## make slides of each notebook (PDF=yes, ANSWERS=yes): build/slides/
	$(BIN)/python -m tools.slides $(if $(ANSWERS),--answers) $(if $(PDF),--pdf)

SITE := build/site$(if $(STUDENT),-student)
site: .venv/test  ## build the course as a site; STUDENT=yes has no solutions: build/site/
	COURSE_STUDENT=$(STUDENT) $(BIN)/python -m sphinx -q -W -b html -d $(SITE).doctrees -c docs . $(SITE) && echo Open $(SITE)/index.html

class: .venv/test  ## make nbgrader's assignments of all notebooks, or of one (WEEK=4): build/class/
	$(BIN)/python -m tools.classroom release $(WEEK)

clean:  ## remove what was built and unpacked; .venv and data/original stay
	rm -rf build data/drawn/*/raw .pytest_cache .ruff_cache .hypothesis
