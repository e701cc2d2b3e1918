# renewd: every target prepares .venv by itself; a bare checkout needs python3, pip and make.
.DEFAULT_GOAL := help
.PHONY: help setup demo run test test-systemd test-packages check bench bench-peers simulate reference doc deb release lock clean

BIN    := .venv/bin
CONFIG ?= config/renewd.yaml
# Twice the processors: many tests wait for processes, and not for one.
JOBS   ?= $(shell echo $$(( 2 * $$(getconf _NPROCESSORS_ONLN) )))
SEEDS  ?= 1000
# Of Debian, from its packages; "here" is this machine's own systemd.
RELEASES ?= bookworm trixie

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:
	@.ci/setup

demo: setup ## watch a month of renewals in seconds, against the embedded sandbox
	@$(BIN)/renewd demo

run: setup ## check CONFIG (config/renewd.yaml), then run the daemon in the foreground
	@$(BIN)/renewd check --config $(CONFIG)
	@$(BIN)/renewd run --config $(CONFIG)

test: setup ## run every test; JOBS=0 for one process, ARGS="-k word" for some
	@$(BIN)/python -m pytest -n $(JOBS) $(ARGS)

test-systemd: setup ## boot the units under a real systemd: as root, with systemd-container and mmdebstrap; RELEASES=trixie
	@RENEWD_SYSTEMD="$(RELEASES)" $(BIN)/python -m pytest tests/systemd $(ARGS)

test-packages: setup .venv-release/made ## build the packages, and install, upgrade and purge one
	@RENEWD_PACKAGES=1 $(BIN)/python -m pytest tests/packaging $(ARGS)

check: setup ## format, lint, types and the rules of the house
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/ruff check --quiet
	@$(BIN)/mypy
	@$(BIN)/python -m pytest --quiet tests/test_house.py

bench: setup ## measure scan, claim and renewal
	@$(BIN)/python -m tests.benchmarks $(ARGS)

bench-peers: setup ## make the same renewals with Procrastinate, Dramatiq, Celery and DBOS
	@$(MAKE) --silent .venv-peers/made || echo "bench-peers: .venv-peers could not be made" >&2
	@$(BIN)/python -m tests.benchmarks.peers $(ARGS)

.venv-peers/made: tests/benchmarks/peers/requirements.lock
.venv-release/made: release/requirements.lock
.venv-peers/made .venv-release/made:
	@echo "$(MAKECMDGOALS): making $(@D), a minute at most ..." >&2
	@rm -rf $(@D)
	@$(BIN)/python -m venv --without-pip $(@D)
	@$(BIN)/python -m pip --python $(@D)/bin/python install -qq --disable-pip-version-check \
		--require-hashes --requirement $<
	@touch $@

simulate: setup ## run SEEDS=1000 random lives with a crash at every seam
	@$(BIN)/python -m tests.simulation --seeds $(SEEDS) $(ARGS)

reference: setup ## write docs/configuration.md and the JSON Schemas anew, from the models
	@$(BIN)/renewd config schema renewd > config/renewd.schema.json
	@$(BIN)/renewd config schema policy > config/policy.schema.json
	@$(BIN)/renewd config reference > docs/configuration.md

doc: setup ## write the manual pages and the completions into build/doc
	@release/make doc

deb: setup .venv-release/made ## write the Debian package into dist/
	@release/make deb

release: setup .venv-release/made ## write wheel, sdist, Debian package, SBOM and checksums into dist/
	@release/make release

lock: setup ## pin what pyproject.toml asks for; ARGS=--upgrade moves to the newest
	@.ci/lock $(ARGS)

clean: ## remove .venv and everything that was made
	@rm -rf .venv .venv-peers .venv-release .hypothesis .mypy_cache .pytest_cache .ruff_cache build dist
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
