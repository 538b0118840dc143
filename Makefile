# Everything that is run by hand. Python >= 3.11 and make are all that must be there: the rest comes through pip and
# npm, into .venv and clients/browser/node_modules. `make help` lists the targets.

PYTHON ?= python3
PY := .venv/bin/python
SETUP := $(PYTHON) -S -m local.setup
NODE := PATH="$(CURDIR)/.venv/bin:$$PATH"
PAGE := clients/browser/dist/index.html
PAGE_SOURCES := $(shell find clients/browser -type d \( -name node_modules -o -name dist -o -name lib \) -prune \
  -o -type f -print)

.PHONY: help run test check bench site deploy destroy pins clean preflight chromium anew
.DEFAULT_GOAL := help

help: ## List the targets
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/make \1	\2/p' Makefile | expand -t 16

run: CHECKS = --ports
run: .venv/run.stamp $(PAGE) ## Run the whole platform on this machine (TICKWIRE_PORT, TICKWIRE_AWS_PORT)
	@exec $(PY) -m local

test: .venv/dev.stamp $(PAGE) chromium ## Run every test, Python and browser, and print the coverage
	@cd clients/browser && $(NODE) npm test --silent
	@$(PY) -m pytest --cov --cov-report=term:skip-covered

check: .venv/dev.stamp $(PAGE) ## Lint, types and the fast tests, Python and browser
	@$(PY) -m ruff check
	@$(PY) -m mypy
	@cd clients/browser && $(NODE) npm test --silent
	@$(PY) -m pytest --quiet -m "not slow"

bench: .venv/dev.stamp $(PAGE) ## Run the benchmarks, print their ratios, write benchmarks/RESULTS.md
	@exec $(PY) -m benchmarks

site: $(PAGE) ## Build the page and the browser client

deploy: CHECKS = --stage "$(STAGE)"
deploy: check $(PAGE) ## Put a stage on AWS with the Pulumi CLI, after the checks: make deploy STAGE=dev
	@pulumi stack select --create "$(STAGE)" && exec pulumi up --stack "$(STAGE)"

destroy: CHECKS = --stage "$(STAGE)"
destroy: .venv/run.stamp $(PAGE) ## Take a stage down again: make destroy STAGE=dev
	@exec pulumi destroy --stack "$(STAGE)"

pins: .venv/dev.stamp ## Pin anew what requirements*.in ask for (UPGRADE=--upgrade for the newest)
	@$(PY) -m pip install --quiet uv==0.13.9
	@for name in requirements requirements-run requirements-dev; do \
	  $(PY) -m uv pip compile --quiet --universal --python-version 3.11 --custom-compile-command "make pins" \
	    $(UPGRADE) $$with "$$name.in" --output-file "$$name.txt" || exit 1; \
	  with="--constraint $$name.txt"; \
	done

clean: ## Remove all that was installed or built; history in .local stays
	@rm -rf .venv clients/browser/node_modules clients/browser/dist clients/browser/lib

anew:

preflight:
	@trap "" INT; $(PYTHON) -I -S local/preflight.py $(CHECKS)

# The interpreter is followed: when the system's Python is another one, or gone, all is made anew.
.venv/run.stamp: requirements.txt requirements-run.txt clients/python/pyproject.toml local/setup.py \
  $(or $(wildcard .venv/bin/python),anew) | preflight
	@$(SETUP) run && touch $@

.venv/dev.stamp: requirements-dev.txt .venv/run.stamp | preflight
	@$(SETUP) dev && touch $@

$(PAGE): $(PAGE_SOURCES) .venv/run.stamp | preflight
	@$(SETUP) page

chromium: .venv/dev.stamp
	@$(SETUP) browser
