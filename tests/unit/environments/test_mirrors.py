"""Which mirrors are asked."""

from __future__ import annotations

import pytest

from pytest_cnnperf.environments.mirrors import candidates

PUBLIC = ("https://deb.debian.org/debian", "https://archive.debian.org/debian")


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv("CNNPERF_DEBIAN_MIRROR", raising=False)


@pytest.fixture
def apt(tmp_path):
    (tmp_path / "sources.list.d").mkdir()
    return tmp_path


def test_a_machine_without_apt_asks_the_public_ones(apt):
    assert candidates(apt / "nowhere") == PUBLIC


def test_the_user_s_own_is_the_only_one(apt, monkeypatch):
    monkeypatch.setenv("CNNPERF_DEBIAN_MIRROR", "https://mine.example/debian/")

    assert candidates(apt) == ("https://mine.example/debian",)


def test_the_machine_s_own_comes_first_from_a_file_of_the_new_style(apt):
    (apt / "sources.list.d/debian.sources").write_text(
        "Types: deb\n# said by him\nURIs: http://near.example/debian/ http://far.example/debian\nSuites: bookworm\n"
        "\nTypes: deb\nURIs: http://near.example/debian-security\nSuites: bookworm-security\n"
        "\nEnabled: no\nTypes: deb\nURIs: http://off.example/debian\n"
        "\nTypes: deb-src\nURIs: http://source.example/debian\n"
        "\nTypes: deb\nURIs:\n http://folded.example/debian\nSuites: trixie\n"
    )

    assert candidates(apt) == (
        "http://near.example/debian", "http://far.example/debian", "http://folded.example/debian", *PUBLIC
    )  # fmt: skip


def test_the_machine_s_own_comes_first_from_a_file_of_the_old_style(apt):
    (apt / "sources.list").write_text(
        "# deb http://commented.example/debian stable main\n"
        "deb [signed-by=/usr/share/x.gpg arch=amd64] http://near.example/debian bookworm main\n"
        "deb-src http://source.example/debian bookworm main\n"
        "deb http://ubuntu.example/ubuntu noble main\n"
        "deb mirror+file:/etc/apt/mirrors/debian stable main\n"
    )

    assert candidates(apt) == ("http://near.example/debian", *PUBLIC)


def test_a_mirror_that_stands_in_several_lists_is_asked_once(apt):
    (apt / "sources.list").write_text("deb https://deb.debian.org/debian bookworm main\n")

    assert candidates(apt) == PUBLIC
