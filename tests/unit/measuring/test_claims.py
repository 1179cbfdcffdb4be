"""Who is served when: the rule of the queue, and its files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from pytest_cnnperf.measuring.claims import Claim, Place, shares

A, B, C = "GPU-a", "GPU-b", "GPU-c"


def claim(*wanted: str, count: int = 1, held: tuple[str, ...] = ()) -> Claim:
    return Claim(4711, wanted, count, held)


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        pytest.param({1: claim(A), 2: claim(A)}, {1: (A,), 2: ()}, id="the first to ask is the first to be served"),
        pytest.param({10: claim(A), 9: claim(A)}, {9: (A,), 10: ()}, id="numbers are counted, not spelt"),
        pytest.param(
            {1: claim(A, held=(A,)), 2: claim(A), 3: claim(B)}, {2: (), 3: (B,)}, id="a free device nobody wants is had"
        ),
        pytest.param(
            {1: claim(A, B, held=(B,)), 2: claim(A, B, count=2), 3: claim(A, B)},
            {2: (A,), 3: ()},
            id="what is free is kept for a claim of two",
        ),
        pytest.param(
            {1: claim(A, B, C), 2: claim(A, B, C), 3: claim(A, B, C)},
            {1: (A,), 2: (B,), 3: (C,)},
            id="any device will do",
        ),
        pytest.param(
            {5: claim(A, held=(A,)), 4: claim(A, B, count=2)}, {4: (B,)}, id="a holder counts whenever it came"
        ),
    ],
)
def test_devices_go_to_the_waiting_in_their_order(
    claims: dict[int, Claim], expected: dict[int, tuple[str, ...]]
) -> None:
    assert shares(claims) == expected


def test_places_are_served_in_order_and_leave_no_file(tmp_path: Path) -> None:
    places = [Place(tmp_path, Claim(pid, (A,), 1)) for pid in (1, 2, 3)]
    assert places[2].take() == places[1].take() == ()
    assert places[0].take() == (A,)
    assert places[2].take() == ()
    assert places[2].waits_for() == (A, 1)
    places[0].leave()
    assert places[2].take() == ()
    assert places[2].waits_for() == (A, 2)
    places[1].leave()
    assert places[2].take() == (A,)
    places[2].leave()
    assert [path.name for path in tmp_path.iterdir()] == ["queue.lock"]


@pytest.mark.parametrize(
    "content", ["", "{", json.dumps({"pid": 1, "wanted": [A], "count": 1, "held": [A]})], ids=["empty", "cut", "held"]
)
def test_a_file_that_nobody_locks_is_a_dead_claim_and_is_removed(tmp_path: Path, content: str) -> None:
    left = tmp_path / "00000007.claim"
    left.write_text(content)
    place = Place(tmp_path, claim(A))
    assert not left.exists()
    assert place.take() == (A,)
    place.leave()


def test_other_files_in_the_folder_are_let_alone(tmp_path: Path) -> None:
    names = ("cpu-0.lock", "note.claim", "note.txt")
    for name in names:
        (tmp_path / name).write_text("of an earlier version, or the user's")
    Place(tmp_path, claim(A)).leave()
    assert {path.name for path in tmp_path.iterdir()} == {*names, "queue.lock"}


def test_a_waiter_whose_folder_was_cleaned_asks_again(tmp_path: Path) -> None:
    first, second = Place(tmp_path, claim(A)), Place(tmp_path, claim(A))
    assert first.take() == (A,)
    assert second.take() == ()
    for path in tmp_path.iterdir():
        path.unlink()
    other = Place(tmp_path, claim(B))
    assert second.take() == (A,)
    first.leave()
    assert len(list(tmp_path.glob("*.claim"))) == 2
    second.leave()
    other.leave()


def test_a_claim_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patched:
        patched.setattr("os.pwrite", full)
        with pytest.raises(OSError, match="No space left"):
            Place(tmp_path, claim(A))
    place = Place(tmp_path, claim(A))
    assert place.take() == (A,)
    place.leave()
