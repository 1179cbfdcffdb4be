"""What a set of Debian packages needs."""

from __future__ import annotations

import pytest

from pytest_cnnperf.environments import EnvironmentFailed
from pytest_cnnperf.environments.packages import closure, parse


def index(**depends):
    """Packages by name, each with its Depends; `x__provides` gives what x provides."""
    stanzas = []
    for name, text in depends.items():
        if not name.endswith("__provides"):
            provides = depends.get(f"{name}__provides", "")
            stanzas.append(
                f"Package: {name}\nVersion: 1\nDepends: {text}\nProvides: {provides}\n"
                f"Description: a: b\nFilename: pool/{name}.deb\nSize: 10\nSHA256: 00\n"
            )
    return parse("\n".join(stanzas))


def names(*wanted, whole=False, **depends):
    return [package.name for package in closure(index(**depends), wanted, whole=whole)]


def test_a_package_brings_what_it_depends_on_and_what_that_depends_on():
    assert names("a", a="b (>= 1.2~), c:any [amd64]", b="d", c="", d="", e="") == ["a", "b", "c", "d"]


def test_a_circle_of_dependencies_ends():
    assert names("a", a="b", b="a") == ["a", "b"]


def test_of_alternatives_the_first_that_exists_is_taken():
    assert names("a", a="gone | b | c", b="", c="") == ["a", "b"]


def test_an_alternative_that_was_asked_for_wins():
    # libcaffe depends on "libblas3 | libblas.so.3", and OpenBLAS, which is asked for, provides the latter.
    known = {"a": "slow | virtual", "slow": "", "quick": "", "quick__provides": "virtual (= 3)"}

    assert names("a", "quick", **known) == ["a", "quick"]
    assert names("a", **known) == ["a", "slow"]


def test_a_name_that_is_no_package_is_brought_by_who_provides_it():
    assert names("a", a="virtual", b="", b__provides="other, virtual") == ["a", "b"]


def test_the_c_library_and_what_only_it_needs_are_left_out_unless_all_is_asked_for():
    known = {"a": "libc6, libz", "libc6": "libonly", "libonly": "", "libz": "libc6"}

    assert names("a", **known) == ["a", "libz"]
    assert names("a", whole=True, **known) == ["a", "libc6", "libz", "libonly"]


def test_a_dependency_that_nobody_has_is_told_with_who_needs_it():
    with pytest.raises(EnvironmentFailed, match=r"package a 1 needs gone \| lost, which is not in the index"):
        names("a", a="gone | lost")


def test_a_package_that_does_not_exist_is_told():
    with pytest.raises(EnvironmentFailed, match="'libab' is not in the index of 2 packages; names like it: libabc"):
        names("libab", libabc="", z="")


def test_what_is_no_index_is_told():
    with pytest.raises(EnvironmentFailed, match="no index of Debian packages"):
        parse("Package: a\nVersion: 1\n")
