"""A visit at a framework: what it tells, and for every way not to answer one line and the next command."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pytest_cnnperf.cases import Algorithm
from pytest_cnnperf.frameworks.environment import folder
from pytest_cnnperf.frameworks.recipe import Launch, Recipe
from pytest_cnnperf.frameworks.spec import FrameworkSpec, Offer
from pytest_cnnperf.host.ailment import State
from pytest_cnnperf.host.checkup import check_up
from pytest_cnnperf.host.loaded import families
from pytest_cnnperf.host.process import WORKER_FOLDER

SPEC = FrameworkSpec(
    "fake",
    "The fake",
    WORKER_FOLDER / "adapters" / "fake.py",
    "pip install fake",
    (Offer(Algorithm.DIRECT),),
    modules=("numpy",),
)
RECIPE = Recipe(launch=lambda place: Launch((str(place / "python"),)))
REMAKE = "cnnperf frameworks remove fake && cnnperf frameworks install fake"


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("CNNPERF_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("CNNPERF_FAKE_SCRIPT", raising=False)


@pytest.fixture
def with_adapter(tmp_path):
    """The fake's spec with an adapter of this text, which runs when the worker imports it."""

    def make(text: str, **changes) -> FrameworkSpec:
        path = tmp_path / "adapter.py"
        path.write_text(text)
        return replace(SPEC, adapter=path, **changes)

    return make


def ailment_of(spec, *, deadline_seconds=30.0):
    checkup = check_up(spec, deadline_seconds=deadline_seconds)
    assert checkup.hello is None
    assert checkup.ailment is not None
    assert checkup.state is checkup.ailment.state
    assert "\n" not in checkup.ailment.reason
    return checkup.ailment


def test_a_framework_that_answers_tells_its_versions():
    checkup = check_up(SPEC, deadline_seconds=30)
    assert checkup.state is State.USABLE
    assert checkup.hello is not None
    # The fake says version 1; its worker runs in this very interpreter.
    assert (checkup.hello.version, checkup.hello.numpy) == ("1", np.__version__)
    assert checkup.hello.python == ".".join(map(str, sys.version_info[:3]))
    assert checkup.hello.threads == 1
    assert checkup.start_seconds is not None


def test_what_is_not_installed_is_not_started_and_names_its_command():
    ailment = ailment_of(replace(SPEC, modules=("no_such_module",), command=()))
    assert ailment.state is State.NOT_INSTALLED
    assert ailment.reason == "The fake is not installed here (no module no_such_module)"
    assert ailment.command == "pip install fake"


def test_a_command_that_is_not_there_is_told_with_its_name():
    ailment = ailment_of(replace(SPEC, command=("no-such-program",)))
    assert ailment.state is State.CANNOT_START
    assert ailment.reason.startswith("cannot start 'no-such-program' (")


def test_a_command_of_the_users_own_is_his_to_mend():
    ailment = ailment_of(replace(SPEC, command=("no-such-program",), recipe=RECIPE))
    assert ailment.command == "unset CNNPERF_COMMAND_FAKE; cnnperf frameworks install fake"


def test_a_command_in_the_environments_own_folder_is_still_the_users_own(monkeypatch):
    program = str(folder("fake") / "python")
    monkeypatch.setenv("CNNPERF_COMMAND_FAKE", program)
    ailment = ailment_of(replace(SPEC, command=(program,), recipe=RECIPE))
    assert ailment.command == "unset CNNPERF_COMMAND_FAKE; cnnperf frameworks install fake"


def test_a_broken_environment_is_made_anew():
    spec = replace(SPEC, command=(str(folder("fake") / "python"),), recipe=RECIPE)
    assert ailment_of(spec).command == REMAKE


@pytest.mark.parametrize(
    "text",
    [
        "import ctypes\nctypes.CDLL('libmpi.so.12')\n",
        "raise ImportError('libmpi.so.12: cannot open shared object file: No such file or directory')\n",
        # As NumPy does: the message is a page, and the cause stands in the middle.
        "raise ImportError('PLEASE READ\\nOriginal error was: libmpi.so.12: cannot open shared object file: …\\n')\n",
    ],
)
def test_a_missing_shared_library_is_named(with_adapter, text):
    ailment = ailment_of(with_adapter(text))
    assert ailment.state is State.LIBRARY_MISSING
    assert "libmpi.so.12 is missing" in ailment.reason
    assert ailment.command == "pip install fake"
    assert "Traceback" in ailment.detail


def test_a_library_that_was_missed_without_harm_is_not_blamed_for_a_crash(with_adapter):
    ailment = ailment_of(
        with_adapter(
            "import os, resource, sys\n"
            "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
            "print('libcudart.so.11: cannot open shared object file; never mind', file=sys.stderr, flush=True)\n"
            "os.abort()\n"
        )
    )
    assert ailment.state is State.CRASHED
    assert "ended by SIGABRT" in ailment.reason


def test_a_module_that_its_interpreter_lacks_is_named(with_adapter):
    ailment = ailment_of(with_adapter("import no_such_framework\n"))
    assert ailment.state is State.IMPORT_FAILED
    assert ailment.reason == "its interpreter has no module no_such_framework"
    assert ailment.command == "pip install fake"


def test_an_earlier_error_of_a_chain_is_not_blamed(with_adapter):
    ailment = ailment_of(
        with_adapter(
            "try:\n    import no_such_option\nexcept ImportError:\n    raise ImportError('too old: 1.0, needs 2.0')\n"
        )
    )
    assert ailment.state is State.IMPORT_FAILED
    assert ailment.reason == "ImportError: too old: 1.0, needs 2.0"
    assert "no_such_option" in ailment.detail


def test_an_interpreter_without_numpy_is_told():
    ailment = ailment_of(replace(SPEC, command=(sys.executable, "-I", "-S")))
    assert ailment.state is State.IMPORT_FAILED
    assert ailment.reason == f"its interpreter ({sys.executable}) has no module numpy"


def test_a_framework_that_dies_at_import_leaves_its_last_words_and_shows_the_rest_on_demand(with_adapter):
    ailment = ailment_of(with_adapter("import os, sys\nprint('one\\ntwo', file=sys.stderr, flush=True)\nos._exit(3)\n"))
    assert ailment.state is State.CRASHED
    assert ailment.reason == "it ended without an answer; exit status 3; it said: two"
    assert ailment.command == "cnnperf doctor fake"
    assert "one" in ailment.detail
    assert "next:" not in ailment.detail  # the worker's own advice is for a test run


def test_the_line_that_speaks_of_an_error_is_told_and_not_the_advice_beneath_it(with_adapter):
    says = "engine: Cannot connect to its daemon\\nRun it with --help for more"
    ailment = ailment_of(with_adapter(f"import os, sys\nprint('{says}', file=sys.stderr, flush=True)\nos._exit(125)\n"))
    assert ailment.reason.endswith("exit status 125; it said: engine: Cannot connect to its daemon")


def test_a_framework_that_raises_at_import_is_told_by_its_error(with_adapter):
    ailment = ailment_of(with_adapter("raise RuntimeError('no licence')\n"))
    assert (ailment.state, ailment.reason) == (State.REFUSED, "RuntimeError: no licence")
    assert ailment.command == "cnnperf doctor fake"


def test_a_framework_that_hangs_is_ended_at_the_deadline_and_may_be_given_more(with_adapter, tmp_path):
    note = tmp_path / "pid"
    ailment = ailment_of(
        with_adapter(
            f"import os, time\nopen({str(note)!r}, 'w').write(str(os.getpid()))\nwhile True:\n    time.sleep(60)\n"
        ),
        deadline_seconds=2.0,
    )
    assert ailment.state is State.HUNG
    assert ailment.reason == "no answer within 2 s"
    assert ailment.command == "cnnperf doctor fake --deadline 10"
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)


def test_a_program_that_is_no_worker_is_told():
    chatter = "import time\nprint('hello there, ' * 9, flush=True)\ntime.sleep(60)"
    ailment = ailment_of(replace(SPEC, command=(sys.executable, "-c", chatter)))
    assert ailment.state is State.CRASHED
    assert "no frame of the wire" in ailment.reason


@pytest.fixture
def other_worker(tmp_path):
    """A command that runs a changed copy of the worker, whatever worker it is told to run."""

    def make(file: str, old: str, new: str) -> tuple[str, ...]:
        copy = tmp_path / "worker"
        shutil.copytree(WORKER_FOLDER, copy)
        text = (copy / file).read_text()
        assert old in text
        (copy / file).write_text(text.replace(old, new))
        starter = tmp_path / "starter.py"
        starter.write_text(
            f"import os, sys\nos.execv(sys.executable, [sys.executable, {str(copy)!r}, *sys.argv[2:]])\n"
        )
        return (sys.executable, str(starter))

    return make


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("wire.py", "WIRE_VERSION = 1", "WIRE_VERSION = 7"),  # it refuses
        ("loop.py", "wire=wire.WIRE_VERSION,", "wire=7,"),  # it answers
    ],
)
def test_a_worker_of_another_wire_version_is_told_with_both_versions_and_where_ours_lies(other_worker, file, old, new):
    ailment = ailment_of(replace(SPEC, command=other_worker(file, old, new)))
    assert ailment.state is State.WRONG_WIRE
    assert "wire version 1 asked, this worker speaks 7" in ailment.reason
    assert str(WORKER_FOLDER) in ailment.reason


def test_a_hello_without_a_version_cannot_be_used(other_worker):
    ailment = ailment_of(replace(SPEC, command=other_worker("loop.py", "numpy=np.__version__,", "numpy=None,")))
    assert ailment.state is State.REFUSED
    assert "has no numpy" in ailment.reason


def test_no_process_is_left_after_a_visit(with_adapter, tmp_path):
    note = tmp_path / "pid"
    fake = (WORKER_FOLDER / "adapters" / "fake.py").read_text()
    check_up(with_adapter(f"{fake}\nopen({str(note)!r}, 'w').write(str(os.getpid()))\n"), deadline_seconds=30)
    with pytest.raises(ProcessLookupError):
        os.kill(int(note.read_text()), 0)


def test_libraries_are_known_by_their_files_and_debians_openblas_by_its_folder():
    lib = "/usr/lib/x86_64-linux-gnu"
    found = families([
        f"{lib}/openblas-pthread/libblas.so.3",
        f"{lib}/libgomp.so.1.0.0",
        "/venv/lib/python3.6/site-packages/cntk/libs/libmpi.so.12",
        "/venv/lib/python3.11/site-packages/numpy.libs/libscipy_openblas64_-56d6093b.so",
        f"{lib}/libc.so.6",
        "/data/openblas-notes.txt",
    ])  # fmt: skip
    assert found == {
        "GNU OpenMP": f"{lib}/libgomp.so.1.0.0",
        "MPI": "/venv/lib/python3.6/site-packages/cntk/libs/libmpi.so.12",
        "OpenBLAS": f"{lib}/openblas-pthread/libblas.so.3",
    }
    assert families([f"{lib}/blas/libblas.so.3.9.0"]) == {"reference BLAS": f"{lib}/blas/libblas.so.3.9.0"}


def test_a_library_that_a_worker_loads_is_seen_from_outside(with_adapter, tmp_path):
    # Any shared object will do, since only its name counts; NumPy has made this process load the C library's libm.
    loaded = (line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines())
    library = tmp_path / "libgomp.so.1"
    shutil.copy(next(path for path in loaded if "/libm." in path or "/libm-" in path), library)
    fake = (WORKER_FOLDER / "adapters" / "fake.py").read_text()
    checkup = check_up(with_adapter(f"{fake}\nimport ctypes\nctypes.CDLL({str(library)!r})\n"), deadline_seconds=30)
    assert checkup.hello is not None
    assert checkup.hello.loaded == {"GNU OpenMP": str(library)}
