"""Advice on shared libraries that an import does not find."""

from __future__ import annotations

import pytest

from pytest_cnnperf.frameworks.shared_libraries import advice, likely_package


@pytest.mark.parametrize(
    ("library", "package"),
    [  # the packages of Debian 11 and 12 that hold these files
        ("libgomp.so.1", "libgomp1"),
        ("libgfortran.so.5", "libgfortran5"),
        ("libmpi.so.40", "libopenmpi3"),
        ("libmpi_cxx.so.1", "libopenmpi3"),
        ("libopenblas.so.0", "libopenblas0-pthread"),
        ("libstdc++.so.6", "libstdc++6"),
        ("libboost_python39.so.1.74.0", "libboost-python39-1.74.0"),
        ("libprotobuf.so.23", "libprotobuf23"),
    ],
)
def test_the_package_is_named_after_its_library(library, package):
    assert likely_package(library) == package


def test_the_dynamic_loader_s_complaint_is_understood():
    text = "ImportError: libmpi.so.12: cannot open shared object file: No such file or directory"

    assert advice(text) == (
        "the shared library libmpi.so.12 is missing; it is likely in the Debian package libopenmpi3"
    )


def test_another_error_gets_no_advice():
    assert advice("ModuleNotFoundError: No module named 'mine'") is None
