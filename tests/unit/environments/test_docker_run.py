"""`docker/run` with a stand-in for docker: what a container would be given."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_cnnperf.host.process import WORKER_FOLDER, Worker

RUN = Path(__file__).parents[3] / "docker" / "run"
ADAPTER = WORKER_FOLDER / "adapters" / "numpy.py"


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """Writes down its arguments, and does what follows the image itself."""
    program = tmp_path / "docker"
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/arguments\n'
        'while [ "$1" != image ]; do shift; done\nshift\nexec "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "arguments"


def test_a_worker_answers_through_it_and_gets_its_files_and_variables(docker):
    command = ("sh", str(RUN), "image", sys.executable)
    environment = {"OMP_NUM_THREADS": "1", "CNNPERF_DOCKER_OPTIONS": "--shm-size 1g"}

    worker = Worker.start(command, ADAPTER, environment=environment, cpus=(), name="numpy")
    worker.close()

    arguments = docker.read_text().splitlines()
    assert worker.hello["framework"] == "numpy"
    assert f"{WORKER_FOLDER}:{WORKER_FOLDER}:ro" in arguments
    assert f"{ADAPTER.parent}:{ADAPTER.parent}:ro" in arguments
    assert arguments[arguments.index("OMP_NUM_THREADS") - 1] == "--env"
    assert "PATH" not in arguments
    assert arguments[arguments.index("image") - 2 : arguments.index("image")] == ["--shm-size", "1g"]


def test_too_few_arguments_tell_how_it_is_used():
    ran = subprocess.run(["sh", str(RUN), "image"], capture_output=True, text=True, check=False)

    assert ran.returncode == 2
    assert ran.stderr.startswith(f"usage: {RUN} IMAGE PYTHON WORKER ADAPTER; got 1 arguments")
