# demo: the main job on a real photograph · test: every test · the rest: see README
PY := .venv/bin/python
NATIVE := pyproject.toml constraints.txt CMakeLists.txt $(wildcard csrc/*)

# study: every claim of the article, quickly · study-long: the same with more seeds and epochs
.PHONY: study study-long demo test test-quick lint bench docs clean

demo: .venv/ready
	.venv/bin/anypool demo

test: .venv/ready
	$(PY) -m pytest -n 2

test-quick: .venv/ready
	HYPOTHESIS_PROFILE=quick $(PY) -m pytest -n 2 -m "not slow"

lint: .venv/ready
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/pyright src

study: .venv/ready
	.venv/bin/anypool study --preset all --seeds 5 --budget 8 --out build/study

study-long: .venv/ready
	.venv/bin/anypool study --preset all --seeds 10 --budget 20 --out build/study-long

bench: .venv/bench
	$(PY) -m bench.run

docs: .venv/ready
	.venv/bin/pip install -q -c constraints.txt "mkdocs-material>=9.5"
	.venv/bin/mkdocs build -q

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
