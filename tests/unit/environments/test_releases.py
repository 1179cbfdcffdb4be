"""Whether what a mirror says can be believed."""

from __future__ import annotations

import subprocess

import pytest

from pytest_cnnperf.environments import EnvironmentFailed, releases

SIGNED = b"SHA256:\n 00 1 main/binary-amd64/Packages.xz\n"


@pytest.fixture
def gpgv(monkeypatch, tmp_path):
    """A gpgv that says what it is told to say, and a keyring."""

    def gpgv(status, text=SIGNED):
        (tmp_path / "keys.gpg").touch()
        monkeypatch.setattr(releases, "_KEYRINGS", (tmp_path / "keys.gpg",))
        monkeypatch.setattr(releases.shutil, "which", lambda program: f"/usr/bin/{program}")
        answer = subprocess.CompletedProcess([], 2, stdout=text, stderr=status.encode())
        monkeypatch.setattr(releases.subprocess, "run", lambda *_, **__: answer)

    return gpgv


def mirrored(monkeypatch, tmp_path, text):
    """A mirror whose release file, as it lies there, is this; what is asked of it."""
    asked = []

    def fetch(url, target, *, sha256, tell):
        asked.append((url, sha256))
        file = tmp_path / target.name
        file.write_text(text)
        return file

    monkeypatch.setattr(releases, "fetch", fetch)
    return asked


def release(digest):
    return f"SHA256:\n {digest} 8000 main/binary-amd64/Packages.xz\n"


def test_over_https_the_index_is_the_one_that_the_release_names(monkeypatch, tmp_path):
    asked = mirrored(monkeypatch, tmp_path, "MD5Sum:\n 00 1 main/binary-amd64/Packages.xz\n" + release("ab" * 32))

    releases.index_of("https://mirror.example/debian", print)

    assert asked == [
        ("https://mirror.example/debian/dists/bullseye/InRelease", ""),
        ("https://mirror.example/debian/dists/bullseye/main/binary-amd64/Packages.xz", "ab" * 32),
    ]


def test_over_http_only_what_debian_signed_counts(monkeypatch, tmp_path, gpgv):
    asked = mirrored(monkeypatch, tmp_path, release("bad0" * 16))
    gpgv("[GNUPG:] NO_PUBKEY 1\n[GNUPG:] VALIDSIG 2\n", release("ab" * 32).encode())

    releases.index_of("http://mirror.example/debian", print)

    assert asked[1][1] == "ab" * 32


@pytest.mark.parametrize("status", ["[GNUPG:] NO_PUBKEY 1\n", "[GNUPG:] VALIDSIG 2\n[GNUPG:] BADSIG 1\n", ""])
def test_over_http_without_a_good_signature_nothing_is_believed(monkeypatch, tmp_path, gpgv, status):
    asked = mirrored(monkeypatch, tmp_path, release("ab" * 32))
    gpgv(status)

    with pytest.raises(EnvironmentFailed, match="is not signed by Debian"):
        releases.index_of("http://mirror.example/debian", print)
    assert len(asked) == 1


def test_over_http_without_keys_nothing_is_believed(monkeypatch, tmp_path):
    mirrored(monkeypatch, tmp_path, release("ab" * 32))
    monkeypatch.setattr(releases, "_KEYRINGS", ())

    with pytest.raises(EnvironmentFailed, match="apt-get install gpgv debian-archive-keyring"):
        releases.index_of("http://mirror.example/debian", print)


def test_a_release_without_the_index_is_told(monkeypatch, tmp_path):
    mirrored(monkeypatch, tmp_path, "SHA256:\n")

    with pytest.raises(EnvironmentFailed, match=r"InRelease has no SHA256 of main/binary-amd64/Packages.xz"):
        releases.index_of("https://mirror.example/debian", print)
