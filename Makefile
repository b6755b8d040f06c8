# `make` alone prints the menu: every target with a "##" behind it.
#
# Nothing is needed beforehand but git, make and Python 3.11 or newer. The virtual environment
# comes into .venv, with the versions and hashes of requirements/dev.txt; programs that are not
# Python's (mosquitto, gammu-smsd, ...) come with apt where that is allowed, and else one line
# says what to run. All of that speaks on stderr: `make -s demo ARGS="--json"` prints JSON alone.

.DEFAULT_GOAL := help
.PHONY: help demo test check bench soak mutants docs pictures lock influxd telegraf uml install-system clean environment install uninstall deb

PYTHON := .venv/bin/python
# Given on the command line: make demo ARGS="--speed 60", make test ARGS="tests/alerts -x".
ARGS ?=
# Given on the command line: make install ROLE=agent; also DESTDIR, PREFIX (tools/install.sh), and
# for `make uninstall` PURGE=1.
ROLE ?=
export DESTDIR PREFIX PURGE REQUIREMENTS

help: ## this menu
	@echo 'Usage: make TARGET [ARGS="..."]'
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

environment:
	@tools/environment.sh >&2

demo: environment ## three sites, six fridges, a bad day; ARGS="--speed 60"
	@tools/system-packages.sh demo >&2
	@exec $(PYTHON) -m coldwatch demo $(ARGS)

test: environment ## all tests but the long ones; ARGS="tests/alerts"
	@tools/system-packages.sh demo test >&2
	$(PYTHON) -m pytest $(ARGS)

check: environment ## linter, format and types
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

bench: environment ## the figures of this machine beside those to reach
	@tools/system-packages.sh demo >&2
	@exec $(PYTHON) -m benchmarks $(ARGS)

soak: environment ## the long tests: hours of load, faults and proofs
	@tools/system-packages.sh demo test >&2
	$(PYTHON) -m pytest -m soak --timeout=0 $(ARGS)
	$(PYTHON) -m pytest -p tests.support.long_proofs --timeout=0 $(ARGS)
	@echo 'The other half of a soak is mutation testing: make mutants' >&2

mutants: environment ## mutation testing, by nights; ARGS="'alerts.window*'" for a part of it
	$(PYTHON) tools/mutants.py $(ARGS)

docs: environment ## make asyncapi.yaml, schemas, settings, metrics.md, rules.md and messages.md in docs anew
	$(PYTHON) -m protocol.asyncapi
	$(PYTHON) -m config.samples
	$(PYTHON) tools/metrics.py
	$(PYTHON) tools/rules.py
	$(PYTHON) tools/messages.py

pictures: environment ## take the READMEs' pictures anew from a running demo
	@tools/system-packages.sh demo test >&2
	$(PYTHON) tools/pictures.py

install: ## as a service on this machine; as root: make install ROLE=agent, or ROLE=hub
	@tools/install.sh install $(ROLE)

uninstall: ## take the service away; spool and settings stay, but with PURGE=1
	@tools/install.sh uninstall $(ROLE)

deb: ## coldwatch-agent.deb and coldwatch-hub.deb for machines like this one, in dist/
	@tools/deb.sh $(ROLE)

lock: environment ## take the newest allowed versions into requirements/
	@$(PYTHON) -m pip install --quiet uv >&2
	@PATH="$(CURDIR)/.venv/bin:$$PATH" tools/lock.sh

influxd: ## build the InfluxDB of the tests, once (needs Go and Rust); without it they are skipped
	@tools/go-program.sh influxd

telegraf: ## build the Telegraf that `make bench` runs beside, once (needs Go)
	@tools/go-program.sh telegraf

uml: ## build the kernel in which GPIO and power cuts are tested, once; without it they are skipped
	@tools/uml.sh

install-system: ## only the programs that are not Python's
	@tools/system-packages.sh demo test >&2

clean: ## remove .venv and every cache
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist mutants
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
