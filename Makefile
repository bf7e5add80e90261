# The course, by name: `make lab` to take it, `make test` to verify it. `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help lab test run notebooks handout slides site results exercises thorough matrix cost benchmark widgets data judge everywhere orders kills links safety audit mutants mutation-score prose peers proof clean

help:  ## list these commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# Made again only when what is to be installed has changed.
.venv/installed: requirements.txt requirements-site.txt pyproject.toml
	@$(PYTHON) -c 'import sys; (3, 10) <= sys.version_info[:2] <= (3, 13) or sys.exit("Expected Python 3.10 to 3.13, found " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.12 lab")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --requirement requirements.txt
	@touch $@

# In a container one is often root, and JupyterLab wants to be told that this is meant.
lab: .venv/installed  ## open JupyterLab at the notebooks
	$(BIN)/jupyter lab --ServerApp.ip=127.0.0.1 --LabApp.default_url=/lab/tree/notebooks$(if $(filter 0,$(shell id -u)), --allow-root)

test: .venv/installed  ## run every test, and compare every output of every notebook
	$(BIN)/python -m pytest -n 2

run: .venv/installed  ## execute all notebooks and write pages to build/html/
	$(BIN)/python tools/notebooks.py html

notebooks: .venv/installed  ## execute all notebooks and store their outputs
	$(BIN)/python tools/notebooks.py store

handout: .venv/installed  ## make what a class is given, without solutions: build/handout.zip
	$(BIN)/python tools/handout.py

slides: .venv/installed  ## make slides of each notebook, and see that everything fits: build/slides/
	$(BIN)/python tools/slides.py

site: .venv/installed  ## build the course as a site, from the stored outputs: build/site/
	$(BIN)/python tools/site.py

results: .venv/installed  ## run a class's returned notebooks, and write who solved what: SUBMISSIONS=folder
	@test -n "$(SUBMISSIONS)" || { echo "Expected a folder (or zip) of returned notebooks: make results SUBMISSIONS=folder"; exit 2; }
	$(BIN)/python -m tools.results "$(SUBMISSIONS)" $(OPTIONS)

exercises: .venv/installed  ## list the exercises: goals, minutes, difficulty
	$(BIN)/python tools/exercises.py

thorough: .venv/installed  ## throw 2,000 generated answers at the check of each exercise
	GENERATED_ANSWERS=2000 $(BIN)/python -m pytest -q -n 2 --dist load tests/test_exercises.py -k generated

matrix: .venv/installed  ## compare every output under other processors' arithmetic
	$(BIN)/python -m tools.proof.everywhere cpu

cost: .venv/installed  ## measure each notebook: seconds, memory, place on the disk
	$(BIN)/python tools/cost.py

benchmark: .venv/installed  ## time one epoch, ours beside the tutorial's loop and the floor
	$(BIN)/python tools/benchmark.py

widgets: .venv/installed  ## time the answer of every control of every widget
	$(BIN)/python tools/answer_times.py

data: .venv/installed  ## draw the drawn editions of the data again
	$(BIN)/python -m helpers.drawing FashionMNIST
	$(BIN)/python -m helpers.drawing MNIST

judge: .venv/installed  ## train on the drawn editions, judge on the originals (COURSE_MIRROR) and on real handwriting
	$(BIN)/python tools/judge_drawn.py
	$(BIN)/python tools/judge_digits.py

everywhere: .venv/installed  ## prove the notebooks on every Python, processor, path and locale (GROUPS=...: some of it)
	$(BIN)/python -m tools.proof.everywhere $(GROUPS)

orders: .venv/installed  ## prove them in other orders: cells twice, restarted, alone, at once (GROUPS=...: some of it)
	$(BIN)/python -m tools.proof.orders $(GROUPS)

kills: .venv/installed  ## kill what unpacks, downloads and saves at 50 random moments each
	$(BIN)/python -m tools.proof.kills

links: .venv/installed  ## follow the links inside the course, list those outside (OUTSIDE=yes: try these too)
	$(BIN)/python -m tools.proof.links $(if $(OUTSIDE),--outside)

safety: .venv/installed  ## count the attempts to have the course run, write or reveal something
	$(BIN)/python -m tools.proof.safety

audit: .venv/installed  ## look the installed packages up among the known vulnerabilities
	$(BIN)/python -m tools.proof.audit

proof: .venv/installed  ## write PROOF.md from what the commands that prove something have recorded
	$(BIN)/python -m tools.proof.page

mutants: .venv/installed  ## put deliberate faults into a copy of the course: the tests must catch each (WORDS=...: some of them)
	$(BIN)/python -m tools.proof.mutants $(WORDS)

mutation-score: .venv/installed  ## what share of mutmut's small changes to the helpers the tests notice; it takes an hour (WORDS=...)
	$(BIN)/python -m tools.proof.mutation_score $(WORDS)

prose: .venv/installed  ## tie the numbers in the text to the cells that print them, and list those that are not
	$(BIN)/python -m tools.prose
	$(BIN)/python -m tools.proof.figures

peers: .venv/installed  ## time our loop beside Lightning, Ignite, skorch and the tutorial's; writes the README's table
	$(BIN)/python -m tools.proof.peers

clean:  ## remove what was built and unpacked; .venv and data/original stay
	rm -rf build data/drawn/*/raw .pytest_cache .ruff_cache .hypothesis
