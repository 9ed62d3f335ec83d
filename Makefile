# Every job of this project is one word. `make` or `make help` lists them.
SHELL := /bin/sh
.DEFAULT_GOAL := help
UV_VERSION := 0.13.9
PYTHON ?= python3
UV := .uv/bin/uv
BIN := .venv/bin
PACKAGES := api commitments runtime scheduling schemas storage sync
LOCK := $(UV) pip compile -q --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml
export UV_PYTHON_DOWNLOADS := never

SCHEDULES ?= 10000
KILLS ?= 60
EXAMPLES ?= 2000
PREMISES ?= 100000
WEB_SOURCES := $(shell find web -name node_modules -prune -o -type f ! -name .check.log -print)

.PHONY: help setup web faces web-check types browser e2e smoke screenshots run test check lock fmt demo sim sim-pg sim-planted crash year fuzz check-plans bench-plan bench-commitments bench-sync bench-load bench-live bench-scale bench-roads bench-import clean

help: ## what there is
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 22

setup: .venv/.ready ## everything that the other words need; leaves .venv/bin/doorstep

KERNEL := $(wildcard scheduling/kernel*.py)

.venv/.ready: requirements.lock pyproject.toml $(KERNEL)
	@test -x $(UV) || { echo "bootstrapping uv"; $(PYTHON) -m venv .uv && .uv/bin/pip install -q uv==$(UV_VERSION); }
	@test -x $(BIN)/python || $(UV) venv -q .venv --python $(PYTHON)
	@echo "installing packages"
	@$(UV) pip sync -q --python $(BIN)/python --require-hashes requirements.lock
	@$(UV) pip install -q --python $(BIN)/python --no-deps -e .
	@echo "compiling the planning kernel"
	@# a cached function does not notice that one it calls in another file has changed
	@rm -f scheduling/__pycache__/kernel*.nb?
	@$(BIN)/python -c "from scheduling.solver import warm; warm()"
	@touch $@

web: ## the faces, built into the package; needs Node 20.19 or newer
	@command -v npm >/dev/null || { echo "Node.js 20.19 or newer is needed (Debian: apt-get install nodejs npm)"; exit 1; }
	@$(MAKE) -s web/node_modules/.built

# as `web`, but a machine without Node serves the API all the same
faces:
	@if command -v npm >/dev/null; then $(MAKE) -s web; else echo "Node is missing: no faces; install Node 20.19 or newer, then: make web"; fi

web/node_modules/.ready: web/package-lock.json
	@echo "installing packages of the faces"
	@cd web && npm ci --silent --no-fund --no-audit && touch node_modules/.ready

web/node_modules/.built: web/node_modules/.ready $(WEB_SOURCES)
	@echo "building the faces"
	@cd web && npx vite build --logLevel warn && touch node_modules/.built

web-check: web/node_modules/.ready ## types against the interface, svelte-check, unit tests of the faces
	@cd web && npm run -s types:check >/dev/null || { echo "web/src/shared/api/types.ts is behind web/openapi.json: make types"; exit 1; }
	@cd web && npm run -s check >.check.log || { cat .check.log; exit 1; }
	@cd web && npm run -s test >.check.log || { cat .check.log; exit 1; }

types: setup web/node_modules/.ready ## web/openapi.json and the typed client, after a change of routes
	@$(BIN)/doorstep openapi >web/openapi.json
	@cd web && npm run -s types >/dev/null

run: setup faces ## database, sample region, plan of the day, API and worker; Ctrl-C stops everything
	@$(BIN)/doorstep run

test: setup ## every test; says aloud what was skipped and why
	@$(BIN)/python -m pytest -n 2 -q -rs tests --ignore tests/e2e

check: setup ## format, lint, types, import contract, security, Dockerfile
	@$(BIN)/ruff format --check -q $(PACKAGES) tests bench
	@$(BIN)/ruff check -q $(PACKAGES) tests bench
	@$(BIN)/mypy --strict $(PACKAGES)
	@$(BIN)/lint-imports --no-cache
	@# it warns once for every part of a statement whose mark it needed for another part; needless
	@# marks are found by tests/tidy
	@$(BIN)/bandit -q -c pyproject.toml -r $(PACKAGES) >.bandit.log 2>&1 || { cat .bandit.log; exit 1; }
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/python -m pytest -q -n 0 tests/tidy
	@if command -v npm >/dev/null; then $(MAKE) -s web-check; else echo "Node is missing: the faces were not checked"; fi
	@echo '{"findings": 0}'

browser: # Debian's Chromium and Chinese fonts, where they are missing and can be had
	@sh tests/e2e/browser.sh

e2e: setup web browser ## the faces in a real Chromium; prints the figures of the targets
	@$(BIN)/python -m pytest -q -rs -n 0 -s tests/e2e

smoke: setup web browser ## the part of it that CI runs
	@$(BIN)/python -m pytest -q -rs -n 0 -s -m smoke tests/e2e

screenshots: setup web browser ## the pages in both languages and two sizes, into .state/screenshots
	@SCREENSHOTS=.state/screenshots $(BIN)/python -m pytest -q -rs -n 0 tests/e2e -k 'pages or crew'

lock: setup ## after a change of dependencies: both lock files, hashed, without registry hosts
	@$(LOCK) --all-extras --group dev -o requirements.lock
	@$(LOCK) -c requirements.lock -o requirements-serve.lock

fuzz: setup ## EXAMPLES=2000 generated requests an operation, five roles: no failure, nothing wrong accepted
	@$(BIN)/python -m tests.fuzz --examples $(EXAMPLES) $(if $(PART),--part $(PART))

fmt: setup ## format and sort imports
	@$(BIN)/ruff format -q $(PACKAGES) tests bench
	@$(BIN)/ruff check -q --fix $(PACKAGES) tests bench

demo: setup ## one working day end to end on a made-up region
	@mkdir -p .state && $(BIN)/doorstep sample-region .state/region --as-of 2026-11-23 && \
	  $(BIN)/doorstep demo --region .state/region --as-of 2026-11-23

sim: setup ## SCHEDULES=10000 simulated weeks of tablets, links, clocks and crashes, from one seed each
	@$(BIN)/python -m tests.simulation sim --schedules $(SCHEDULES)

sim-pg: setup ## SCHEDULES=300 of them through the whole API over PostgreSQL
	@$(BIN)/python -m tests.simulation pg --schedules $(if $(filter file,$(origin SCHEDULES)),300,$(SCHEDULES))

sim-planted: setup ## twelve known mistakes, planted one at a time: the simulation must notice each
	@$(BIN)/python -m tests.simulation planted

crash: setup ## KILLS=60 times kill -9 of server, backend or postmaster while tablets push
	@$(BIN)/python -m tests.simulation crash --kills $(KILLS)

year: setup ## PREMISES=100000 a generated year of facts, and every verdict of it made again: differences=0
	@rm -rf .state/year && mkdir -p .state && export DOORSTEP_STATE=$(CURDIR)/.state/year && \
	  $(BIN)/doorstep migrate && $(BIN)/doorstep sample-year --premises $(PREMISES) && \
	  $(BIN)/doorstep commitments verify

check-plans: setup ## a thousand generated days and ten thousand random plans against the independent checker
	@PLAN_DAYS=1000 RANDOM_PLANS=10000 $(BIN)/python -m pytest -n 2 -q tests/scheduling/test_checker.py

bench-plan: setup ## our planner beside PyVRP, VROOM and OR-Tools; SIZES=20,60 SEEDS=1,2 SECONDS=10 VRPTW_SECONDS=none RELEASE=0.1.0 for a share
	@$(BIN)/python -m bench.plan $(if $(SIZES),--sizes $(SIZES)) $(if $(SEEDS),--seeds $(SEEDS)) \
	  $(if $(SECONDS),--seconds $(SECONDS)) $(if $(VRPTW_SECONDS),--vrptw-seconds $(VRPTW_SECONDS)) \
	  $(if $(RELEASE),--name $(RELEASE))

bench-commitments: setup ## folding, sweeping, due lists, levelling and explaining at size, cores and PostgreSQL
	@$(BIN)/python -m bench.commitments && $(BIN)/python -m bench.promises

bench-sync: setup ## push and pull beside Kinto and pouchdb-server, which it installs under .state/peers
	@$(BIN)/python -m bench.sync

bench-load: setup ## herd, storm, late commits; overload, soak, database away, disk full, against a real server
	@$(BIN)/python -m bench.sync_load
	@$(BIN)/python -m bench.faults

bench-live: setup ## one job against 200 routes, an illness, a matrix, and the same through the API over PostgreSQL
	@$(BIN)/python -m bench.live && $(BIN)/python -m bench.live_api

bench-roads: setup ## real streets beside great circles; installs RoutingKit under .state/peers
	@$(BIN)/python -m bench.roads

bench-scale: setup ## what a day of 300 units costs, from costs measured here
	@$(BIN)/python -m bench.scale

bench-import: setup ## an import of 100,000 premises
	@$(BIN)/python -m bench.import_size

clean: ## forgets the environment and the local state
	rm -rf .venv .uv .state
