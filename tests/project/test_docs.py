"""The documentation: its code runs, its lines wrap, its words are standard, its numbers are
current."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(page.name for page in DOCS.glob("*.md"))
FENCE = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)
WITH_CODE = [page for page in PAGES if "```python\n" in (DOCS / page).read_text(encoding="utf-8")]
GENERATED = re.compile(r"<!-- made by: .*?<!-- end -->", re.DOTALL)
RETIRED = re.compile(r"\bof nothing\b|\blet go\b|\barms?\b|\blanes?\b|\bspoils?\b|\bsites\b", re.IGNORECASE)


def prose(page: Path) -> str:
    """A page without code, generated tables and quoted words."""
    text = GENERATED.sub("", FENCE.sub("", page.read_text(encoding="utf-8")))
    return re.sub(r"`[^`]*`|\*[^*\n]+\*|\"[^\"\n]*\"", "", text)


def hook() -> Any:
    """The hook that fills the placeholders of the pages."""
    spec = importlib.util.spec_from_file_location("docs_hooks", DOCS / "hooks.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", WITH_CODE)
def test_the_code_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for needed in ("torch", "scipy", "pandas", "matplotlib", "optuna", "sklearn", "rich", "jinja2"):
        pytest.importorskip(needed)
    monkeypatch.chdir(tmp_path)
    space: dict[str, Any] = {}
    for number, (language, block) in enumerate(FENCE.findall((DOCS / page).read_text(encoding="utf-8"))):
        if language == "python":
            exec(compile(block, f"{page}, block {number}", "exec"), space)


def test_the_pages_with_code_are_found() -> None:
    assert {"recipes.md", "regions.md", "windows.md", "reductions.md", "swap.md"} <= set(WITH_CODE)


@pytest.mark.parametrize("page", [ROOT / "README.md", *(DOCS / page for page in PAGES)], ids=lambda page: page.name)
def test_prose_wraps_and_uses_standard_words(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    assert [line for line in text.splitlines() if len(line) > 100 and not line.startswith("|")] == []
    assert RETIRED.findall(prose(page)) == []


def test_every_page_is_in_the_navigation() -> None:
    named = re.findall(r"([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(named) == PAGES


def test_links_lead_to_pages_and_headings() -> None:
    for page in (ROOT / "README.md", *(DOCS / page for page in PAGES)):
        for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", page.read_text(encoding="utf-8"))):
            if target.startswith(("https://", "figures/")):
                continue
            file, _, heading = target.partition("#")
            led = page.parent / file if file else page
            assert led.is_file(), f"{page.name}: {target}"
            titles = re.findall(r"^#+ (.+)$", led.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = [re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles]
            assert not heading or heading in slugs, f"{page.name}: {target}"


def test_the_placeholders_are_filled() -> None:
    pytest.importorskip("torch")
    tables = hook().TABLES
    used = re.findall(r"<!-- (\w+) -->", "".join((DOCS / page).read_text(encoding="utf-8") for page in PAGES))
    assert sorted(used) == sorted(tables)
    for name, make in tables.items():
        assert len(make().splitlines()) > 1, name


@pytest.mark.parametrize("page", ["guide.md", "article.md"])
def test_the_numbers_are_those_of_the_results(page: str) -> None:
    results = (DOCS / "results" / "claims.json").read_text(encoding="utf-8")
    text = (DOCS / page).read_text(encoding="utf-8")
    numbers = re.findall(r"[+-]\d+\.\d\d\b", text)
    assert numbers
    for number in numbers:
        assert re.search(rf"{re.escape(number)}\b", results), f"{page} says {number}, and claims.json does not"


def test_the_guide_says_what_is_significant() -> None:
    text = (DOCS / "guide.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| .*\| ([+-]\d+\.\d\d) points.*\| (yes|no) \|$", text, re.MULTILINE)
    assert len(rows) == 7
    claims = (DOCS / "results" / "claims.json").read_text(encoding="utf-8")
    for number, significant in rows:
        p = re.search(rf"\({re.escape(number)} points[^)]*corrected p = ([\d.e-]+)\)", claims)
        assert p is not None and (float(p[1]) < 0.05) == (significant == "yes"), number
