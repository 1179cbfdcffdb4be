"""Unpacking of packages: everything lands in the tree, and nothing anywhere else."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pytest_cnnperf.environments import EnvironmentFailed
from pytest_cnnperf.environments.archives import prepare, unpack


@pytest.fixture
def tree(tmp_path):
    place = tmp_path / "outer" / "tree"
    place.mkdir(parents=True)
    prepare(place)
    return place


@pytest.fixture
def unpacked(tree, deb):
    """Unpacks a package of these members."""

    def unpacked(*members):
        archive = tree.parent.parent / "package.deb"
        archive.write_bytes(deb(*members))
        unpack(archive, tree)

    return unpacked


def test_files_and_their_folders_are_unpacked_with_their_modes_but_without_set_user_id(tree, unpacked):
    unpacked(("program", "./usr/bin/tool", "#!"), ("file", "./usr/share/text", "text"))

    assert (tree / "usr/share/text").read_bytes() == b"text"
    assert stat.S_IMODE((tree / "usr/bin/tool").stat().st_mode) == 0o755


def test_the_root_s_own_lib_is_that_of_usr(tree, unpacked):
    unpacked(("file", "./lib/x/libz.so.1", "Z"))

    assert (tree / "usr/lib/x/libz.so.1").read_bytes() == b"Z"


def test_a_relative_link_stays_and_an_absolute_one_points_into_the_tree(tree, unpacked):
    unpacked(
        ("file", "./usr/lib/libz.so.1.2", "Z"),
        ("link", "./usr/lib/libz.so.1", "libz.so.1.2"),
        ("link", "./lib/libz.so", "/lib/libz.so.1.2"),
        ("hard link", "./usr/lib/same.so", "./usr/lib/libz.so.1.2"),
    )

    assert (tree / "usr/lib/libz.so.1").readlink() == Path("libz.so.1.2")
    assert [(tree / "usr/lib" / name).read_bytes() for name in ("libz.so.1", "libz.so", "same.so")] == [b"Z"] * 3
    assert not (tree / "usr/lib/libz.so").readlink().is_absolute()


def test_unpacking_again_changes_nothing(tree, unpacked):
    members = (("file", "./usr/a", "A"), ("link", "./usr/b", "a"), ("hard link", "./usr/c", "./usr/a"))
    unpacked(*members)
    unpacked(*members)

    assert sorted(path.name for path in (tree / "usr").iterdir() if not path.is_dir()) == ["a", "b", "c"]
    assert (tree / "usr/c").read_bytes() == b"A"


def test_device_files_are_left_out(tree, unpacked):
    unpacked(("device", "./dev/null", ""))

    assert not (tree / "dev/null").exists()


@pytest.mark.parametrize(
    "members",
    [
        [("file", "../stolen", "!")],
        [("file", "./usr/../../stolen", "!")],
        [("link", "./way", "../.."), ("file", "./way/stolen", "!")],
        [("link", "./usr/way", "../../outside")],
        [("link", "./usr/way", "/../../outside")],
        [("hard link", "./usr/way", "../outside")],
    ],
)
def test_a_package_that_leads_out_of_the_tree_is_refused(tree, unpacked, members):
    with pytest.raises(EnvironmentFailed, match="out of the tree"):
        unpacked(*members)

    assert sorted(path.name for path in tree.parent.iterdir()) == ["tree"]


def test_a_link_of_somebody_else_that_leads_out_is_not_written_through(tree, unpacked):
    (tree / "usr/way").symlink_to(tree.parent)

    with pytest.raises(EnvironmentFailed, match=r"'./usr/way/stolen' .* leads out of the tree through a link"):
        unpacked(("file", "./usr/way/stolen", "!"))


def test_an_absolute_name_begins_at_the_tree_s_root(tree, unpacked):
    unpacked(("file", "/etc/x", "X"))

    assert (tree / "etc/x").read_bytes() == b"X"


@pytest.mark.parametrize("content", [b"", b"!<arch>\n", b"PK\x03\x04"])
def test_what_is_no_package_is_told(tree, content):
    (tree.parent / "broken.deb").write_bytes(content)

    with pytest.raises(EnvironmentFailed, match=r"broken.deb is no Debian package .* next: delete it"):
        unpack(tree.parent / "broken.deb", tree)


def test_a_package_that_was_cut_off_is_told(tree, deb):
    (tree.parent / "broken.deb").write_bytes(deb(("file", "./a", "a" * 999))[:-40])

    with pytest.raises(EnvironmentFailed, match=r"broken.deb is no Debian package"):
        unpack(tree.parent / "broken.deb", tree)
