"""Paths of unix sockets between servers: who wins, who owns, who removes."""

import grp
import os
import pwd
import socket
from pathlib import Path

from integration.http_client import Client
from integration.processes import has_ended
from integration.server import Process, command
from integration.waiting import until

from deploy.identities import as_root, open_to_all
from deploy.site import MODULE, Site
from deploy.supervisors import Supervised, start


def test_of_two_that_fight_for_a_path_one_serves_and_the_others_say_why_not(site: Site) -> None:
    argv = [*command(), MODULE, "--workers", "1", "--bind", "unix:contested"]
    fighters = [Process(argv, site.directory) for _ in range(4)]
    try:
        until(lambda: sum(not each.ended for each in fighters) == 1)
        (winner,) = [each for each in fighters if not each.ended]
        losers = [each for each in fighters if each is not winner]
        for loser in losers:
            assert loser.wait() == 1
            assert loser.log == (
                "rhebok: error: --bind: cannot listen on unix:contested: "
                "another process is listening there: stop it first\n"
            )
        winner.wait_for(r"worker \d+ is ready")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(site.directory / "contested"))
        assert winner.stop() == 0
        assert not (site.directory / "contested").exists()
    finally:
        for each in fighters:
            each.end()


def test_a_dead_path_is_replaced(site: Site) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(site.directory / "s"))
    running = start("rhebok", site, "unix")
    try:
        running.judge()
    finally:
        running.end()


def test_a_path_that_is_somebody_elses_by_now_is_left_alone(site: Site) -> None:
    running = start("rhebok", site, "unix")
    try:
        path = site.directory / "s"
        path.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
            running.judge()
            assert path.exists()
    finally:
        running.end()


def test_the_path_stays_through_a_deploy(site: Site) -> None:
    running = start("rhebok", site, "unix", "--kill-old-delay", "0")
    try:
        path = site.directory / "s"
        inode = path.stat().st_ino
        site.release()
        running.deploy()
        running.wait_for(r"generation 1 \(pid \d+\) exited")
        assert path.stat().st_ino == inode
        assert running.version() == 2
        running.judge()
    finally:
        running.end()
    assert not path.exists()


WHO = """
def who():
    return f"{os.getresuid()} {os.getresgid()} {sorted(os.getgroups())}"
LOADED_AS = who()
"""


@as_root
def test_the_generation_becomes_the_user_before_it_loads_the_application(site: Site) -> None:
    nobody = pwd.getpwnam("nobody")
    open_to_all(site.directory)
    site.release(WHO)
    source = site.directory / f"{MODULE}.py"
    source.write_text(
        source.read_text().replace(
            '    token = environ["QUERY_STRING"].encode()',
            '    if path == "/who":\n'
            '        start_response("200 OK", [])\n'
            '        return [(LOADED_AS + "|" + who()).encode()]\n'
            '    token = environ["QUERY_STRING"].encode()',
        )
    )
    options = ["--user", "nobody", "--error-logfile", "error.log", "--kill-old-delay", "0"]
    where = ["--bind", "unix:s", "--workers", "1"]
    running = Supervised([*command(), MODULE, *where, *options], site.directory, str(site.directory / "s"))
    try:
        groups = sorted(os.getgrouplist("nobody", nobody.pw_gid))
        ids = f"{(nobody.pw_uid,) * 3} {(nobody.pw_gid,) * 3} {groups}"
        log = site.directory / "error.log"
        for _ in range(2):
            with Client(running.address) as client:
                assert client.get("/who", Connection="close").text == f"{ids}|{ids}"
            log.rename(site.directory / "rotated.log")  # a worker can open it again
            running.deploy()
            until(lambda: log.exists() and "exited with status 0" in log.read_text())
        path = (site.directory / "s").stat()
        assert (path.st_uid, path.st_gid) == (nobody.pw_uid, nobody.pw_gid)
        assert running.stop() == 0
    finally:
        running.end()


@as_root
def test_a_generation_of_another_user_does_not_outlive_its_supervisor(site: Site) -> None:
    """A change of user takes the kernel's promise away: it must be asked for again."""
    open_to_all(site.directory)
    running = start("rhebok", site, "tcp", "--user", "nobody")
    try:
        (master,) = running.masters
        assert pwd.getpwuid(Path(f"/proc/{master}").stat().st_uid).pw_name == "nobody"
        running._process.kill()
        until(lambda: has_ended(master))
    finally:
        running.end()


@as_root
def test_the_owner_and_mode_of_the_socket_can_be_chosen(site: Site) -> None:
    options = ["--socket-owner", "nobody:daemon", "--socket-mode", "0640"]
    running = start("rhebok", site, "unix", *options)
    try:
        path = (site.directory / "s").stat()
        assert pwd.getpwuid(path.st_uid).pw_name == "nobody"
        assert grp.getgrgid(path.st_gid).gr_name == "daemon"
        assert path.st_mode & 0o777 == 0o640
        running.judge()
    finally:
        running.end()
