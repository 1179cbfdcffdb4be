"""The repository keeps its own manners."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "pytest_cnnperf"
MODULES = sorted(PACKAGE.rglob("*.py"))
DOCS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md")])
FRAMEWORKS = re.compile(r"\b(torch|tensorflow|jax|theano|cntk|caffe|keras)\b", re.IGNORECASE)
MAY_NAME_FRAMEWORKS = ("frameworks", "worker/adapters")


def relative(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("module", MODULES, ids=relative)
def test_a_module_is_short_and_so_are_its_functions(module):
    text = module.read_text()
    assert len(text.splitlines()) <= 300
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    long = {node.name: length for node in functions if (length := node.end_lineno - node.lineno + 1) > 45}
    assert not long


@pytest.mark.parametrize("module", MODULES, ids=relative)
def test_a_module_says_in_its_first_line_what_it_is(module):
    tree = ast.parse(module.read_text())
    assert not tree.body or ast.get_docstring(tree)


@pytest.mark.parametrize("module", MODULES, ids=relative)
def test_no_framework_is_named_where_none_belongs(module):
    if relative(module).startswith(MAY_NAME_FRAMEWORKS):
        return
    code = ast.unparse(without_docstrings(ast.parse(module.read_text())))
    assert not FRAMEWORKS.findall(code)


def without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
        ):
            body[0].value = ast.Constant("")
    return tree


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_every_local_link_leads_somewhere(page):
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.name)
def test_every_local_anchor_is_a_heading(page):
    targets = re.findall(r"\]\((?!https?:)([^)#]*)#([^)]+)", page.read_text())
    found = [(page.parent / file if file else page, anchor) for file, anchor in targets]
    assert [(file.name, anchor) for file, anchor in found if anchor not in anchors(file)] == []


def anchors(page):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain}


def test_the_code_on_the_add_a_framework_page_is_the_example_itself():
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "add-a-framework.md").read_text(), re.DOTALL)
    example = ROOT / "docs" / "examples" / "windows"
    assert blocks == [(example / name).read_text() for name in ("conftest.py", "windows_adapter.py")]


def test_the_readme_shows_the_two_commands():
    readme = (ROOT / "README.md").read_text()
    for environment in ("perf", "tests"):
        assert f"python -m pip install tox && tox run -e {environment}" in readme


def test_every_option_is_documented():
    from pytest_cnnperf.plugin.options import OPTIONS

    page = (ROOT / "docs" / "options.md").read_text()
    assert [option.flag for option in OPTIONS if f"`{option.flag}" not in page] == []


def test_every_verdict_and_reason_is_documented():
    from pytest_cnnperf.judging.verdict import Reason, Verdict

    page = (ROOT / "docs" / "verdicts.md").read_text()
    assert [word.value for word in (*Verdict, *Reason) if word.value not in page] == []


def test_every_cause_and_event_is_documented():
    from pytest_cnnperf.judging.cause import Cause
    from pytest_cnnperf.judging.events import Direction, Subject

    page = (ROOT / "docs" / "causes-and-events.md").read_text()
    assert [word.value for word in Cause if f"`{word.value}`" not in page] == []
    titles = ("torch" if subject is Subject.FRAMEWORK else subject.value for subject in Subject)
    assert [title for title in titles if f"`{title} {Direction.SLOWER.value}`" not in page] == []


def test_versions_are_pinned_in_one_place():
    pins = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert {pin.partition("==")[0] for pin in pins} >= {"torch", "tensorflow-cpu", "numpy"}
    for other in (ROOT / "tox.ini", ROOT / "pyproject.toml", ROOT / ".ci" / "run"):
        assert not re.search(r"(torch|tensorflow(-cpu)?|numpy)==", other.read_text())
