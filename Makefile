PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: run demo test lint bench gpu cuda12 cuda13 clean

run: $(INSTALLED)
	@$(BIN)/labtui

demo: $(INSTALLED)
	@$(BIN)/labtui demo

test: $(INSTALLED)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(INSTALLED)
	@for script in lab1 formats throughput variants graph search ui_latency growth growth_models; do $(BIN)/python -m benchmarks.$$script || exit 1; done

# What a GPU gives: correctness and speed, in gpu-report.md and gpu-report.json; small on the CPU where there is none.
gpu: $(INSTALLED)
	$(BIN)/python -m benchmarks.gpu

# torch comes first and alone: on a machine with a CPU build at hand, its pin must not be replaced by what another package asks for.
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "labtui needs Python 3.11 or newer: make PYTHON=python3.12 run")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	$(BIN)/python -m compileall -q cuda_kernels engine tui_app
	@touch $@

# MXINT8's kernels for NVIDIA GPUs; cuda12 for a driver older than 580.
cuda12 cuda13: $(INSTALLED)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,$@]'

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
