# The few commands. Everything is installed into .venv and target/; nothing outside this folder is touched.
# The first that runs and is new enough: a name on PATH may be a shim for a version that is not there.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && command -v $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
PIP := $(if $(UV),$(UV) pip install --quiet --python $(BIN)/python,$(BIN)/python -m pip install --quiet --disable-pip-version-check)
MUSIC ?=
SOURCES := Cargo.toml Cargo.lock pyproject.toml $(shell find rust -name '*.rs' -o -name Cargo.toml)

.PHONY: demo test lint bench docs build clean
.DEFAULT_GOAL := help

help:
	@echo 'make demo                   set everything up and find neighbours in a small synthesised library'
	@echo 'make demo MUSIC=/my/music   the same with your own files'
	@echo 'make test                   set everything up and run all tests, Rust and Python'
	@echo 'make lint | bench | docs    style and types | speed against named peers | the reference as HTML'

demo: $(VENV)/.built
	@$(BIN)/orpheus demo $(if $(MUSIC),--music "$(MUSIC)")

test: $(VENV)/.built $(VENV)/.test
	cargo test --workspace --quiet
	$(BIN)/python -m pytest --quiet
	$(BIN)/python -m pytest --quiet --doctest-modules --pyargs orpheus_fast

lint: $(VENV)/.built $(VENV)/.test $(VENV)/.lint
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --quiet -- -D warnings
	$(BIN)/ruff check python tests benches tools examples docs conftest.py
	$(BIN)/ruff format --check python tests benches tools examples docs conftest.py
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest orpheus_fast._native

bench: $(VENV)/.built $(VENV)/.test $(VENV)/.bench
	cargo bench --workspace --quiet
	$(BIN)/python -m pytest benches --benchmark-only --quiet
	$(BIN)/python benches/index_against_librosa.py
	$(BIN)/python benches/sound_against_librosa.py
	$(BIN)/python benches/features_against_librosa.py
	$(BIN)/python benches/resample_against_peers.py
	$(BIN)/python benches/decode_against_peers.py
	$(BIN)/python benches/loader_against_peers.py
	$(BIN)/python benches/tempo_and_key.py
	$(BIN)/python benches/front_ends_against_references.py

docs: $(VENV)/.built
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --quiet
	@echo 'reference: target/doc/orpheus_audio/index.html; guides: docs/'

build: $(VENV)/.built

$(BIN)/python:
	@command -v cargo >/dev/null || { echo 'cargo not found: install a Rust toolchain (1.89 or newer) from https://rustup.rs'; exit 1; }
	@test -n "$(PYTHON)" && "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'Python 3.11 or newer not found: install it, or name it with make PYTHON=/path/to/python'; exit 1; }
	$(if $(UV),$(UV) venv --quiet --python "$(PYTHON)" $(VENV),"$(PYTHON)" -m venv $(VENV))
	$(if $(UV),,$(PIP) --upgrade 'pip>=25.1')

$(VENV)/.built: $(BIN)/python $(SOURCES)
	@test -x $(BIN)/maturin || $(PIP) 'maturin>=1.9,<2'
	@echo 'building (a few minutes the first time) ...'
	VIRTUAL_ENV=$(abspath $(VENV)) $(BIN)/maturin develop --release --quiet $(if $(UV),--uv)
	@touch $@

$(VENV)/.test: $(BIN)/python pyproject.toml
	$(PIP) --group test
	@touch $@

$(VENV)/.bench: $(BIN)/python pyproject.toml
	$(PIP) --group bench
	@touch $@

$(VENV)/.lint: $(BIN)/python pyproject.toml
	$(PIP) --group lint
	@touch $@

clean:
	rm -rf $(VENV) target
