# make demo: the study on generated data. make test and make test-studies: every test that needs no other machine or
# program. All first install requirements.lock.
SHELL := bash
PYTHON ?= python3
UV := 0.13.8
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
SERVICE := .venv-service
SERVICE_READY := $(SERVICE)/ready
STUDY ?= config/demo.yaml
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONNOUSERSITE := 1

# Snakemake keeps a cache in the home folder, and ends with a traceback if that is not writable.
CACHES := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)
ifneq ($(shell mkdir -p '$(CACHES)' 2> /dev/null && test -w '$(CACHES)' && echo writable),writable)
$(info GlioBench: $(CACHES) is not writable; make keeps caches in results/.cache. Without make, first run: export XDG_CACHE_HOME=$(CURDIR)/results/.cache)
export XDG_CACHE_HOME := $(CURDIR)/results/.cache
endif

SERVE := PYTHONPATH=workflow/scripts:service $(SERVICE)/bin/python -m gliobench_service

.PHONY: setup-service serve test-service lint-service
.PHONY: setup demo watch controls sensitivity findings test test-studies test-tensorflow test-torch test-unit test-cluster test-gpu test-envs lint envs keys lock report clean

setup: $(READY)

demo: $(READY)
	snakemake --configfile config/demo.yaml --set-scatter shards=1

# The report so far of a study that runs in another terminal, again every five minutes: make watch STUDY=config/config.yaml
watch: $(READY)
	while snakemake --configfile $(STUDY) --quiet -- partial; do sleep 300; done

# Positive and negative controls of every approach; their tables are kept in docs/controls/.
CONTROLS := controls controls-labels controls-sites controls-visible
controls: $(READY)
	for study in $(CONTROLS); do snakemake --configfile config/$$study.yaml --set-scatter shards=1 || exit; done
	PYTHONPATH=workflow/scripts python docs/controls/write.py

# How strong a planted signal must be before an approach finds it.
sensitivity: $(READY)
	snakemake --configfile config/sensitivity.yaml --set-scatter shards=1

# The findings on open collections, whose files lie in data/: docs/own-data.md says where.
FINDINGS := findings-upenn findings-ucsf findings-external brain-tumor-progression
findings: $(READY)
	for study in $(FINDINGS); do snakemake --configfile config/$$study.yaml --set-scatter shards=4 || exit; done
	PYTHONPATH=workflow/scripts python docs/findings/write.py

test: $(READY)
	python -m pytest -n 2 --dist worksteal -m "not tensorflow and not torch" tests/unit
	$(MAKE) --jobs 2 --output-sync=target test-tensorflow test-torch
	python -m pytest -n 2 --dist loadgroup -m "not own_study" tests/workflow

# Further studies, each run for one test file: own data and approaches, permutations, tuning; killed, moved, out of disk.
test-studies: $(READY)
	python -m pytest -n 2 --dist loadgroup -m own_study tests/workflow

# One framework per process: tensorflow imported before torchvision or monai crashes.
test-tensorflow test-torch: test-%: $(READY)
	python -m pytest -m $* $$(grep -l 'mark\.$*' tests/unit/*.py)

# For development: about three minutes on two idle cores. The rest of `make test` loads frameworks, runs Snakemake, or simulates.
test-unit: $(READY)
	python -m pytest -n 2 -m "not slow and not tensorflow and not torch" tests/unit

# On a real SLURM of one node per test, installed from Debian packages: run as root.
test-cluster: $(READY)
	python -m pytest -n 2 -m cluster tests/cluster

# On a GPU: each approach in its own process, and a study of a planted cohort and one without a signal.
test-gpu: $(READY)
	python -m pytest -n 2 --dist loadgroup -m gpu tests/gpu

# From the pins of each conda environment alone: inputs, and a fold of each approach. Downloads and removes gigabytes.
test-envs: $(READY)
	python -m pytest -m envs --durations=0 tests/envs

lint: $(READY)
	ruff check .
	ruff format --check .
	snakefmt --check --diff Snakefile rules
	snakemake --lint --configfile config/demo.yaml
	mypy

# The web service (docs/service.md), in an environment of its own: that of the studies stays as it is.
setup-service: $(SERVICE_READY)

# A finished run answers uploads on this machine: make serve RUN=results/demo/planted/runs/.../batch-0
serve: $(SERVICE_READY)
	$(if $(RUN),,$(error name a finished run: make serve RUN=<folder of a run>))
	$(SERVE) serve $(RUN)

# With real servers and a browser; what the machine lacks is skipped or, where CI is set and as root, installed.
# The load is tested alone, on the same study: it measures how fast the service answers.
test-service: lint-service
	study=$$(mktemp -d) && trap 'rm -r "$$study"' EXIT && export TEST_STUDY="$$study" && \
	  $(SERVICE)/bin/python -m pytest -n 2 --dist loadfile --ignore tests/service/test_load.py tests/service && \
	  $(SERVICE)/bin/python -m pytest tests/service/test_load.py

lint-service: $(SERVICE_READY)
	$(SERVICE)/bin/mypy --config-file service/mypy.ini
	$(SERVICE)/bin/bandit --quiet --recursive --severity-level medium service

# Snakemake's own report of a finished study, in addition to the study's page: make report STUDY=config/config.yaml
report: $(READY)
	snakemake --configfile $(STUDY) --report results/$(basename $(notdir $(STUDY)))-snakemake.html

lock: $(READY)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --no-header --group dev --output-file requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-annotate --no-header --group service --constraints requirements.lock --output-file requirements-service.lock

envs: $(READY)
	python envs/write.py

# The tables of config/README.md and docs/adding-an-approach.md that the code knows: keys, and columns of facts.
keys: $(READY)
	PYTHONPATH=workflow/scripts python config/write.py

# An interrupted set-up starts over.
$(READY): requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "GlioBench needs Python 3.11, 3.12 or 3.13: make PYTHON=python3.11")'
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV)
	$(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode --python $(BIN)/python requirements.lock
	touch $@

$(SERVICE_READY): requirements.lock requirements-service.lock | $(READY)
	rm -rf $(SERVICE)
	$(BIN)/python -m venv $(SERVICE)
	$(BIN)/uv pip sync --quiet --require-hashes --compile-bytecode --python $(SERVICE)/bin/python $^
	touch $@

clean:
	rm -rf $(VENV) $(SERVICE) results .snakemake
