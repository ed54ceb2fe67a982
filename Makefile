# `make up` runs the product, `make test` its tests; `make help` names the rest.

PORT ?= 8000
HOST ?= 127.0.0.1
YES ?=
WORKERS ?= logical
RUN := .venv/bin/python
TEST_POSTGRES := var/test-postgres

.DEFAULT_GOAL := help
.PHONY: help up down reset shell environment dev-environment check test e2e clients bench docs lock messages format stop-tests

help: ## Name the commands
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-20s %s\n", $$1, $$2}'

up: environment ## Run Flywheel; PORT and HOST choose the address
	@HOST=$(HOST) PORT=$(PORT) $(RUN) manage.py up

down: environment ## Stop a Flywheel that runs in another terminal
	@$(RUN) manage.py down

reset: environment ## Delete all data, after asking (YES=1 does not ask)
	@$(RUN) manage.py reset $(if $(YES),--yes)

shell: environment ## A Python shell with the models loaded
	@[ -n "$$DATABASE_URL" ] || $(RUN) -m apps.core.postgres start var/postgres >/dev/null
	@$(RUN) manage.py shell

check: dev-environment ## Lint, types, import rules, settings, migrations, templates, translations
	@scripts/check.sh

test: dev-environment ## The whole suite, on an embedded PostgreSQL of its own; WORKERS=0 for one process
	$(RUN) -m pytest -m "not e2e and not clients" -n $(WORKERS) $(ARGS)

e2e: dev-environment ## Drive a running product in a real browser; screenshots go to var/e2e
	$(RUN) -m pytest -m e2e tests/e2e $(ARGS)

clients: dev-environment ## Drive a running product with other people's SDKs, each in an environment of its own
	$(RUN) -m pytest -m clients tests/clients $(ARGS)

bench: dev-environment ## Measure; see docs/benchmarks.md
	@for script in $$(ls benchmarks/*.py | grep -v __init__); do echo "== $$script"; $(RUN) $$script $(ARGS) || exit 1; done

docs: dev-environment ## Build the documentation into site/
	@.venv/bin/mkdocs build --strict

lock: ## Write the lock files anew (UPGRADE=1 takes newer versions)
	@scripts/lock.sh

messages: dev-environment ## Collect texts for translation, and compile the translations
	@scripts/messages.sh

format: dev-environment ## Format the code
	@.venv/bin/ruff check --fix-only --quiet . && .venv/bin/ruff format .

stop-tests: ## Stop the PostgreSQL that the tests keep running
	@$(RUN) -m apps.core.postgres stop $(TEST_POSTGRES)

environment:
	@scripts/bootstrap.sh

dev-environment:
	@scripts/bootstrap.sh dev
