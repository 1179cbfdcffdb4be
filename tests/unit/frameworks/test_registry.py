"""Frameworks by name, and whether they are installed; nothing of them is imported."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from pytest_cnnperf.errors import UnknownName
from pytest_cnnperf.frameworks import builtin

REGISTRY = builtin()
NUMPY = REGISTRY.get("numpy")


def test_the_built_in_frameworks_stand_in_their_order(monkeypatch):
    monkeypatch.delenv("CNNPERF_FAKE_SCRIPT", raising=False)

    assert list(builtin()) == ["numpy", "torch", "tensorflow", "jax", "theano", "cntk", "caffe", "cudnn"]


def test_the_fake_framework_is_known_only_where_it_has_a_script(monkeypatch):
    monkeypatch.setenv("CNNPERF_FAKE_SCRIPT", "script.json")

    assert list(builtin())[-1] == "fake"


def test_every_adapter_is_a_file():
    assert all(REGISTRY.get(name).adapter.is_file() for name in REGISTRY)


def test_an_unknown_name_lists_the_known_ones_and_the_nearest():
    with pytest.raises(
        UnknownName, match=r"'tensorflw'; known: numpy, torch, tensorflow.*; did you mean 'tensorflow'\?"
    ):
        REGISTRY.get("tensorflw")


def test_a_name_like_no_other_gets_no_guess():
    with pytest.raises(UnknownName) as error:
        REGISTRY.get("zzz")

    assert "did you mean" not in str(error.value)


def test_a_later_registration_replaces_the_former_in_its_place():
    mine = replace(NUMPY, title="Mine")

    extended = REGISTRY.extended([mine])

    assert extended.get("numpy") is mine
    assert list(extended) == list(REGISTRY)
    assert REGISTRY.get("numpy") is NUMPY


def test_a_missing_framework_says_which_module_and_what_to_type():
    spec = replace(NUMPY, title="Nowhere", modules=("numpy", "no_such_framework"), install="pip install nowhere")

    assert REGISTRY.missing(spec) == (
        "Nowhere is not installed here (no module no_such_framework); next: pip install nowhere"
    )


def test_a_framework_with_its_own_interpreter_is_not_looked_for_here():
    assert REGISTRY.missing(replace(NUMPY, modules=("no_such_framework",), command=("python3.6",))) is None


def test_looking_for_frameworks_imports_none_of_them():
    asked = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from pytest_cnnperf.frameworks import builtin\n"
            "known = builtin(); [known.missing(known.get(name)) for name in known]\n"
            "print(sorted({'torch', 'tensorflow', 'jax'} & set(sys.modules)))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )

    assert asked.stdout.strip() == "[]"
