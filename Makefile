# demo: the main job on a real photograph · test: every test · the rest: see README
PY := .venv/bin/python
NATIVE := pyproject.toml constraints.txt CMakeLists.txt $(wildcard csrc/*/*)
# An editable install lists the package's files: it is renewed when a file is added, moved or removed.
FILES := .venv/files-$(shell find src -name '*.py' | LC_ALL=C sort | cksum | cut -d' ' -f1)

.PHONY: study study-long sanitize everyday arm64 demo test test-quick test-sets lint bench docs clean

demo: .venv/ready
	@echo "anypool: pools a photograph with every reduction, and measures each (seconds)"
	@$(PY) -m examples.demo

test: .venv/ready
	@echo "anypool: every test, in two processes (about 11 minutes); a dot is a test that passed"
	@$(PY) -m pytest -n 2

test-quick: .venv/ready
	@echo "anypool: a sample of every test, in two processes; a dot is a test that passed"
	@HYPOTHESIS_PROFILE=quick $(PY) -m pytest -n 2 -m "not slow"

# Every kernel on a library that checks every address and undefined operation: each border, element type, tiny width, empty window,
# list, network, chain, histogram and gradient, on the widest vectors; then folds, orders and calls beside forbidden memory on the
# others (a sanitizer does not see masked stores: the last does). Left out, for they ask torch or Python and not the kernels:
# torch.compile, drop-ins, modules, command line, studies. Hypothesis draws its quick profile. About half an hour of two cores, half of it building.
SANITIZED := tests/engines tests/order_statistics $(addprefix tests/, \
	windows/test_groups.py windows/test_boxes.py windows/test_empty_boxes_and_groups.py \
	windows/test_real_valued_sliding.py windows/test_fractional.py \
	reductions/test_laws.py reductions/test_meanings.py reductions/test_fold_values.py \
	robustness/test_random_calls.py robustness/test_forbidden_memory.py robustness/test_processes.py)
SANITIZED_NARROW := tests/engines/test_core_folds.py tests/engines/test_small_square_windows.py $(addprefix tests/order_statistics/test_, \
	sliding_windows.py masked_windows.py long_and_large_windows.py k_largest_and_mode.py) $(addprefix tests/robustness/test_, random_calls.py forbidden_memory.py)
sanitize: .venv/ready
	.venv/bin/cmake -S . -B build/sanitize -DCMAKE_BUILD_TYPE=Release -DANYPOOL_SANITIZE=ON -DANYPOOL_ISAS=all
	.venv/bin/cmake --build build/sanitize -j 2
	for isa in avx512 avx2 baseline; do \
	  LD_PRELOAD="$$($(CXX) -print-file-name=libasan.so) $$($(CXX) -print-file-name=libubsan.so)" \
	  ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1 HYPOTHESIS_PROFILE=quick \
	  ANYPOOL_ISA=$$isa ANYPOOL_LIBRARY=build/sanitize/_native.so \
	  $(PY) -m pytest -n 2 -p no:cacheprovider -m "not slow" -k "not test_compile" \
	  $$(test $$isa = avx512 && echo $(SANITIZED) || echo $(SANITIZED_NARROW)) || exit 1; \
	done

# The other instruction sets of a library that has all of them: tests that name a set, then the narrow selection above on each.
# (`make` builds the set of this machine alone, and `make test` tests that one.)
LIBRARY ?= build/all/_native.so
SETS ?= avx2 baseline
test-sets: .venv/ready
	@for isa in $(SETS); do \
	  echo "anypool: tests of $$isa in $(LIBRARY)"; \
	  ANYPOOL_ISA=$$isa ANYPOOL_LIBRARY=$(LIBRARY) $(PY) tests/oracles/instruction_sets.py $$isa && \
	  ANYPOOL_ISA=$$isa ANYPOOL_LIBRARY=$(LIBRARY) HYPOTHESIS_PROFILE=quick \
	  $(PY) -m pytest -n 2 -p no:cacheprovider -m "not slow" $(SANITIZED_NARROW) || exit 1; \
	done
	@echo "anypool: tests that run each instruction set in a process of its own, in $(LIBRARY)"
	@ANYPOOL_LIBRARY=$(LIBRARY) $(PY) -m pytest -n 2 -p no:cacheprovider -rs \
	  -k "every_instruction_set or everyday_sizes or forbidden_memory or names_the_instruction_set" \
	  tests/engines/test_small_square_windows.py tests/robustness/test_everyday_sizes.py \
	  tests/robustness/test_forbidden_memory.py tests/project/test_building.py

# Random calls of everyday sizes on 1, 2 and 8 threads for MINUTES on two cores: each instruction set, with scratch between
# forbidden pages and under the sanitizers. It names a call that fails and how to repeat it. The short form is in `make test`.
MINUTES ?= 60
everyday: .venv/ready
	.venv/bin/cmake -S . -B build/sanitize -DCMAKE_BUILD_TYPE=Release -DANYPOOL_SANITIZE=ON -DANYPOOL_ISAS=all
	.venv/bin/cmake --build build/sanitize -j 2
	$(PY) tests/everyday.py --minutes $(MINUTES) --sanitized build/sanitize/_native.so

# The core for arm64 (its NEON vectors), from the same source by a cross compiler.
ARM64_CXX ?= aarch64-linux-gnu-g++
arm64: .venv/ready
	@command -v $(ARM64_CXX) >/dev/null || { echo "make arm64 needs a cross compiler, and $(ARM64_CXX) is not there:" \
	  "install it (Debian: g++-aarch64-linux-gnu), or name another: make arm64 ARM64_CXX=..." >&2; exit 1; }
	.venv/bin/cmake -S . -B build/arm64 -DCMAKE_BUILD_TYPE=Release -DCMAKE_SYSTEM_NAME=Linux \
	  -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_CXX_COMPILER=$(ARM64_CXX)
	.venv/bin/cmake --build build/arm64 -j 2

lint: .venv/ready
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/pyright src examples docs
	.venv/bin/clang-format --dry-run --Werror csrc/*/*.?pp

# Every claim of the article, quickly; and with more seeds and epochs.
study: .venv/ready
	.venv/bin/anypool study --preset all --seeds 5 --budget 8 --out build/study

study-long: .venv/ready
	.venv/bin/anypool study --preset all --seeds 10 --budget 20 --out build/study-long

bench: .venv/bench
	$(PY) -m bench.run $(ARGS)

docs: .venv/ready
	.venv/bin/pip install -q -c constraints.txt "mkdocs-material>=9.5"
	.venv/bin/mkdocs build -q

$(FILES):
	@mkdir -p .venv
	@rm -f .venv/files-*
	@touch $@

# The core is built first and alone: pip shows a build only with -v, which is too much for the dependencies. `-q` below is
# for later times, when almost all of them are there.
.venv/ready: $(NATIVE) $(FILES)
	@echo "anypool 1/3: CMake and Ninja, into .venv"
	@test -x $(PY) || python3 -m venv .venv
	@.venv/bin/pip install -q -c constraints.txt "scikit-build-core>=0.10" cmake ninja
	@echo "anypool 2/3: the compiled core for this machine; [n/m] counts its files, and the largest take a minute"
	@.venv/bin/pip install -v --no-deps --no-build-isolation -e .
	@echo "anypool 3/3: the dependencies, with PyTorch"
	@.venv/bin/pip install $(if $(wildcard .venv/ready),-q) -c constraints.txt --no-build-isolation -e ".[all,dev]"
	@touch $@

.venv/bench: .venv/ready
	.venv/bin/pip install -q -c constraints.txt --no-build-isolation -e ".[all,dev,bench]"
	touch $@

clean:
	rm -rf .venv build dist
