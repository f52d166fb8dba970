"""Who is believed, and who can reach the sockets."""

import pytest

from rhebok.doctor import trust
from rhebok.doctor.finding import Level


def found(machine, settings, check, **more):
    return [each for each in trust.check(settings, machine.system(**more)) if each.check == check]


@pytest.mark.parametrize(
    ("bind", "peers", "level"),
    [
        ("127.0.0.1:8000", ("*",), "ok"),
        ("localhost", ("*",), "ok"),
        ("[::1]:8000", ("*",), "ok"),
        ("0.0.0.0:8000", ("*",), "change"),
        ("0.0.0.0:8000", ("0.0.0.0/0",), "change"),
        ("[::]:8000", ("::/0",), "change"),
        ("192.0.2.1:80", ("10.0.0.0/8",), "note"),
        ("0.0.0.0:8000", ("2001:db8::/96",), "note"),
        ("unix:/x", ("*",), "ok"),
    ],
)
def test_who_may_name_the_client(machine, settle, bind, peers, level):
    (finding,) = found(machine, settle(bind=(bind,), forwarded_allow_ips=peers), "proxies")
    assert finding.level == level


def test_everybody_with_the_proxy_protocol_chooses_its_address(machine, settle):
    options = {"bind": ("0.0.0.0:8000",), "proxy_protocol": "v1"}
    (finding,) = found(machine, settle(**options, proxy_allow_ips=("*",)), "PROXY protocol")
    assert finding.level is Level.CHANGE
    (finding,) = found(machine, settle(**options, proxy_allow_ips=("10.0.0.1",)), "PROXY protocol")
    assert finding.level is Level.OK
    assert found(machine, settle(bind=("0.0.0.0:8000",)), "PROXY protocol") == []


@pytest.mark.parametrize(
    ("user", "euid", "level"),
    [(None, 0, "change"), ("nobody", 0, "ok"), (None, 1000, "ok"), ("nobody", 1000, "note")],
)
def test_root_gives_up_its_rights(machine, settle, user, euid, level):
    (finding,) = found(machine, settle(user=user), "user", euid=euid)
    assert finding.level == level


def test_a_socket_needs_a_directory(machine, settle, tmp_path):
    path = f"{tmp_path}/none/x.sock"
    (finding,) = found(machine, settle(bind=(f"unix:{path}",)), f"socket {path}")
    assert finding.level is Level.CHANGE
    assert "no such file" in finding.says.lower()


def test_a_directory_of_everybody_is_no_place_for_a_socket(machine, settle, tmp_path):
    path = f"{tmp_path}/x.sock"
    tmp_path.chmod(0o777)
    (finding,) = found(machine, settle(bind=(f"unix:{path}",)), f"socket {path}")
    assert finding.level is Level.CHANGE
    tmp_path.chmod(0o1777)
    (finding,) = found(machine, settle(bind=(f"unix:{path}",)), f"socket {path}")
    assert finding.level is Level.NOTE  # its mode


@pytest.mark.parametrize(
    ("options", "level"),
    [
        ({}, "note"),
        ({"socket_mode": 0o660}, "ok"),
        ({"umask": 0o007}, "ok"),
        ({"forwarded_allow_ips": ("127.0.0.1",)}, "ok"),
    ],
)
def test_who_may_connect_to_a_socket_is_believed(machine, settle, tmp_path, options, level):
    path = f"{tmp_path}/x.sock"
    (finding,) = found(machine, settle(bind=(f"unix:{path}",), **options), f"socket {path}")
    assert finding.level == level


def test_low_ports_are_for_root_or_a_capability(machine, settle):
    settings = settle(bind=("0.0.0.0:80",))
    (finding,) = found(machine, settings, "ports")
    assert "port 80 is for root only" in finding.says
    assert found(machine, settings, "ports", euid=0) == []
    machine.write("proc/self/status", "CapEff:\t0000000000000400")
    assert found(machine, settings, "ports") == []
    machine.write("proc/self/status", "CapEff:\t0000000000000000")
    machine.write("proc/sys/net/ipv4/ip_unprivileged_port_start", "80")
    assert found(machine, settings, "ports") == []


@pytest.mark.parametrize(
    ("address", "level"),
    [("127.0.0.1:9464", "ok"), ("unix:/m", "ok"), ("0.0.0.0:9464", "note"), ("[2001:db8::1]:9464", "note")],
)
def test_metrics_that_other_machines_can_read_are_mentioned(machine, settle, address, level):
    (finding,) = found(machine, settle(metrics_bind=address), "metrics")
    assert finding.level == level


def test_without_metrics_nothing_is_said_of_them(machine, settle):
    assert found(machine, settle(), "metrics") == []
