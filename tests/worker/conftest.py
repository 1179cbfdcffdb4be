"""Real interpreters of other versions with a NumPy of their time, and convolutions by definition."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytest_cnnperf.cases import Algorithm, Case, Pass, Problem
from pytest_cnnperf.host.process import WORKER_FOLDER, Worker

# The oldest that a framework needs (CNTK: 3.6; Theano: 3.9), with the last NumPy that each of them takes.
NUMPY_FOR = {"3.6": "numpy==1.19.5", "3.9": "numpy==1.21.6"}
ADAPTERS = WORKER_FOLDER / "adapters"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Interpreter:
    """How to start a Python of another version so that it finds its NumPy."""

    version: str
    command: tuple[str, ...]
    environment: Mapping[str, str]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "interpreter" in metafunc.fixturenames:
        metafunc.parametrize("interpreter", ["3.6", "3.9", "newest"], indirect=True)


@pytest.fixture(scope="session")
def pythons() -> Mapping[str, str]:
    """Path of an interpreter for every version that is found in pyenv or on PATH."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    candidates = sorted(root.glob("versions/*/bin/python"))
    named = (shutil.which(f"python3.{minor}") for minor in range(6, 30))
    found = {}
    for path in [*map(str, candidates), *filter(None, named), sys.executable]:
        asked = subprocess.run(
            [path, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        version = asked.stdout.strip()
        if asked.returncode == 0 and re.fullmatch(r"3\.\d+", version):
            found.setdefault(version, path)
    return found


@pytest.fixture(scope="session")
def interpreter(request: pytest.FixtureRequest, pythons: Mapping[str, str]) -> Interpreter:
    """One of the three interpreters, with NumPy; skips when it is not to be had here."""
    wanted = request.param
    version = max(pythons, key=lambda text: int(text.split(".")[1])) if wanted == "newest" else wanted
    if version not in pythons:
        pytest.skip(f"no Python {version} in pyenv or on PATH; next: pyenv install {version}")
    packages = _numpy_for(pythons[version], version)
    return Interpreter(version, (pythons[version],), {"PYTHONPATH": str(packages), **ONE_THREAD})


def _numpy_for(python: str, version: str) -> Path:
    """A folder with the NumPy of this version, filled once and kept; it appears whole or not at all."""
    home = Path(os.environ.get("CNNPERF_HOME") or Path.home() / ".cache" / "pytest-cnnperf") / "test-interpreters"
    requirement = NUMPY_FOR.get(version, "numpy")
    folder = home / f"python{version}-{requirement.replace('==', '-')}"
    if folder.is_dir():
        return folder
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home) as place:
        target = Path(place) / "packages"
        command = [
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--target",
            str(target),
            requirement,
        ]
        # The wheel must be one for that interpreter, whatever constraints the outer environment lives under.
        variables = {name: value for name, value in os.environ.items() if name not in ("PIP_CONSTRAINT", "PYTHONPATH")}
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=variables)
        if done.returncode:
            pytest.skip(f"pip of Python {version} cannot install {requirement}: {done.stderr.strip()[-300:]}")
        try:
            target.rename(folder)
        except OSError:
            assert folder.is_dir(), f"{folder} is neither there nor can be made"  # another run was first
    return folder


Start = Callable[..., Worker]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts workers that are all gone after the test."""
    started: list[Worker] = []

    def start_one(
        adapter: str | Path, *, command: tuple[str, ...] = (), environment: Mapping[str, str] = ONE_THREAD, **more: Any
    ) -> Worker:
        path = adapter if isinstance(adapter, Path) else ADAPTERS / f"{adapter}.py"
        more = {"cpus": (), "name": path.stem, "deadline_seconds": 30.0, **more}
        started.append(Worker.start(command, path, environment=environment, **more))
        return started[-1]

    yield start_one
    for worker in started:
        worker.kill()


@pytest.fixture
def start_fake(start: Start, tmp_path: Path) -> Start:
    """Starts the fake framework under a script."""

    def start_scripted(**script: Any) -> Worker:
        path = tmp_path / "script.json"
        path.write_text(json.dumps(script if "generations" in script else {"default": script}))
        return start("fake", environment={**ONE_THREAD, "CNNPERF_FAKE_SCRIPT": str(path)})

    return start_scripted


@pytest.fixture
def case_of() -> Callable[..., Case]:
    """Makes a case from its problem, pass and algorithm."""

    def make(
        problem: Problem, pass_: Pass = Pass.FORWARD, algorithm: Algorithm = Algorithm.DIRECT, **more: Any
    ) -> Case:
        return Case("fake", "convolution", "custom", "layer", problem, pass_, algorithm, **more)

    return make


@pytest.fixture
def operands_of() -> Callable[[Case], dict[str, np.ndarray]]:
    """Integer-valued operands, so that every order of summation gives the same float32 result."""

    def make(case: Case) -> dict[str, np.ndarray]:
        problem = case.problem
        assert problem is not None
        assert case.pass_ is not None
        generator = np.random.default_rng(0)
        x, w, dy = (
            generator.integers(-4, 5, shape).astype(np.float32)
            for shape in (problem.x_shape, problem.w_shape, problem.y_shape)
        )
        return {
            Pass.FORWARD: {"x": x, "w": w},
            Pass.BACKWARD_DATA: {"dy": dy, "w": w},
            Pass.BACKWARD_FILTER: {"x": x, "dy": dy},
        }[case.pass_]

    return make


@pytest.fixture
def by_definition() -> Callable[[Case, Mapping[str, np.ndarray]], np.ndarray]:
    """The pass in float64 straight from the definition, output pixel by output pixel."""
    return _by_definition


def _by_definition(case: Case, operands: Mapping[str, np.ndarray]) -> np.ndarray:
    problem = case.problem
    assert problem is not None
    (top, left), (down, across), (spread, widen) = problem.pad, problem.stride, problem.dilation
    padded = np.zeros((problem.n, problem.c, problem.h + 2 * top, problem.w + 2 * left))
    x = padded[:, :, top : top + problem.h, left : left + problem.w]
    w, y = np.zeros(problem.w_shape), np.zeros(problem.y_shape)
    for name, array in (("x", x), ("w", w), ("dy", y)):
        array[...] = operands.get(name, 0)
    channels, filters = problem.c // problem.groups, problem.k // problem.groups
    for group, i, j in np.ndindex(problem.groups, problem.p, problem.q):
        rows = slice(i * down, i * down + (problem.r - 1) * spread + 1, spread)
        columns = slice(j * across, j * across + (problem.s - 1) * widen + 1, widen)
        window = padded[:, group * channels : (group + 1) * channels, rows, columns]
        kernel = w[group * filters : (group + 1) * filters]
        pixel = y[:, group * filters : (group + 1) * filters, i, j]
        if case.pass_ is Pass.FORWARD:
            pixel[...] = np.einsum("ncrs,kcrs->nk", window, kernel)
        elif case.pass_ is Pass.BACKWARD_DATA:
            window += np.einsum("nk,kcrs->ncrs", pixel, kernel)
        else:
            kernel += np.einsum("nk,ncrs->kcrs", pixel, window)
    return {Pass.FORWARD: y, Pass.BACKWARD_DATA: x, Pass.BACKWARD_FILTER: w}[case.pass_]
