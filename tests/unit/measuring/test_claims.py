"""Who is served when: the rule of the queue, and its files."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

import pytest

from pytest_cnnperf.measuring.claims import Claim, Place, shares
from pytest_cnnperf.measuring.lease import Leases

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
        pytest.param({1: claim(count=0), 2: claim(A)}, {2: (A,)}, id="a claim for nothing is not in the way"),
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
        open_before = len(list(Path("/proc/self/fd").iterdir()))
        with pytest.raises(OSError, match="No space left"):
            Place(tmp_path, claim(A))
        assert len(list(Path("/proc/self/fd").iterdir())) == open_before
    place = Place(tmp_path, claim(A))
    assert place.take() == (A,)
    place.leave()


def test_a_parked_place_is_in_nobodys_way_and_keeps_its_file(tmp_path: Path) -> None:
    first, second = Place(tmp_path, claim(A)), Place(tmp_path, claim(A))
    first.park()
    assert first.take() == ()
    assert second.take() == (A,)
    second.leave()
    assert len(list(tmp_path.glob("*.claim"))) == 1
    first.renew(claim(A, B, count=2))
    assert first.take() == (A, B)


def test_a_renewed_place_is_behind_all_who_wait(tmp_path: Path) -> None:
    first = Place(tmp_path, claim(B))
    first.park()
    holder, waiting = Place(tmp_path, claim(A)), Place(tmp_path, claim(A))
    first.renew(claim(A))
    holder.leave()
    assert first.take() == ()
    assert first.waits_for() == (A, 4711)
    assert waiting.take() == (A,)
    waiting.leave()
    assert first.take() == (A,)


def test_a_renewed_place_waits_for_a_holder(tmp_path: Path) -> None:
    first = Place(tmp_path, claim(A))
    first.park()
    holder = Place(tmp_path, Claim(1, (A,), 1))
    first.renew(claim(A))
    assert first.take() == ()
    assert first.waits_for() == (A, 1)
    holder.park()
    assert first.take() == (A,)


def test_a_parked_place_in_a_cleaned_folder_joins_anew(tmp_path: Path) -> None:
    first = Place(tmp_path, claim(A))
    first.park()
    for path in tmp_path.iterdir():
        path.unlink()
    other = Place(tmp_path, claim(A))  # with the same number
    first.renew(claim(A))
    assert (first.take(), other.take()) == ((), (A,))
    first.leave()
    assert other.take() == (A,)
    assert len(list(tmp_path.glob("*.claim"))) == 1


def test_a_shorter_claim_leaves_nothing_of_a_longer_one_behind(tmp_path: Path) -> None:
    place = Place(tmp_path, claim(A, B, C, count=3))
    place.park()
    (path,) = tmp_path.glob("*.claim")
    assert json.loads(path.read_text()) == {"pid": 4711, "wanted": [], "count": 0, "held": []}


def test_a_claim_that_cannot_be_read_keeps_its_number_and_asks_for_nothing(tmp_path: Path) -> None:
    # Its owner is just giving back what it had, without the lock of the queue.
    path = tmp_path / "00000001.claim"
    path.write_text('{"pid": 4711, "wanted": [], "cou: 1, "held": ["GPU-a"]}')
    with path.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        place = Place(tmp_path, claim(A))
        assert place.take() == (A,)
        place.leave()
    assert path.exists()


def test_a_renewal_that_fails_leaves_no_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leases = Leases(tmp_path)
    with leases.hold([A]):
        pass

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match="No space left"), leases.hold([A]):
        pass
    monkeypatch.undo()
    assert not list(tmp_path.glob("*.claim"))
    with leases.hold([A]) as taken:
        assert taken == (A,)
    leases.close()


def test_a_forked_child_that_goes_on_waiting_has_a_place_of_its_own(tmp_path: Path) -> None:
    holder, waiting = Place(tmp_path, claim(A)), Place(tmp_path, Claim(2, (A,), 1))
    waiting.forget()  # as in the child
    assert waiting.take() == ()
    assert len(list(tmp_path.glob("*.claim"))) == 2  # there is no parent here that has the other's open
    holder.leave()
    assert waiting.take() == (A,)


def test_whoever_is_alone_renews_without_looking_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(tmp_path, claim(A))
    place.park()
    with monkeypatch.context() as patched:
        patched.setattr("os.listdir", lambda _: pytest.fail("looked into the folder"))
        place.renew(claim(B))
    assert place.take() == (B,)
    place.park()
    newcomer = Place(tmp_path, claim(A))
    place.renew(claim(A))
    assert (place.take(), newcomer.take()) == ((), (A,))
    newcomer.leave()
    assert place.take() == (A,)


def test_no_number_is_given_twice(tmp_path: Path) -> None:
    # A place that was alone would take the claim of a newcomer with its own number for its own.
    for number in (1, 2, 3):
        place = Place(tmp_path, claim(A))
        assert [path.name for path in tmp_path.glob("*.claim")] == [f"{number:08d}.claim"]
        place.leave()


@pytest.mark.parametrize("content", [b"", b"0000000", b"not a number", b"\0" * 8], ids=["empty", "cut", "words", "nul"])
def test_a_lock_that_tells_no_number_makes_everybody_look(tmp_path: Path, content: bytes) -> None:
    place = Place(tmp_path, claim(A))
    place.park()
    newcomer = Place(tmp_path, claim(A))
    (tmp_path / "queue.lock").write_bytes(content)
    place.renew(claim(A))
    assert (place.take(), newcomer.take()) == ((), (A,))
    third = Place(tmp_path, claim(A))
    assert len(list(tmp_path.glob("*.claim"))) == 3
    for each in (place, newcomer, third):
        each.leave()


def test_where_only_the_lock_was_removed_all_meet_at_the_new_one(tmp_path: Path) -> None:
    place = Place(tmp_path, claim(A))
    place.park()
    (tmp_path / "queue.lock").unlink()
    newcomer = Place(tmp_path, claim(A))
    place.renew(claim(A))
    assert (place.take(), newcomer.take()) == ((), (A,))
    newcomer.leave()
    assert place.take() == (A,)
    place.leave()
    assert [path.name for path in tmp_path.iterdir()] == ["queue.lock"]


def test_an_interrupt_when_the_queue_is_locked_already_leaves_it_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Place(tmp_path, claim("a"))
    second = Place(tmp_path, claim("a"))
    lock = fcntl.flock

    def locked_and_interrupted(descriptor: int, operation: int) -> None:
        lock(descriptor, operation)
        raise KeyboardInterrupt

    monkeypatch.setattr(fcntl, "flock", locked_and_interrupted)
    with pytest.raises(KeyboardInterrupt):
        second.take()
    monkeypatch.undo()
    with (tmp_path / "queue.lock").open() as stream:
        lock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    first.leave()
    assert second.take() == ("a",)
    second.leave()
