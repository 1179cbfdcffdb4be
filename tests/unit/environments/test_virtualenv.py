"""pip in a virtual environment, with a stand-in for its interpreter."""

from __future__ import annotations

import pytest

from pytest_cnnperf.environments import EnvironmentFailed, virtualenv

WHEEL = "  Downloading https://mirror.example/ab/big-1.0-cp36-manylinux.whl (75.3 MB)"


@pytest.fixture
def environment(tmp_path):
    """An environment whose Python is of this version, and whose pip writes this and ends so for the packages."""

    def environment(version, written="", *, status=0):
        program = tmp_path / "bin" / "python"
        program.parent.mkdir()
        program.write_text(
            "#!/bin/sh\n"
            f'[ "$1" = -c ] && {{ echo "{version}"; exit; }}\n'
            f'echo "$@" >> "{tmp_path}/calls"\n'
            'case "$*" in *pip==*) exit ;; esac\n'
            f"cat <<'END'\n{written}\nEND\nexit {status}\n"
        )
        program.chmod(0o755)
        return tmp_path

    return environment


@pytest.mark.parametrize(
    ("version", "pip"),
    # The last that supports each, by their release notes: 22.0 dropped Python 3.6, 24.1 dropped 3.7, 25.1 dropped 3.8.
    [("3 6", "21.3.1"), ("3 7", "24.0"), ("3 8", "25.0.1"), ("3 9", "25.3"), ("3 13", "25.3")],
)
def test_pip_is_the_newest_that_the_python_supports(environment, version, pip):
    place = environment(version)

    virtualenv.install(place, [], print)

    assert (place / "calls").read_text().split()[-1] == f"pip=={pip}"


def test_all_packages_are_installed_at_once_and_large_downloads_are_told(environment):
    place = environment("3 6", f"Collecting big==1.0\n{WHEEL}\n  Downloading small-1.0.tar.gz (1.2 MB)")
    told = []

    virtualenv.install(place, ["big==1.0", "small==1.0"], told.append)

    assert (place / "calls").read_text().splitlines()[-1].endswith("install --progress-bar=off big==1.0 small==1.0")
    assert told == ["  downloading big-1.0-cp36-manylinux.whl (75 MB)"]


@pytest.mark.parametrize(
    ("written", "advice"),
    [
        ("ERROR: No matching distribution found for big==1.0", "correct it, then run the same command again"),
        ("NewConnectionError: Failed to establish a new connection", "check the network and pip's configuration"),
        ("OSError: [Errno 28] No space left on device", "make room"),
    ],
)
def test_a_pip_that_fails_shows_the_end_of_what_it_wrote_and_what_to_do(environment, written, advice):
    place = environment("3 6", "Collecting big\n" * 30 + written, status=1)

    with pytest.raises(EnvironmentFailed, match=advice) as caught:
        virtualenv.install(place, ["big==1.0"], print)

    assert str(caught.value).count("Collecting") < 15


def test_a_python_that_cannot_make_virtual_environments_is_told_with_the_package_that_it_lacks(tmp_path):
    program = tmp_path / "python3.1"
    program.write_text("#!/bin/sh\necho 'ensurepip is not available'\nexit 1\n")
    program.chmod(0o755)

    with pytest.raises(EnvironmentFailed, match=r"could not make a virtual environment; (?s:.*)pythonX.Y-venv"):
        virtualenv.make(str(program), tmp_path / "made")
