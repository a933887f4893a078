# Two commands matter: `make reports` does the main job, `make test` proves it, and `make test-all`
# proves it at length. Each sets up .venv by itself; Python 3.11 or newer and make are all they ask for.

VENV    := .venv
BIN     := $(VENV)/bin
PIP     := $(BIN)/python -m pip --disable-pip-version-check --no-input
PYTHONS := python3.13 python3.12 python3.11 python3.14 python3 python
STUDY   := data/bolton_demo
OUT     := reports/rendered
NEEDS   := pyproject.toml constraints.txt setup.py

.DEFAULT_GOAL := help
.PHONY: help setup reports test test-all lab check clean

help:
	@echo "make reports   reports for Hall i' th' Wood and the most deprived tenth of small areas"
	@echo "make test      the tests, and every notebook from top to bottom"
	@echo "make test-all  the same and the slow tests: every crash point, attack, real study and kernel"
	@echo "make lab       JupyterLab on the notebooks"
	@echo "make setup     only what the others do first: install into $(VENV)"
	@echo "make check     what the pre-commit hooks check: lint, format, stripped notebooks"
	@echo "make clean     remove $(VENV), the rendered reports and caches"

setup: $(VENV)/ready

reports: $(VENV)/ready
	$(BIN)/lsp-analysis reports $(STUDY) --areas "Hall i' th' Wood" --decile 1 --out $(OUT)

# Two workers of one thread each: more threads wait for each other.
test test-all: export OMP_NUM_THREADS = 1

test: $(VENV)/ready-to-test
	$(BIN)/pytest -m "not slow" -n 2 --dist loadfile --no-loadscope-reorder tests

test-all: $(VENV)/ready-to-test
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --nbval-lax --nbval-kernel-startup-timeout 600 tests notebooks

lab: $(VENV)/ready
	$(BIN)/jupyter lab notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

check: $(VENV)/ready-to-test
	PATH="$(CURDIR)/$(BIN):$$PATH" pre-commit run --all-files

clean:
	rm -rf $(VENV) $(OUT) build/lib build/bdist.* dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

$(VENV)/ready: $(NEEDS)
	@echo "Setting up $(VENV): a minute or two, once."
	@for python in $(or $(PYTHON),$(PYTHONS)); do \
	  if $$python -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	  then exec $$python -m venv $(VENV); fi; \
	done; \
	echo "No Python 3.11 or newer with venv was found. Install one (on Debian and Ubuntu" >&2; \
	echo "python3-venv as well), or name yours: make PYTHON=/path/to/python3 $(MAKECMDGOALS)" >&2; \
	exit 1
	$(PIP) install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/ready-to-test: $(VENV)/ready
	$(PIP) install --quiet --constraint constraints.txt --editable '.[test,batch,space,pdf,rollout,oracles,browser]'
	@touch $@
