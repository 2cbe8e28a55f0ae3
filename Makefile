# make demo   the main job on data_samples/, from documents to an approved call script (SCRIPT_LANGUAGE=en for English)
# make serve  the same product as a web application on 127.0.0.1
# make test   everything quick; make test-all adds the long runs; make check runs linters and types
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
SCRIPT_LANGUAGE ?= zh
WORKERS ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export HF_HUB_DISABLE_TELEMETRY := 1
export GRADIO_ANALYTICS_ENABLED := False

.PHONY: setup demo serve test test-all check browser clean
.DEFAULT_GOAL := demo

setup: $(VENV)/.ready
	@$(PY) -m sandbox base

# torch comes first and by its exact version, so that no other package can pull another build in
$(VENV)/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if (3, 11) <= v < (3, 13) else "需要 Python 3.11 或 3.12 / Python 3.11 or 3.12 is needed, this is %d.%d; set PYTHON=…" % v[:2])'
	@$(PYTHON) -c 'import venv, ensurepip' || { echo "缺少 venv 模块，请安装 / the venv module is missing, install it: apt-get install python3-venv"; exit 1; }
	@echo "安装依赖（首次约需几分钟）/ installing packages (a few minutes the first time) …"
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet "$$(grep -o 'torch==[0-9.]*' pyproject.toml)"
	@$(PY) -m pip install --quiet --editable '.[test]'
	@touch $@

demo:
	@started=$$(date +%s.%N); $(MAKE) --no-print-directory setup && \
	XINYAN_SETUP_STARTED=$$started $(PY) -m assistant demo --language $(SCRIPT_LANGUAGE)

serve: setup
	@$(PY) -m assistant serve

# a file's tests stay in one process, so that what a file sets up is paid once; each process takes about 2 GB
test: setup browser
	@$(PY) -m pytest -q -m "not long and not gpu" -n $(WORKERS) --dist loadfile --no-loadscope-reorder

# the long runs use every core themselves and come one by one
test-all: test
	@$(PY) -m pytest -q -m "long and not gpu"

check: $(VENV)/.ready
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(VENV)/bin/pyright

# the browser test drives a system Chromium; Chinese fonts make its screenshots readable
browser:
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || { \
	  if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	    echo "安装 Chromium（仅测试使用）/ installing Chromium, for the tests only …"; \
	    apt-get update -qq && apt-get install -y -qq chromium fonts-noto-cjk >/dev/null; \
	  else echo "测试需要 Chromium / the tests need Chromium: sudo apt-get install chromium fonts-noto-cjk"; exit 1; fi; }

clean:
	rm -rf $(VENV) var
