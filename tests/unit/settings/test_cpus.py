"""Usable CPUs from affinity and cgroup files."""

import os

import pytest

from rhebok.settings import cpus


@pytest.fixture
def cgroup(tmp_path):
    def write(**files: str):
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        return tmp_path

    return lambda files: write(**files)


@pytest.mark.parametrize(
    ("membership", "files", "quota"),
    [
        ("0::/a/b\n", {"a/b/cpu.max": "150000 100000\n"}, 1.5),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n"}, None),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "200000 100000\n"}, 2.0),
        ("0::/a/b\n", {"a/b/cpu.max": "400000 100000\n", "cpu.max": "50000 100000\n"}, 0.5),
        ("0::/not/here\n", {"cpu.max": "300000 100000\n"}, 3.0),
        ("0::/\n", {}, None),
        ("0::/a\n", {"unified/a/cpu.max": "100000 100000\n"}, 1.0),
        (
            "4:cpu,cpuacct:/a\n",
            {"cpu/a/cpu.cfs_quota_us": "250000\n", "cpu/a/cpu.cfs_period_us": "100000\n"},
            2.5,
        ),
        (
            "4:cpu,cpuacct:/a\n",
            {"cpu/a/cpu.cfs_quota_us": "-1\n", "cpu/a/cpu.cfs_period_us": "100000\n"},
            None,
        ),
        (
            "4:cpuacct,cpu:/x\n",
            {"cpuacct,cpu/cpu.cfs_quota_us": "1\n", "cpuacct,cpu/cpu.cfs_period_us": "2\n"},
            0.5,
        ),
        ("7:memory:/a\n", {"cpu/a/cpu.cfs_quota_us": "1\n", "cpu/a/cpu.cfs_period_us": "1\n"}, None),
        ("0::/a\n", {"a/cpu.max": "nonsense\n"}, None),
        ("0::/a\n", {"a/cpu.max": "100000 0\n"}, None),
        ("", {}, None),
    ],
)
def test_the_quota_of_a_cgroup(cgroup, membership, files, quota):
    assert cpus.cgroup_quota(membership, cgroup(files)) == quota


@pytest.mark.parametrize(
    ("affinity", "quota", "usable"),
    [({0, 1, 2, 3}, None, 4), ({0, 1, 2, 3}, 1.5, 2), ({0}, 8.0, 1), ({0, 1}, 0.1, 1)],
)
def test_the_smaller_of_affinity_and_quota_counts(monkeypatch, affinity, quota, usable):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: affinity)
    monkeypatch.setattr(cpus, "cgroup_quota", lambda *_: quota)
    assert cpus.usable_cpus() == usable
    assert cpus.auto_workers() == 2 * usable + 1
