# Everything runs from .venv, which the first target that needs it makes.
PYTHON ?= python3
BIN := .venv/bin

# ROS 2 Jazzy runs on Python 3.12, in an environment beside the first.
JAZZY_PYTHON ?= $(firstword $(foreach python,python3.12 \
  $(wildcard $(HOME)/.pyenv/versions/3.12.*/bin/python3.12),\
  $(if $(shell $(python) --version 2> /dev/null),$(python))))
JAZZY_BIN := .venv-jazzy/bin
JAZZY_QUICK := test/node/kit test/node/sim_arm test/node/test_middleware.py \
  test/system/test_up.py::test_a_system_runs_to_its_end_and_reports

# .venv is complete in itself; a sourced ROS 2 of another version must not leak into it.
unexport PYTHONPATH AMENT_PREFIX_PATH CMAKE_PREFIX_PATH COLCON_PREFIX_PATH LD_LIBRARY_PATH
unexport ROS_DISTRO ROS_VERSION ROS_PYTHON_VERSION RMW_IMPLEMENTATION

# The networks are small: more threads only wait for each other.
export OMP_NUM_THREADS := 1

.PHONY: help setup setup-tests setup-jazzy demo test test-slow test-arms test-jazzy test-jazzy-quick
.PHONY: jazzy-python faults lint docs lock clean
help:
	@echo "make demo       a simulated Sawyer works, is touched and learns itself: tables and a figure"
	@echo "make test       the tests; make test-slow: those that take minutes"
	@echo "make test-jazzy the tests on ROS 2 Jazzy and Python 3.12; make test-jazzy-quick: a few"
	@echo "make test-arms  arms behind ros2_control, emulated: a UR5e, a Gen3, a Panda and an xArm7"
	@echo "make faults     harm done to running nodes: docs/reliability.md; QUICK=--quick for a try"
	@echo "make lint       ruff, mypy and the rules of imports"
	@echo "make docs       docs/results.md, its figure and the README's table, from docs/metrics"
	@echo "make setup      the environment .venv only, which all of the above make by themselves"
	@echo "make lock       the exact versions in requirements*.txt, from setup.py and requirements*.in"
	@echo "make clean      remove .venv and everything that was built; results in out/ stay"

setup-tests: SETUP_OPTIONS := --tests
setup setup-tests:
	@command -v $(PYTHON) > /dev/null || { echo "$(PYTHON) is missing: run" \
	  "\`sudo apt install python3 python3-venv python3-dev\`." >&2; exit 1; }
	@$(PYTHON) tools/setup_env.py $(SETUP_OPTIONS)

# .ci/run asks whether there is one.
jazzy-python:
	@test -n "$(JAZZY_PYTHON)"

setup-jazzy:
	@test -n "$(JAZZY_PYTHON)" || { echo "Python 3.12 is missing: run \`sudo apt install" \
	  "python3.12 python3.12-venv python3.12-dev\`, or \`make JAZZY_PYTHON=/its/path\`." >&2; exit 1; }
	@ML3_DISTRO=jazzy $(JAZZY_PYTHON) tools/setup_env.py $(SETUP_OPTIONS)

demo: setup
	@$(BIN)/ml3 up sawyer_work out:=out/demo

# Nodes and systems run in real time and mostly wait, each in a domain of its own: beside them there
# is time for the others, so there is one process more than cores. Systems, the slowest, come first.
WORKERS ?= $(shell n=$$(( $$(env -u OMP_NUM_THREADS nproc) + 1 )); echo $$(( n > 8 ? 8 : n )))
PYTEST := python -m pytest --dist worksteal -n $(WORKERS)
ALL_TESTS := test/system test/node test/unit $(wildcard test/test_*.py)

test: setup-tests
	@$(BIN)/$(PYTEST) $(ALL_TESTS)

test-jazzy test-jazzy-quick: SETUP_OPTIONS := --tests
test-jazzy: setup-jazzy
	@$(JAZZY_BIN)/$(PYTEST) $(ALL_TESTS)

# What depends on rclpy most: parameters, lifecycle, one master, middleware, and a whole system.
test-jazzy-quick: setup-jazzy
	@$(JAZZY_BIN)/$(PYTEST) $(JAZZY_QUICK)

test-slow: setup-tests  # whole experiments take longer than what counts as hung elsewhere
	@$(BIN)/python -m pytest -m slow -o faulthandler_timeout=1800

# One command an arm behind ros2_control, emulated.
test-arms: setup-tests
	@$(BIN)/python -m pytest -m "slow or not slow" test/system/test_ros2_control_up.py

faults: setup-tests
	@$(BIN)/python -m faults $(QUICK)

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

docs: setup
	@$(BIN)/ml3 results --metrics docs/metrics --out docs/results.md
	@$(BIN)/python -m tools.readme_numbers

# UPGRADE=--upgrade, or UPGRADE="--upgrade-package NAME"; otherwise versions stay where they can.
lock: setup
	@$(BIN)/python tools/lock.py $(UPGRADE)

clean:
	rm -rf .venv .venv-jazzy build install log *.egg-info .hypothesis .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
