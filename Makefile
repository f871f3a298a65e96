# Two commands do everything: `make demo` and `make test`. Both create .venv and install what they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test check install clean

install: $(READY)

$(READY): pyproject.toml constraints.txt tests/install.sh
	PYTHON="$(PYTHON)" VENV="$(VENV)" sh tests/install.sh
	touch $(READY)

demo: $(READY)
	$(BIN)/sluice demo --out demo

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: check
	$(BIN)/pytest -n 2 --dist loadgroup

clean:
	rm -rf $(VENV) demo
