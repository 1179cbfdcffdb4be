"""What holds for every file of the worker, read as text."""

from __future__ import annotations

import ast
import sys

import pytest

from pytest_cnnperf.host.process import WORKER_FOLDER

FILES = sorted(WORKER_FOLDER.rglob("*.py"))
IDS = [str(path.relative_to(WORKER_FOLDER)) for path in FILES]


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_it_is_python_3_6(path):
    tree = ast.parse(path.read_text(), feature_version=(3, 6))
    # The parser takes it under any feature_version, Python 3.6 does not.
    futures = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
    assert futures == []


@pytest.mark.parametrize("path", [path for path in FILES if path.parent.name != "adapters"])
def test_it_imports_the_standard_library_numpy_and_its_neighbours_only(path):
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            imported.add(str(node.module).split(".")[0])
    assert imported <= {*sys.stdlib_module_names, "numpy"}


def test_there_is_worker_code_to_look_at():
    assert {"__main__.py", "wire.py", "loop.py"} <= {path.name for path in FILES}
