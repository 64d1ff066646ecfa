# Banyan: set-up, running and tests. Everything lands in .venv, .data and frontend/node_modules.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup run test test-all lint lock clean

# Releases younger than three weeks wait.
LOCK_BEFORE ?= $(shell date -u -d '21 days ago' +%F)
COMPILE = .venv/bin/uv pip compile --quiet --generate-hashes --no-emit-index-url --universal \
	--python-version 3.11 --exclude-newer $(LOCK_BEFORE) --custom-compile-command 'make lock'

help: ## say what can be made
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: ## install what running needs
	@scripts/setup run

run: ## set up what is missing, then start everything; Ctrl-C ends it
	@scripts/setup run
	@exec .venv/bin/banyan up

test: ## install what the tests need and run them
	@scripts/setup test
	@scripts/test $(TESTS)

test-all: ## the tests with the slow ones, those with partners and the long ones
	@BANYAN_TEST_ALL=1 scripts/setup test
	@BANYAN_TEST_ALL=1 scripts/test $(TESTS)

lint: ## check the form of the code
	@scripts/setup test
	.venv/bin/ruff check .

lock: ## choose package versions anew and lock them with hashes
	@scripts/setup run
	$(COMPILE) requirements/uv.in -o requirements/uv.lock
	$(COMPILE) requirements/node.in -o requirements/node.lock
	$(COMPILE) requirements/tryton.in -o requirements/tryton.lock
	$(COMPILE) requirements/s3.in -o requirements/s3.lock
	$(COMPILE) $(UPGRADE) requirements/base.in -o requirements/base.lock
	$(COMPILE) $(UPGRADE) -c requirements/base.lock requirements/test.in -o requirements/test.lock

clean: ## remove what set-up made; data stays
	rm -rf .venv frontend/node_modules
