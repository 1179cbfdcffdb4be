"""What the kernel tells of a machine, read from made-up trees of files."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_cnnperf.measuring.surroundings.cgroups import cpu_quota, memory_limit_bytes
from pytest_cnnperf.measuring.surroundings.conditions import conditions
from pytest_cnnperf.measuring.surroundings.processor import Cache, as_ranges, numbers, processor
from pytest_cnnperf.measuring.surroundings.system import gpu_driver, system

CPU = "sys/devices/system/cpu"


@pytest.fixture
def tree(tmp_path):
    """Makes files below a root; gives the root."""

    def make(files: dict[str, str]) -> Path:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content + "\n")
        return tmp_path

    return make


def found(root, name, *, cores=8):
    return next((each for each in conditions(cores, root) if each.name == name), None)


def topology(cpu, package, core, siblings):
    folder = f"{CPU}/cpu{cpu}/topology"
    return {
        f"{folder}/physical_package_id": package,
        f"{folder}/core_id": core,
        f"{folder}/thread_siblings_list": siblings,
    }


def cache(index, level, kind, size, shared):
    folder = f"{CPU}/cpu0/cache/index{index}"
    names = {"level": level, "type": kind, "size": size, "shared_cpu_list": shared}
    return {f"{folder}/{name}": value for name, value in names.items()}


def test_two_sockets_of_two_cores_with_two_threads_each_are_counted(tree):
    files = {}
    for cpu in range(8):
        # Linux numbers all first threads before all second ones.
        core = cpu % 4
        files |= topology(cpu, str(core // 2), str(core % 2), f"{core},{core + 4}")
    seen = processor(tree(files))
    assert (seen.sockets, seen.physical_cores, seen.threads_per_core) == (2, 4, 2)


def test_caches_are_read_with_their_size_and_how_many_share_them(tree):
    files = (
        cache(0, "1", "Data", "48K", "0")
        | cache(2, "2", "Unified", "1024K", "0,4")
        | cache(3, "3", "Unified", "32M", "0-7")
    )
    assert processor(tree(files)).caches == (
        Cache(1, "data", 48 * 1024, 1),
        Cache(2, "unified", 2**20, 2),
        Cache(3, "unified", 32 * 2**20, 8),
    )


def test_the_instructions_that_kernels_are_chosen_by_are_named_and_a_virtual_machine_is_told(tree):
    seen = processor(tree({"proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu avx2 hypervisor avx512f amx_bf16 sse\n"}))
    assert seen.vectors == ("avx2", "avx512f", "amx_bf16")
    assert seen.is_virtual


def test_an_arm_processor_lists_its_instructions_as_features(tree):
    seen = processor(tree({"proc/cpuinfo": "processor\t: 0\nFeatures\t: fp asimd sve i8mm\n"}))
    assert seen.vectors == ("asimd", "sve", "i8mm")
    assert not seen.is_virtual


def test_a_system_that_tells_nothing_gives_zeros_and_no_error(tmp_path):
    seen = processor(tmp_path)
    assert (seen.sockets, seen.physical_cores, seen.threads_per_core, seen.caches, seen.vectors) == (0, 0, 0, (), ())
    assert cpu_quota(tmp_path) is None
    assert memory_limit_bytes(tmp_path) is None
    assert [(each.name, each.value) for each in conditions(2, tmp_path)] == [("CPU quota", "none")]


@pytest.mark.parametrize(
    ("ranges", "values"), [("0-2,5", (0, 1, 2, 5)), ("3", (3,)), ("", ()), ("0,2,4-5", (0, 2, 4, 5))]
)
def test_the_kernels_ranges_are_read_and_written(ranges, values):
    assert numbers(ranges) == values
    assert as_ranges(values) == ranges


def test_the_narrowest_quota_on_the_way_up_counts(tree):
    root = tree({
        "proc/self/cgroup": "0::/batch/job",
        "sys/fs/cgroup/batch/job/cpu.max": "max 100000",
        "sys/fs/cgroup/batch/cpu.max": "150000 100000",
        "sys/fs/cgroup/batch/memory.max": str(2**33),
        "sys/fs/cgroup/batch/job/memory.max": "max",
    })  # fmt: skip
    assert cpu_quota(root) == 1.5
    assert memory_limit_bytes(root) == 2**33
    assert found(root, "CPU quota").value == "1.5 cores' time a period"
    assert "whole cores" in found(root, "CPU quota").hint


def test_a_container_under_version_1_sees_its_own_limits_at_the_top_of_the_mount(tree):
    # The path is the host's; in the container only the group itself is mounted.
    root = tree({
        "proc/self/cgroup": "5:cpu,cpuacct:/docker/abc\n4:memory:/docker/abc\n0::/docker/abc",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": str(2**34),
    })  # fmt: skip
    assert cpu_quota(root) == 2.0
    assert memory_limit_bytes(root) == 2**34


def test_version_1_writes_no_limit_as_minus_one_and_as_the_largest_page(tree):
    root = tree({
        "proc/self/cgroup": "5:cpu:/\n4:memory:/",
        "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
        "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
        "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
    })  # fmt: skip
    assert cpu_quota(root) is None
    assert memory_limit_bytes(root) is None


@pytest.mark.parametrize(
    ("files", "name", "value", "is_bad"),
    [
        ({f"{CPU}/cpu0/cpufreq/scaling_governor": "performance"}, "CPU governor", "performance", False),
        ({f"{CPU}/cpu0/cpufreq/scaling_governor": "powersave"}, "CPU governor", "powersave", True),
        ({f"{CPU}/intel_pstate/no_turbo": "0"}, "boost", "on", True),
        ({f"{CPU}/intel_pstate/no_turbo": "1"}, "boost", "off", False),
        ({f"{CPU}/cpufreq/boost": "1"}, "boost", "on", True),
        ({f"{CPU}/cpufreq/boost": "0"}, "boost", "off", False),
        ({f"{CPU}/smt/active": "1"}, "SMT", "on", True),
        ({f"{CPU}/smt/active": "0"}, "SMT", "off", False),
        # A quarter of eight cores is where it begins to count.
        ({"proc/loadavg": "1.90 3.00 3.00 2/100 999"}, "load", "1.9 on 8 cores in the last minute", False),
        ({"proc/loadavg": "2.10 0.00 0.00 2/100 999"}, "load", "2.1 on 8 cores in the last minute", True),
        # user nice system idle iowait irq softirq steal: 20 of 1000 were stolen.
        ({"proc/stat": "cpu 100 0 80 800 0 0 0 20 0 0\ncpu0 1"}, "stolen time", "2.00% since boot", True),
        ({"proc/stat": "cpu 100 0 100 800 0 0 0 0 0 0\ncpu0 1"}, "stolen time", "0.00% since boot", False),
    ],
)
def test_what_disturbs_has_a_hint_and_what_does_not_has_none(tree, files, name, value, is_bad):
    condition = found(tree(files), name)
    assert condition.value == value
    assert bool(condition.hint) is is_bad
    if is_bad and name != "stolen time":  # about that one nothing can be done from within
        assert condition.command


def test_the_command_against_boost_writes_the_value_that_turns_it_off(tree):
    assert found(tree({f"{CPU}/intel_pstate/no_turbo": "0"}), "boost").command.startswith("echo 1 | sudo tee /sys/")


def test_governors_that_differ_are_all_named(tree):
    files = {
        f"{CPU}/cpu{index}/cpufreq/scaling_governor": name for index, name in enumerate(("performance", "ondemand"))
    }
    assert found(tree(files), "CPU governor").value == "ondemand, performance"
    assert found(tree(files), "CPU governor").hint


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023", "535.104.05"),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build  (x)", "570.86.15"),
    ],
)
def test_the_drivers_version_is_read_from_its_kernel_module(tree, line, version):
    assert (
        gpu_driver(tree({"proc/driver/nvidia/version": f"{line}\nGCC version: gcc version 12.2.0 (Debian)"})) == version
    )


def test_without_the_kernel_module_there_is_no_driver(tmp_path):
    assert gpu_driver(tmp_path) is None


def test_the_system_names_its_kernel():
    assert "Linux" in system()
