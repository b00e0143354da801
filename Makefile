# SPDX-License-Identifier: Apache-2.0
.DEFAULT_GOAL := help
.PHONY: help setup demo test kubernetes lint types contracts check bench scale bench-rivals fuzz soak lock clean
py := .venv/bin/python
JOBS ?= 3# files of tests at a time; most of them wait for servers

help: ## show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## make .venv with the locked packages and .venv/bin/tidegate
	@tools/setup.sh run

setup-dev:
	@tools/setup.sh dev

demo: setup ## one real image through every gate, and back (KEEP=1 leaves the server up)
	@$(py) -m demo $(if $(KEEP),--keep)

test: setup-dev ## all tests; installs the system programs they call when root, and builds those of Go
	@tools/system-packages.sh
	@tools/go-programs.sh
	$(py) -m pytest -q -n $(JOBS) --dist loadfile $(ARGS)

kubernetes: setup-dev ## tests on a real Kubernetes control plane, built once (about 15 minutes; ARGS as for test)
	@tools/kubernetes.sh
	$(py) -m pytest -q $(or $(ARGS),tests/kubernetes)

lint: setup-dev ## ruff, format included
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types: setup-dev ## mypy, strict, over src and tests
	@tools/types.sh

contracts: setup-dev ## imports point down the storeys
	.venv/bin/lint-imports

check: lint types contracts test ## what CI runs

bench: setup-dev ## every figure as a ratio against a reference of the same run (table and .bench/results.json)
	$(py) -m bench

scale: setup-dev ## 100,000 manifests and 1,000,000 blobs beside an empty store (minutes, 8 GB of disk; MANIFESTS=N for less)
	TIDEGATE_TEST_SCALE=$(or $(MANIFESTS),100000) $(py) -m bench scale

bench-rivals: setup-dev ## Syft, osv-scanner and gitleaks beside us over the same images (RIVALS=FOLDER, or on PATH)
	RIVALS=$(RIVALS) $(py) -m bench.rivals

fuzz: setup-dev ## hostile input to every parser for SECONDS each; ONLY and SEED narrow it, failures are kept in tests/fuzz/corpora
	$(py) tests/fuzz/fuzz_run.py --seconds $(or $(SECONDS),60) --seed $(or $(SEED),1) --only '$(or $(ONLY),.*)'

soak: setup-dev ## kill -9 without end amid pushes, deletes and collections, alone and as replicas (MINUTES=10, SEED)
	@tools/go-programs.sh versitygw
	$(py) tests/server/soak.py $(or $(MINUTES),10) $(SEED)

lock: setup-dev ## write requirements/*.txt anew
	requirements/compile.sh

clean: ## remove what this file made
	rm -rf .venv .demo .bench .mypy_cache .ruff_cache .pytest_cache .hypothesis
