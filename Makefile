# Everything a newcomer needs: `make demo`, `make test`. PYTHON chooses the interpreter.
PYTHON ?= python3
VENV ?= .venv
PY := $(VENV)/bin/python
# Processes that tests are shared out to, file by file; each takes up to 2 GB of memory.
WORKERS ?= 2
PYTEST := $(PY) -m pytest --numprocesses=$(WORKERS) --dist=loadfile --no-loadscope-reorder

.PHONY: demo web test test-fast lint bench docs notebook clean

$(VENV)/installed: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --upgrade pip
	$(PY) -m pip install --quiet -r requirements.txt
	touch $@

$(VENV)/installed-dev: $(VENV)/installed setup.cfg
	$(PY) -m pip install --quiet -e ".[dev]"
	touch $@

demo: $(VENV)/installed  ## style photos and train a style for a minute; ends with one page
	$(PY) -m animegan_tf demo

$(VENV)/installed-onnx: $(VENV)/installed setup.cfg
	$(PY) -m pip install --quiet -e ".[onnx]"
	touch $@

web: $(VENV)/installed-onnx web/node_modules/.package-lock.json  ## a browser page with the shipped styles, on http://127.0.0.1:8000
	$(PY) -m animegan_tf web --serve

web/node_modules/.package-lock.json: web/package-lock.json
	cd web && npm ci --ignore-scripts --no-audit --no-fund

test: $(VENV)/installed  ## the whole test suite
	$(PYTEST)

test-fast: $(VENV)/installed  ## without the full-size tests
	$(PYTEST) -m "not slow"

lint: $(VENV)/installed-dev  ## ruff and mypy
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy

bench: $(VENV)/installed  ## ratios of speed and memory into benchmarks/results.md; rivals: benchmarks/requirements.txt
	$(PY) benchmarks/run.py

docs: $(VENV)/installed  ## renew docs/flags.md from the code, and the cards in docs/styles.md
	PYTHONPATH=. $(PY) tools/flag_tables.py
	PYTHONPATH=. $(PY) tools/style_cards.py

notebook: $(VENV)/installed-dev  ## run notebooks/animegan.ipynb from start to end, in miniature
	$(PY) tools/run_notebook.py

clean:  ## remove the demo and the virtual environment; runs/ and exports/ stay
	rm -rf demo $(VENV)
