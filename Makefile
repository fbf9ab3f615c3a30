# Everything a newcomer needs: `make demo`, `make test`. PYTHON chooses the interpreter.
PYTHON ?= python3
VENV ?= .venv
PY := $(VENV)/bin/python

.PHONY: demo test test-fast bench readme clean

$(VENV)/installed: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --upgrade pip
	$(PY) -m pip install --quiet -r requirements.txt
	touch $@

demo: $(VENV)/installed  ## train the demo style for a few minutes and stylize its photos
	$(PY) train.py --style demo --run_dir demo/run $$(test -e demo/run/config.json && echo --resume)
	$(PY) infer.py --model demo/run --compare --overwrite --output demo/results demo/data/val
	@echo
	@echo "Your pictures: demo/results (photo left, anime right)"
	@echo "How training went: demo/run/samples/index.html, demo/run/losses.png"

test: $(VENV)/installed  ## the whole test suite
	$(PY) -m pytest

test-fast: $(VENV)/installed  ## without the full-size tests
	$(PY) -m pytest -m "not slow"

bench: $(VENV)/installed  ## ratios of speed and memory into benchmarks/results.md; rivals: benchmarks/requirements.txt
	$(PY) benchmarks/run.py

readme: $(VENV)/installed  ## renew the flag tables of README.md from the code's help
	$(PY) tools/flag_tables.py

clean:  ## remove the demo and the virtual environment; runs/ and exports/ stay
	rm -rf demo $(VENV)
