# Every command a contributor needs. Each sets up what it needs in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BENCH_VENV := .venv-bench
BENCH_READY := $(BENCH_VENV)/.ready
# Each worker collects all tests: more of them than cores cost more than they gain.
WORKERS ?= 2
# Notebooks and browsers take a core each, and the engine all.
PAIR ?= 2
PYTEST := $(BIN)/python -m pytest
# The engine takes every core and browsers one each: they run by themselves.
SUITE := tests --ignore=tests/engine --ignore=tests/browser
# Not compiled when installed: most modules of what is installed are never imported.
PIP := -m pip install --quiet --disable-pip-version-check
# Kernels load the package hundreds of times: it is compiled once, come what may.
unexport PYTHONDONTWRITEBYTECODE
# One cache for demo and tests, inside the checkout: an empty HOME is enough.
export STEPMAGIC_CACHE ?= $(CURDIR)/build/cache

# Every output of this notebook is compared, with no key, and no network but loopback.
REPLAYED := notebooks/conversations.ipynb
OFFLINE := env -u OPENROUTER_API_KEY PYTHONPATH=tests/offline

.DEFAULT_GOAL := help
.PHONY: help demo lab test coverage fuzz replay bench screenshots lint types wheel clean

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(READY): pyproject.toml
	@echo "setting up $(VENV) (a minute, the first time)"
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(PIP) --no-compile --editable '.[local,test,dev]'
	@touch $@

$(BENCH_READY): pyproject.toml
	@echo "setting up $(BENCH_VENV) (peers live apart from the tests)"
	@$(PYTHON) -m venv $(BENCH_VENV)
	@$(BENCH_VENV)/bin/python $(PIP) --editable '.[test,bench]'
	@touch $@

demo: $(READY)  ## run the quickstart on the embedded engine, into build/
	@STEPMAGIC_LIVE=on $(BIN)/python notebooks/execute.py notebooks/quickstart.ipynb build/quickstart.ipynb

lab: $(READY)  ## open the notebooks in JupyterLab
	@$(BIN)/jupyter lab notebooks

test: lint types $(READY)  ## run every check: style, types, notebooks, tests
	@command -v chromium >/dev/null || echo "no chromium: the browser tests will be skipped"
	@$(PYTEST) -p nbval --nbval-lax -p no:cacheprovider -n $(PAIR) --dist loadfile notebooks
	@$(OFFLINE) $(PYTEST) -p nbval --nbval -p no:cacheprovider $(REPLAYED)
	@$(PYTEST) $(SUITE) -n $(WORKERS)
	@$(PYTEST) tests/engine
	@$(PYTEST) tests/browser -n $(PAIR)

coverage: $(READY)  ## run the tests under branch coverage, several times as long
	@$(PYTEST) --cov --cov-report= --cov-fail-under=0 $(SUITE) -n $(WORKERS)
	@$(PYTEST) --cov --cov-append --cov-report=term tests/engine tests/browser

fuzz: $(READY)  ## run the property tests on examples of their own, many more
	@HYPOTHESIS_PROFILE=fuzz $(PYTEST) -m hypothesis $(SUITE) -n $(WORKERS)

replay: $(READY)  ## write the outputs of the replayed notebook anew
	@STEPMAGIC_LIVE=off $(OFFLINE) $(BIN)/python notebooks/execute.py $(REPLAYED) $(REPLAYED)

bench: $(BENCH_READY)  ## print ratios against peers; fails when one misses
	@$(BENCH_VENV)/bin/python benchmarks/run.py

screenshots: $(READY)  ## make the README's pictures in docs/ from real runs
	@PYTHONPATH=tests $(BIN)/python -m browser.screenshots docs

lint: $(READY)  ## check style and formatting, and the JavaScript
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@sh tools/check_javascript.sh

types: $(READY)  ## check types
	@$(BIN)/mypy

wheel: $(READY)  ## build the wheel and try it outside the checkout
	@$(BIN)/python -m build --outdir dist .
	@$(BIN)/python tests/try_wheel.py dist

clean:  ## remove everything that was made
	rm -rf $(VENV) $(BENCH_VENV) build dist .coverage .mypy_cache .pytest_cache .ruff_cache
