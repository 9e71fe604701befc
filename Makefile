# make book · make test · make test-browser · make lab · make clean. Each makes .venv itself, and does no step twice when nothing changed.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help install book test test-browser chromium lab clean i18n-check i18n-update

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Two processes with two threads each would starve one another.
TEST_ENV := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false
CANDIDATES := $(PYTHON) python3.11 python3.12 python3.13 python3 python

help:  ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /make \1: /p' $(firstword $(MAKEFILE_LIST))

install: $(STAMP)  ## make .venv only: the command line, exercises and JupyterLab work without the built book

book: $(STAMP)  ## build the course into _build/html (changed chapters run again)
	@OPENBLAS_NUM_THREADS=1 GOMP_SPINCOUNT=1000 TOKENIZERS_PARALLELISM=false $(BIN)/python -m course_lib.publishing.build $(BOOK_OPTIONS)

test: $(STAMP)  ## run all tests that need no built site and no browser, with coverage
	@$(TEST_ENV) $(BIN)/python -m pytest -n 2 -m "not site and not browser" --cov --cov-report=term $(TEST_OPTIONS)

test-browser: chromium book  ## try the built site in a browser: axe, keyboard, phone, search, demos, JupyterLab
	@OMP_NUM_THREADS=1 COURSE_REQUIRE_BROWSER=1 $(BIN)/python -m pytest -q -n 2 -m "site or browser" $(TEST_OPTIONS)
	@echo "A picture of every page is in _build/screenshots"

chromium:
	@if command -v chromium || command -v chromium-browser || command -v google-chrome; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk; \
	else echo "error: no Chromium found. Install it (Debian: apt install chromium fonts-noto-cjk)" >&2; exit 2; fi >/dev/null

i18n-check: $(STAMP)  ## is the Chinese edition whole and up to date? (per page; fails where a promised page is not)
	@$(BIN)/python -m course_lib.publishing.i18n check

i18n-update: $(STAMP)  ## bring the translators' files in book/locale up to the English text
	@$(BIN)/python -m course_lib.publishing.i18n update

lab: $(STAMP)  ## open JupyterLab: the map as its first page, chapters as notebooks, exercises beside them
	@GOMP_SPINCOUNT=1000 $(BIN)/python -m course_lib.publishing.lab $(LAB_OPTIONS)

clean:  ## remove what was built (.venv stays; remove it by hand to install afresh)
	rm -rf _build .pytest_cache .hypothesis .import_linter_cache .coverage .coverage.*
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# The stamp is written last: an interrupted installation is done again.
$(STAMP): requirements.txt pyproject.toml
	@rm -f $@
	@found=; for python in $(CANDIDATES); do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -x $(BIN)/python ] && $(BIN)/python -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then :; \
	elif [ -z "$$found" ]; then \
	  echo "error: no Python 3.11 or newer found. Install one, or name it: make $(or $(MAKECMDGOALS),book) PYTHON=/path/to/python3" >&2; exit 2; \
	elif ! "$$found" -c 'import venv, ensurepip' 2>/dev/null; then \
	  echo "error: $$found lacks the venv module. Install it (Debian: apt install python3-venv), or name another Python by PYTHON=" >&2; exit 2; \
	else echo "making $(VENV) with $$found"; rm -rf $(VENV); "$$found" -m venv $(VENV); fi
	@echo "installing the lock file requirements.txt (a few minutes the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@
