"""Who gets which tests under xdist, and who gets those of a worker that died."""

from types import SimpleNamespace

from pytest_cnnperf.plugin.scheduling import LoadGroup


class Node:
    """A worker of xdist that keeps what it is told."""

    gateway = SimpleNamespace(id="gw")
    shutting_down = False

    def __init__(self):
        self.given = []

    def send_runtest_some(self, indices):
        self.given += indices

    def shutdown(self):
        self.shutting_down = True


def scheduled(suite, groups, count):
    """A scheduler by group whose `count` nodes have collected a test for each letter, of this group."""
    scheduling = LoadGroup(suite.pytester.parseconfigure("--tx", f"{count}*popen"))
    nodes = [Node() for _ in range(count)]
    tests = [f"test_{number}@{group}" for number, group in enumerate(groups)]
    for node in nodes:
        scheduling.add_node(node)
        scheduling.add_node_collection(node, tests)
    scheduling.schedule()

    def replaced(node):
        crashed = scheduling.remove_node(node)
        new = Node()
        scheduling.add_node(new)
        scheduling.add_node_collection(new, tests)
        scheduling.schedule()
        return crashed, new

    return scheduling, nodes, replaced


def test_who_replaces_a_dead_worker_gets_what_that_has_not_done_and_then_its_end(suite):
    scheduling, (node,), replaced = scheduled(suite, "abcd", 1)
    assert node.given == [0, 1]
    for number in (0, 1):
        scheduling.mark_test_complete(node, number)
    assert (node.given, node.shutting_down) == ([0, 1, 2, 3], False)
    # It dies at its third test: neither that nor the two complete ones are run again.
    crashed, new = replaced(node)
    assert crashed == "test_2@c"
    assert (new.given, new.shutting_down) == ([3], True)
    scheduling.mark_test_complete(new, 3)
    assert scheduling.tests_finished


def test_who_replaces_a_dead_worker_that_had_done_everything_is_told_to_end(suite):
    scheduling, (node,), replaced = scheduled(suite, "ab", 1)
    for number in (0, 1):
        scheduling.mark_test_complete(node, number)
    crashed, new = replaced(node)
    assert crashed is None
    assert (new.given, new.shutting_down) == ([], True)


def test_who_replaces_a_dead_worker_goes_on_in_its_group(suite):
    scheduling, (first, second), replaced = scheduled(suite, "aaaabbbb", 2)
    assert (first.given, second.given) == ([0, 1, 2, 3], [4, 5, 6, 7])
    scheduling.mark_test_complete(second, 4)
    crashed, new = replaced(second)
    assert crashed == "test_5@b"
    assert (new.given, new.shutting_down) == ([6, 7], False)
    scheduling.mark_test_complete(new, 6)
    assert (new.given, new.shutting_down) == ([6, 7], True)


def test_single_tests_are_dealt_out_by_twos(suite):
    scheduling, (node,), replaced = scheduled(suite, "abcde", 1)
    crashed, new = replaced(node)
    assert crashed == "test_0@a"
    assert (new.given, new.shutting_down) == ([2, 3], False)
    assert list(scheduling.workqueue) == ["e", "b"]
