# `make` prints the targets: each has its description behind `##`. On a fresh Debian or Ubuntu `make run` and
# `make test` need nothing else. CONTRIBUTING.md shows how to work with them.
#
# Variables:
#
#   PYTHON=python3.12                another interpreter (after make clean)
#   ARGS="tests/unit -k parser"      arguments for pytest or for the benchmarks
#   RHEBOK_ALL_PYTHONS=1             the tests also build for every CPython from 3.11 to 3.15 that is there
#   RHEBOK_SOAK=50                   the number of deploys of make soak
#   RHEBOK_SOAK_REQUESTS=1000000     the number of requests of make soak-requests
#   RHEBOK_TEST_SECONDS=30           the time for each test of make tsan; 3600 for that of make soak-threads
#   SECONDS=60                       the time for each fuzz target (tests/fuzz/README.md)

PYTHON ?= python3
BIND ?= 127.0.0.1:8000
ARGS ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
DEBUG_TREE := build/debug-tree

SOURCES := $(wildcard csrc/*/*.[ch] rhebok/native/*.pyx rhebok/native/*.pxd rhebok/native/*.h)
CSRC := $(wildcard csrc/*/*.c)
C_FILES := $(wildcard csrc/*/*.[ch] rhebok/native/*.h tests/c/*.[ch] tests/c/*/*.[ch] tests/fuzz/*.[ch] bench/*.[ch])

BUILD_PACKAGES := gcc libc6-dev make
PYTHON_PACKAGES := python3-venv python3-dev
TEST_PACKAGES := apache2-bin caddy clang clang-format curl gcc-aarch64-linux-gnu git haproxy iproute2 \
	libc6-dev-arm64-cross libclang-rt-dev libserver-starter-perl nghttp2-client musl-tools nginx-light openssl procps \
	prometheus qemu-user strace systemd valgrind wrk

.PHONY: help run test debug-test soak soak-requests soak-threads fuzz lint format bench clean build packages wheels release-check pins free-threaded-test tsan

help: ## Print this list.
	@echo "make TARGET [VARIABLE=value]; the variables are explained at the beginning of the Makefile."
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: build ## Environment, build; serve examples/hello.py and print its address.
	@echo "Serving examples/hello.py at http://$(BIND)/ (Ctrl-C ends it)"
	@$(BIN)/rhebok --bind $(BIND) --chdir examples hello:application

build: .venv/.built ## Environment and build, in .venv and build.

test: build .venv/.test packages ## Environment, build, the Debian packages that the tests use, the tests (ARGS); with ARGS=tests the slow ones too, as in CI.
	$(BIN)/python -m pytest $(if $(CI)$(ARGS),,-m "not slow") $(ARGS)

packages:
	@.ci/debian-packages $(if $(CI),require,try) $(TEST_PACKAGES)

# ---- environment ----

# gcc and an interpreter that can make environments and compile; Debian ships both in parts.
.venv/.made:
	@type gcc >/dev/null 2>&1 || .ci/debian-packages require $(BUILD_PACKAGES)
	@type $(PYTHON) >/dev/null 2>&1 || .ci/debian-packages require python3
	@$(PYTHON) -c 'import ensurepip, os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")' \
		2>/dev/null || .ci/debian-packages require $(PYTHON_PACKAGES)
	$(PYTHON) -m venv .venv
	$(PIP) install --upgrade 'pip>=25.1'
	@touch $@

.venv/.build-requirements: .venv/.made pyproject.toml
	$(PIP) install --group build
	@touch $@

# PYTHONWARNINGS: setuptools would warn that an editable installation is one.
.venv/.built: .venv/.build-requirements setup.py $(SOURCES)
	PYTHONWARNINGS=ignore $(PIP) install --no-build-isolation --editable .
	@touch $@

.venv/.test: .venv/.made pyproject.toml
	$(PIP) install --group test
	@touch $@

.venv/.lint: .venv/.made pyproject.toml
	$(PIP) install --group lint
	@touch $@

# ---- the debug build ----

# In a copy of the tree, so that the two builds of the modules do not overwrite each other. Each worker that ends
# reports what is still alive; tests/live_objects.py fails the test that left something.
# What starts no worker is left out.
debug-test: build .venv/.test packages ## The Python tests against a build that counts live objects (ARGS).
	@.ci/copy-tree $(DEBUG_TREE)
	$(PYTHON) -m venv $(DEBUG_TREE)/.venv
	cd $(DEBUG_TREE) && $(PIP) install --upgrade 'pip>=25.1' && $(PIP) install --group build --group test
	cd $(DEBUG_TREE) && RHEBOK_DEBUG=1 RHEBOK_WERROR=1 PYTHONWARNINGS=ignore $(PIP) install --no-build-isolation --editable .
	cd $(DEBUG_TREE) && $(BIN)/python -m pytest -p tests.live_objects \
		--ignore=tests/build --ignore=tests/fuzz/test_fuzz_targets.py --ignore=tests/unit $(ARGS)

# ---- without the GIL ----

free-threaded-test: packages ## The tests that threads could change, on a CPython 3.13 without the GIL built for it (15 minutes).
	.ci/free-threaded test

tsan: packages ## A server of four threads under load with ThreadSanitizer, Python and all (15 minutes, most of them building).
	.ci/free-threaded tsan

# ---- the long forms ----

soak-requests: build .venv/.test ## A million requests, good and bad, and what the worker keeps of them (10 minutes).
	RHEBOK_SOAK_REQUESTS=$${RHEBOK_SOAK_REQUESTS:-1000000} $(BIN)/python -m pytest -s tests/conformance/test_soak.py $(ARGS)

soak-threads: packages ## An hour of good and hostile clients at four threads without the GIL, with assertions.
	.ci/free-threaded soak

soak: build .venv/.test packages ## 50 deploys under load, and a failure of each system call (30 minutes).
	RHEBOK_SOAK=$${RHEBOK_SOAK:-50} $(BIN)/python -m pytest -o timeout=3600 tests/faults tests/deploy --ignore tests/deploy/starter $(ARGS)

# ---- lint ----

lint: lint-python lint-c lint-cython ## All linters; warnings are errors.

lint-python: build .venv/.lint ## ruff, mypy, stubtest.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest rhebok.native --allowlist tests/build/stubtest_allowlist.txt --ignore-unused-allowlist

lint-c: .venv/.lint packages ## clang-format; gcc and clang without warnings, for x86-64 and aarch64.
	$(BIN)/clang-format --dry-run -Werror $(C_FILES)
	.ci/compilers csrc gcc clang aarch64-linux-gnu-gcc "clang --target=aarch64-linux-gnu"

lint-cython: build .venv/.lint packages ## Cython, and compilers of what it writes, without warnings; cython-lint.
	RHEBOK_WERROR=1 $(BIN)/python setup.py --quiet build --build-base build/lint
	.ci/compilers cython clang
	PATH=$(BIN):$$PATH $(BIN)/cython-lint rhebok/native

format: .venv/.lint ## Correct what ruff and clang-format can correct.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(C_FILES)

# ---- the release (docs/RELEASE.md) ----

RELEASE := build/wheels-venv/bin/python

# An environment in which every file that pip installs has a known hash.
build/wheels-venv/.made: .ci/wheels/requirements.txt | .venv/.made
	@rm -rf $(@D) && mkdir -p build
	$(PYTHON) -m venv $(@D)
	$(RELEASE) -m pip --disable-pip-version-check --quiet install --require-hashes --only-binary :all: -r $<
	@touch $@

wheels: build/wheels-venv/.made ## The sdist and all wheels, in dist; ARGS="--only 'cp314-*_aarch64'" makes some (ten minutes).
	$(RELEASE) .ci/wheels $(ARGS)

release-check: export CI := true
release-check: build/wheels-venv/.made build .venv/.test packages ## Everything that a release has to be, from a clean tree (half an hour).
	$(RELEASE) .ci/wheels/release_check.py
	$(BIN)/python -m pytest tests/build tests/unit/test_c.py
	RHEBOK_SID_TREE=build/sid-sdist .ci/sid-root run .ci/newest sdist

pins: .venv/.made ## Take the newest versions of what builds wheels into .ci/wheels/requirements.txt.
	$(PIP) install uv
	cd .ci/wheels && ../../$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --output-file requirements.txt requirements.in
	$(BIN)/python .ci/wheels/sbom.py

# ---- the rest ----

bench: ## The benchmarks (bench/README.md; ARGS).
	$(MAKE) -C bench
	$(MAKE) -C bench run ARGS="$(ARGS)"

fuzz: packages ## Run every fuzz target (SECONDS).
	$(MAKE) -C tests/fuzz run SECONDS=$(or $(SECONDS),60)

clean: ## Remove what was made here, except the environment of the benchmarks.
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find rhebok tests bench -name __pycache__ -prune -exec rm -rf {} +
	rm -f rhebok/native/*.so
	$(MAKE) -C tests/c clean
	$(MAKE) -C tests/fuzz clean
