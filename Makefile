# demo: the main job on a real photograph · test: every test · the rest: see README
PY := .venv/bin/python
NATIVE := pyproject.toml constraints.txt CMakeLists.txt $(wildcard csrc/*)

.PHONY: sanitize demo test test-quick lint bench docs clean

demo: .venv/ready
	.venv/bin/anypool demo

test: .venv/ready
	$(PY) -m pytest -n 2

test-quick: .venv/ready
	HYPOTHESIS_PROFILE=quick $(PY) -m pytest -n 2 -m "not slow"

# The suite on a library that checks every address and every undefined operation (torch's own graphs left out: hours).
sanitize: .venv/ready
	.venv/bin/cmake -S . -B build/sanitize -DCMAKE_BUILD_TYPE=Release -DANYPOOL_SANITIZE=ON
	.venv/bin/cmake --build build/sanitize -j 2
	LD_PRELOAD="$$($(CXX) -print-file-name=libasan.so) $$($(CXX) -print-file-name=libubsan.so)" ASAN_OPTIONS=detect_leaks=0 \
	ANYPOOL_LIBRARY=build/sanitize/_native.so $(PY) -m pytest -p no:cacheprovider -m "not slow" --deselect tests/test_compile.py tests

lint: .venv/ready
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/pyright src

bench: .venv/bench
	$(PY) -m bench.run $(ARGS)

docs: .venv/ready
	$(PY) -m docs.tables

.venv/ready: $(NATIVE)
	test -x $(PY) || python3 -m venv .venv
	.venv/bin/pip install -q -c constraints.txt "scikit-build-core>=0.10" cmake ninja
	.venv/bin/pip install -q -c constraints.txt --no-build-isolation -e ".[all,dev]"
	touch $@

.venv/bench: .venv/ready
	.venv/bin/pip install -q -c constraints.txt --no-build-isolation -e ".[all,dev,bench]"
	touch $@

clean:
	rm -rf .venv build dist
