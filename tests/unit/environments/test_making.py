"""Environments of a made-up framework: complete or not, never something between."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_cnnperf.environments import EnvironmentFailed, archives, debian, make, remove, virtualenv
from pytest_cnnperf.frameworks.environment import State, inspect
from pytest_cnnperf.frameworks.recipe import Launch, Need


def test_the_packages_are_unpacked_with_what_they_need_and_without_the_c_library(maker, home):
    made = maker.make()

    libraries = made.folder / "debian" / "usr" / "lib"
    assert made.folder == home / "environments" / "made_up"
    assert made.state is State.COMPLETE
    assert made.versions == {"liba": "1.0"}
    assert sorted(path.name for path in libraries.glob("*.so*")) == ["liba.so.1", "libb.so.1"]


def test_a_whole_tree_has_its_c_library_too(maker):
    assert (maker.make(whole=True).folder / "debian/usr/lib/libc.so.6").read_text() == "C"


def test_a_second_time_does_nothing(maker, mirror, monkeypatch):
    first = maker.make()
    (mirror.folder / "dists").rename(mirror.folder / "gone")  # no network is needed either

    assert maker.make() == first
    assert maker.told[-1] == f"made_up: is there already, in {first.folder}"


def test_an_interrupted_attempt_is_half_made_and_goes_on_where_it_ended(maker, monkeypatch):
    unpacked = []

    def unpack(archive, tree):
        if archive.name.startswith("libb") and not unpacked.count("stop"):
            unpacked.append("stop")
            raise KeyboardInterrupt
        unpacked.append(archive.name)

    monkeypatch.setattr(archives, "unpack", unpack)
    with pytest.raises(KeyboardInterrupt):
        maker.make()
    assert inspect("made_up", maker.recipe()).state is State.HALF_MADE

    assert maker.make().state is State.COMPLETE
    assert unpacked == ["liba_1.0_amd64.deb", "stop", "libb_1.0_amd64.deb"]
    assert "made_up: goes on where the last attempt ended" in maker.told


def test_what_was_begun_for_another_recipe_is_begun_anew(maker, mirror):
    with pytest.raises(EnvironmentFailed):
        maker.make(probe="raise SystemExit(1)")
    mirror.add("libd", ("file", "./usr/lib/libd.so.1", "D"))

    made = maker.make(debian=("libd",))

    assert [path.name for path in (made.folder / "debian/usr/lib").glob("*.so*")] == ["libd.so.1"]


def test_an_environment_of_another_recipe_is_outdated_and_is_replaced(maker, mirror):
    maker.make()
    mirror.add("libd", ("file", "./usr/lib/libd.so.1", "D"))
    assert inspect("made_up", maker.recipe(debian=("libd",))).state is State.OUTDATED

    made = maker.make(debian=("libd",))

    assert made.versions == {"libd": "1.0"}
    assert [path.name for path in (made.folder / "debian/usr/lib").glob("*.so*")] == ["libd.so.1"]


def test_a_marker_that_cannot_be_read_is_half_made(maker):
    made = maker.make()
    for text in ("", "[]", '{"versions": 3}'):
        (made.folder / "environment.json").write_text(text)

        assert inspect("made_up", maker.recipe()).state is State.HALF_MADE


def test_an_interpreter_that_is_gone_is_broken_and_is_made_anew(maker):
    maker.make()
    gone = replace(maker.recipe(), launch=lambda folder: Launch((str(folder / "python/bin/python"),)))

    assert inspect("made_up", gone).state is State.BROKEN


def test_a_package_that_is_not_what_its_index_promises_is_refused(maker, mirror, home):
    mirror.add("libd", ("file", "./usr/lib/libd.so.1", "D"), sha256="0" * 64)

    with pytest.raises(
        EnvironmentFailed, match=r"libd_1.0_amd64.deb is not what its index promises: SHA256 [0-9a-f]{64}, expected 0"
    ):
        maker.make(debian=("libd",))

    assert list((home / "downloads").glob("libd*")) == []
    assert not (home / "environments/made_up/debian/usr/lib/libd.so.1").exists()


def test_a_package_in_the_cache_that_was_damaged_is_fetched_again(maker, home):
    maker.make()
    (home / "downloads/libb_1.0_amd64.deb").write_bytes(b"damaged")
    remove("made_up", maker.told.append)

    assert maker.make().state is State.COMPLETE


def test_links_are_made_from_the_environment_s_own_paths(maker):
    made = maker.make(links={"links/libold.so.1": "debian/usr/lib/liba.so.1"})

    link = made.folder / "links/libold.so.1"
    assert link.read_text() == "A"
    assert link.readlink() == Path("../debian/usr/lib/liba.so.1")


def test_a_link_that_leads_nowhere_is_told(maker):
    with pytest.raises(EnvironmentFailed, match=r"libold.so.1 leads nowhere: there is no debian/usr/lib/libz.so"):
        maker.make(links={"links/libold.so.1": "debian/usr/lib/libz.so"})


def test_all_programs_that_are_missing_are_told_at_once_before_anything_is_made(maker, home):
    needs = (
        Need("no-such-compiler", "it compiles", "apt-get install g++"),
        Need("sh", "it is everywhere", "nothing"),
        Need("no-such-mpi", "it starts", "apt-get install mpi"),
    )

    with pytest.raises(EnvironmentFailed) as caught:
        maker.make(needs=needs)

    assert str(caught.value) == (
        "Made-up needs what is not on this machine:\n"
        "  no-such-compiler: it compiles; apt-get install g++\n"
        "  no-such-mpi: it starts; apt-get install mpi\n"
        "next: bring it, then: cnnperf frameworks install made_up"
    )
    assert inspect("made_up", maker.recipe()).state is State.ABSENT


def test_packages_of_another_machine_are_refused(maker, monkeypatch):
    monkeypatch.setattr(debian.platform, "machine", lambda: "riscv64")

    with pytest.raises(EnvironmentFailed, match="for Linux on x86_64, this is linux on riscv64"):
        maker.make()


def test_a_mirror_without_the_release_is_told_with_what_names_another(maker, monkeypatch, tmp_path):
    monkeypatch.setenv("CNNPERF_DEBIAN_MIRROR", (tmp_path / "empty").as_uri())

    with pytest.raises(EnvironmentFailed, match=r"empty: has no Debian 11\nnext: .*CNNPERF_DEBIAN_MIRROR="):
        maker.make()


def test_an_index_that_is_not_what_its_release_promises_is_refused(maker, mirror):
    (mirror.folder / "dists/bullseye/main/binary-amd64/Packages.xz").write_bytes(b"another")

    with pytest.raises(EnvironmentFailed, match=r"Packages.xz is not what its index promises"):
        maker.make()


def test_the_probe_runs_as_a_worker_would_with_the_framework_s_variables(maker):
    maker.spec = replace(maker.spec, environment={"OF_THE_SPEC": "1"})

    made = maker.make(
        probe="import os, pathlib; pathlib.Path(os.environ['MADE_UP'], 'seen').write_text(os.environ['OF_THE_SPEC'])"
    )

    assert (made.folder / "seen").read_text() == "1"


def test_a_probe_that_fails_shows_its_last_lines_and_leaves_the_environment_half_made(maker):
    with pytest.raises(
        EnvironmentFailed,
        match=r"(?s)Made-up was installed, but cannot start: its probe failed\n.*No module named 'gone'\nnext: ",
    ):
        maker.make(probe="import gone")

    assert inspect("made_up", maker.recipe()).state is State.HALF_MADE


def test_a_probe_that_crashes_names_the_signal(maker):
    with pytest.raises(EnvironmentFailed, match="its probe was ended by SIGABRT"):
        maker.make(probe="import os; os.abort()")


def test_a_missing_shared_library_is_named_with_the_package_that_likely_has_it(maker):
    with pytest.raises(EnvironmentFailed, match=r"shared library libgomp\.so\.1 is missing; .* package libgomp1\n"):
        maker.make(probe="raise ImportError('libgomp.so.1: cannot open shared object file: No such file or directory')")


def test_a_full_disk_is_a_sentence_and_no_complete_environment(maker, monkeypatch):
    def full(archive, tree):
        raise OSError(28, "No space left on device", str(tree))

    monkeypatch.setattr(archives, "unpack", full)

    with pytest.raises(
        EnvironmentFailed, match=r"no space left for .*made_up \(\d+ MB free\); next: make room, or .*CNNPERF_HOME"
    ):
        maker.make()
    assert inspect("made_up", maker.recipe()).state is State.HALF_MADE


def test_a_folder_that_may_not_be_written_is_told(maker, home, tmp_path):
    home.write_text("a file stands where the folder should be")

    with pytest.raises(EnvironmentFailed, match=r"cannot write .*home.*CNNPERF_HOME=DIR"):
        maker.make()


def test_removing_deletes_the_environment_and_says_whether_there_was_one(maker, home):
    maker.make()

    assert remove("made_up", maker.told.append)
    assert not remove("made_up", maker.told.append)
    assert [path.name for path in (home / "environments").iterdir()] == [".made_up.lock"]


def test_an_interrupted_removal_leaves_nothing_that_looks_complete_and_the_next_one_ends_it(maker, home, monkeypatch):
    made = maker.make()

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", interrupted)
        with pytest.raises(KeyboardInterrupt):
            remove("made_up", maker.told.append)
    assert inspect("made_up", maker.recipe()).state is State.ABSENT

    remove("made_up", maker.told.append)
    assert [path.name for path in made.folder.parent.iterdir()] == [".made_up.lock"]


HOLDER = """
import sys
from pytest_cnnperf.environments.lock import locked
with locked("made_up", print):
    print("taken", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_waits_for_the_first_and_says_so(maker):
    holder = subprocess.Popen([sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "taken\n"

    def tell(text):
        maker.told.append(text)
        holder.stdin.close()  # it goes on as soon as the other has said that it waits

    made = make(maker.spec, maker.recipe(), tell)
    holder.wait(30)
    holder.stdout.close()

    assert maker.told[0] == f"made_up: waiting for process {holder.pid}, which works on the same environment"
    assert made.state is State.COMPLETE


ORPHAN = """
import os, subprocess
from pytest_cnnperf.environments.lock import locked
with locked("made_up", print):
    subprocess.Popen(["cat"], close_fds=False)
    os._exit(0)
"""


def test_the_lock_is_held_as_long_as_a_child_of_a_killed_process_still_works(maker):
    dead = subprocess.Popen([sys.executable, "-c", ORPHAN], stdin=subprocess.PIPE)
    dead.wait(30)

    def tell(text):
        maker.told.append(text)
        dead.stdin.close()  # ends the child

    make(maker.spec, maker.recipe(), tell)

    assert maker.told[0] == f"made_up: waiting for process {dead.pid}, which works on the same environment"


def test_a_virtual_environment_of_this_python_runs_its_own_interpreter(maker, monkeypatch):
    # Without the step that asks an index for pip.
    monkeypatch.setattr(virtualenv, "install", lambda place, packages, tell: maker.told.append(" ".join(packages)))
    python = f"{sys.version_info.major}.{sys.version_info.minor}"

    made = maker.make(
        python=python,
        packages=("made-up[fast]==2.7.post2", "numpy==1.19.5"),
        debian=(),
        launch=lambda folder: Launch((str(folder / "python/bin/python"),)),
        probe="import sys; assert sys.prefix != sys.base_prefix",
    )

    assert made.state is State.COMPLETE
    assert list(made.versions.items())[:2] == [("made-up", "2.7.post2"), ("numpy", "1.19.5")]
    assert made.versions["python"].startswith(python)
    assert "made-up[fast]==2.7.post2 numpy==1.19.5" in maker.told


def test_the_marker_tells_the_recipe_and_the_versions(maker):
    made = maker.make()

    marker = json.loads((made.folder / "environment.json").read_text())
    assert sorted(marker) == ["made", "recipe", "versions"]
    assert marker["made"].startswith(time.strftime("%Y-", time.gmtime()))
