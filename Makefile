# 两网 liangwang · `make` 或 `make help` 列出全部命令 · `make` or `make help` lists every command
.DEFAULT_GOAL := help
.PHONY: help run test test-all check bench docs setup

PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
ifeq ($(PYTHON),)
$(error 需要 Python 3.11 或更新版本 · Python 3.11 or newer is needed: install it, or say PYTHON=/path/to/python3)
endif
PY := .venv/bin/python
SETUP := $(PYTHON) scripts/setup.py
# A process starts in 3 s with its bytecode beside the sources and in 7 s without: keep it, whatever the machine's habit.
export PYTHONDONTWRITEBYTECODE :=

help: ## 列出命令 · list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## 安装、载入演示城市、启动(PORT= DATA=) · set up, load the demo city on first use, start
	@$(SETUP) run && exec $(PY) -m liangwang run

test: ## 测试(≤ 8 分钟，含两种数据库与短断电测试) · the tests, both databases and a short kill test included
	@$(SETUP) test && $(PY) scripts/test.py

test-all: ## 全部测试，含慢的与扩展(broker、Spark) · every test, the slow ones and the extras too
	@$(SETUP) test-all && $(PY) scripts/test.py --all

check: ## 格式、类型、层次、应用声明、文档(< 1 分钟) · format, types, contracts, packs, docs
	@$(SETUP) check && $(PY) scripts/check.py

bench: ## 性能测试(NAME=house 只跑一项) · the benchmarks, each beside its baseline
	@$(SETUP) bench && $(PY) -m liangwang bench $(or $(NAME),all)

docs: ## 重做文档中的清单与截图 · remake the generated parts of the docs and the screenshots
	@$(SETUP) test && $(PY) scripts/docs.py

setup: ## 只安装，不启动 · set up only
	@$(SETUP) run
