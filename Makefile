# The front door. Every target works on a fresh machine: what it needs is set up first.
SHELL := /bin/bash
PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BENCH_VENV := .venv-bench
BIN := $(VENV)/bin
STAMP := $(VENV)/.stamps
DEMO_STUDY ?= demo-study
DEMO_OUT ?= demo-out

.DEFAULT_GOAL := help
.PHONY: help lock setup demo demo-build test check fix audit bench bundle fuzz soak clean

help: ## show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP)/python $(STAMP)/assets $(STAMP)/font $(STAMP)/kernels ## install the locked Python environment and the browser libraries

$(STAMP)/venv:
	@scripts/make-venv "$(PYTHON)" "$(VENV)"
	@mkdir -p $(STAMP) && touch $@

$(STAMP)/python: $(STAMP)/venv requirements.lock pyproject.toml
	@echo "安装 Python 依赖 …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(STAMP)/assets: $(STAMP)/python package.json package-lock.json scripts/install-assets
	@echo "安装浏览器资源 …"
	@scripts/install-assets "$(BIN)/python"
	@touch $@

# kept beside the sources: the first run need not wait for it
$(STAMP)/kernels: $(STAMP)/python scripts/compile-kernels $(wildcard coverage/yikezhong_coverage/*.py)
	@echo "编译计算内核 …"
	@scripts/compile-kernels "$(BIN)"
	@touch $@

# said, not demanded: until there is a font it is said again
$(STAMP)/font: $(STAMP)/python scripts/check-font
	@! scripts/check-font "$(BIN)/python" || touch $@

$(STAMP)/bench: $(STAMP)/python scripts/make-bench-venv benchmarks/requirements-peers.txt
	@echo "安装性能对比环境 …"
	@scripts/make-bench-venv "$(VENV)" "$(BENCH_VENV)" benchmarks/requirements-peers.txt
	@touch $@

$(STAMP)/browser: scripts/install-browser | $(STAMP)/venv
	@scripts/install-browser
	@touch $@

$(STAMP)/office: scripts/install-office | $(STAMP)/venv
	@scripts/install-office
	@touch $@

demo: setup ## build the demonstration study, run it and serve the maps (PORT=8000)
	@$(MAKE) --no-print-directory demo-build
	@$(BIN)/yikezhong serve $(DEMO_OUT) --port $(PORT)

demo-build: setup ## build and run the demonstration study without serving it
	@$(BIN)/yikezhong demo $(DEMO_STUDY)
	@$(BIN)/yikezhong run $(DEMO_STUDY) --out $(DEMO_OUT)

# without a server its tests skip and say so
$(STAMP)/postgis: scripts/install-postgis | $(STAMP)/venv
	@! scripts/install-postgis || touch $@

test: setup $(STAMP)/browser $(STAMP)/postgis ## run all tests
	@$(BIN)/python -m pytest

check: setup ## lint, format, types, layers, known advisories
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python scripts/audit

fix: setup ## let ruff mend what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: setup $(STAMP)/bench ## run the benchmarks and print their tables (BENCH="--only q1")
	@$(BENCH_VENV)/bin/python -m benchmarks $(BENCH)

bundle: setup ## one archive in dist/ that installs on a closed network
	@$(BIN)/python scripts/make_bundle.py

fuzz: setup ## fuzz the loaders for FUZZ_SECONDS (1800), findings in fuzz-findings/
	@$(BIN)/python tests/fuzz

audit: setup ## compare the dependencies with an advisory database as well (internet)
	@$(BIN)/python scripts/audit --online

soak: setup $(STAMP)/browser $(STAMP)/office $(STAMP)/postgis ## the long form of the tests
	@YIKEZHONG_SOAK=1 $(BIN)/python -m pytest --timeout=0

lock: $(STAMP)/venv ## resolve requirements.lock again from pyproject.toml
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-header --all-extras --group dev pyproject.toml -o requirements.lock

clean: ## remove what the other targets made
	rm -rf $(VENV) $(BENCH_VENV) node_modules app/yikezhong_app/static/lib $(DEMO_STUDY) $(DEMO_OUT)
