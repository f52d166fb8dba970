"""With --user, root follows no link that the user placed: mended, item 1."""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from signal import SIGHUP

import pytest
from integration.http_client import Client
from integration.processes import children
from integration.server import Process, command
from integration.waiting import until

from deploy.identities import STRANGER, as_root, open_to_all
from deploy.site import MODULE, Site
from deploy.supervisors import Supervised

pytestmark = as_root

SECRET = "root's own\n"


@dataclass
class Trap:
    """A directory of the user, and a file of root that a link in it leads to."""

    directory: Path
    secret: Path

    def unharmed(self) -> None:
        now = self.secret.stat()
        assert (now.st_uid, now.st_gid) == (0, 0), "given away"
        assert stat.S_IMODE(now.st_mode) == 0o600, "its mode has changed"
        assert self.secret.read_text() == SECRET


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    open_to_all(tmp_path)
    directory, secret = tmp_path / "of-the-user", tmp_path / "secret"
    directory.mkdir()
    os.chown(directory, STRANGER, STRANGER)
    secret.write_text(SECRET)
    secret.chmod(0o600)
    return Trap(directory, secret)


def symbolic(trap: Trap, name: str) -> None:
    (trap.directory / name).symlink_to(trap.secret)
    os.lchown(trap.directory / name, STRANGER, STRANGER)


def relative(trap: Trap, name: str) -> None:
    (trap.directory / name).symlink_to("../secret")
    os.lchown(trap.directory / name, STRANGER, STRANGER)


def hard(trap: Trap, name: str) -> None:
    os.link(trap.secret, trap.directory / name)


each_link = pytest.mark.parametrize("link", [symbolic, relative, hard])

LOGS = {"--error-logfile": "error.log", "--access-logfile": "access.log"}
FILES = {**LOGS, "--pid": "app.pid"}


@pytest.fixture
def run(site: Site, tmp_path: Path) -> Iterator["Run"]:
    running = Run(site)
    yield running
    running.end()


class Run:
    """A server that serves or ends: both are fine, as long as no file of root is harmed."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._processes: list[Process] = []

    def __call__(self, *options: str, bind: str = "unix:served.sock", user: int = STRANGER) -> Process:
        argv = [*command(), MODULE, "--workers", "1", "--bind", bind, "--kill-old-delay", "0"]
        argv += ["--user", str(user), "--group", str(user), *options]
        process = Process(argv, self._site.directory)
        self._processes.append(process)
        where = self._site.directory / bind.removeprefix("unix:")
        until(lambda: process.ended or _answers(str(where)), lambda: process.log)
        return process

    def end(self) -> None:
        for process in self._processes:
            process.end()
            print(process.log)


def _answers(path: str) -> bool:
    try:
        with Client(path) as client:
            return client.get("/?t", Connection="close").status == 200
    except (FileNotFoundError, ConnectionError, PermissionError):
        return False


@each_link
@pytest.mark.parametrize("option", list(FILES))
def test_a_link_to_a_file_of_root_is_not_followed(run: Run, trap: Trap, option: str, link: object) -> None:
    assert callable(link)
    name = FILES[option]
    link(trap, name)
    server = run(option, f"of-the-user/{name}")
    trap.unharmed()
    if not server.ended:
        assert server.stop() == 0
    trap.unharmed()
    assert "Traceback" not in server.log


@pytest.mark.parametrize("option", list(FILES))
def test_a_dangling_link_makes_no_file(run: Run, trap: Trap, tmp_path: Path, option: str) -> None:
    made = tmp_path / "made-by-root"
    (trap.directory / FILES[option]).symlink_to(made)
    run(option, f"of-the-user/{FILES[option]}")
    assert not made.exists()


@pytest.mark.parametrize("option", list(FILES))
def test_a_fifo_or_device_of_root_is_not_given_away(
    run: Run, trap: Trap, tmp_path: Path, option: str
) -> None:
    device = tmp_path / "device"
    os.mknod(device, 0o600 | stat.S_IFCHR, os.makedev(1, 3))  # as /dev/null
    (trap.directory / FILES[option]).symlink_to(device)
    run(option, f"of-the-user/{FILES[option]}")
    found = device.stat()
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (0, 0o600)


@pytest.mark.parametrize("option", list(LOGS))
def test_a_link_in_the_place_of_a_log_is_not_followed_by_the_next_generation(
    run: Run, trap: Trap, option: str
) -> None:
    log = trap.directory / LOGS[option]
    server = run(option, f"of-the-user/{log.name}")
    assert not server.ended
    log.rename(trap.directory / "rotated")
    log.symlink_to(trap.secret)
    (old,) = children(server.pid)
    seen = {old}

    def deployed_or_refused() -> bool:
        now = children(server.pid)
        seen.update(now)
        return server.ended or old not in now or (len(seen) > 1 and now == [old])

    server.send(SIGHUP)
    until(deployed_or_refused, lambda: server.log)
    trap.unharmed()


def test_a_link_in_the_place_of_a_unix_socket_is_not_followed(run: Run, trap: Trap) -> None:
    symbolic(trap, "s")
    run(bind="unix:of-the-user/s")
    trap.unharmed()


def test_the_log_file_that_is_made_belongs_to_the_user(run: Run, trap: Trap) -> None:
    server = run("--error-logfile", "of-the-user/error.log", "--access-logfile", "of-the-user/access.log")
    assert not server.ended
    for name in LOGS.values():
        assert (trap.directory / name).stat().st_uid == STRANGER


@pytest.mark.parametrize("name", ["pid-file", "status-file"])
@each_link
def test_rhebok_starter_follows_no_link_to_its_files(
    run: Run, trap: Trap, site: Site, name: str, link: object
) -> None:
    assert callable(link)
    link(trap, name)
    starter = [str(Path(command()[0]).with_name("rhebok-starter"))]
    argv = [*starter, f"--{name}", f"of-the-user/{name}", "--path", "served.sock", "--interval", "0", "--"]
    argv += [*command(), MODULE, "--workers", "1"]
    process = Process(argv, site.directory)
    try:
        until(lambda: process.ended or _answers(str(site.directory / "served.sock")), lambda: process.log)
        trap.unharmed()
        if not process.ended:
            process.stop()
        trap.unharmed()
    finally:
        process.end()
        print(process.log)


# Rotation, as the user


@dataclass
class Rotated:
    """What logrotate does. says_so: the user cannot open the new file, and the log has a line about it."""

    owner: int
    create: bool
    says_so: bool = False


ROTATIONS = {
    "renamed, the directory is the user's": Rotated(STRANGER, create=False),
    "renamed and made again, the directory is root's": Rotated(0, create=True),
    "renamed, the directory is root's": Rotated(0, create=False, says_so=True),
}


@pytest.mark.parametrize("rotation", list(ROTATIONS.values()), ids=list(ROTATIONS))
def test_a_rotated_access_log_is_opened_again_or_the_error_log_says_why_not(
    site: Site, trap: Trap, rotation: Rotated
) -> None:
    os.chown(trap.directory, rotation.owner, rotation.owner)
    log = trap.directory / "access.log"
    log.touch()
    os.chown(log, STRANGER, STRANGER)
    argv = [*command(), MODULE, "--workers", "1", "--bind", "unix:s", "--access-logfile", str(log)]
    argv += ["--user", str(STRANGER), "--group", str(STRANGER)]
    running = Supervised(argv, site.directory, str(site.directory / "s"))
    try:
        until(lambda: _logged(running, log))
        log.rename(trap.directory / "access.log.1")
        if rotation.create:
            log.touch()
            os.chown(log, STRANGER, STRANGER)
        if rotation.says_so:
            until(lambda: _asked(running) and running.matches(r"\[(?:WARNING|ERROR)\].*access\.log"))
        else:
            until(lambda: _logged(running, log), lambda: running.log)
        running.judge()
    finally:
        running.end()
        print(running.log)


def test_workers_of_root_follow_no_link_in_the_place_of_a_renamed_log(site: Site, trap: Trap) -> None:
    log = trap.directory / "access.log"
    argv = [*command(), MODULE, "--workers", "1", "--bind", "unix:s", "--access-logfile", str(log)]
    running = Supervised(argv, site.directory, str(site.directory / "s"))
    try:
        until(lambda: _logged(running, log))
        assert running.matches(r"\[WARNING\] the access log .* until a deploy \(HUP\)")
        renamed = log.rename(trap.directory / "access.log.1")
        size = renamed.stat().st_size
        symbolic(trap, log.name)
        until(lambda: _asked(running) and renamed.stat().st_size > size)
        trap.unharmed()
        log.unlink()
        running.send(SIGHUP)
        until(lambda: _logged(running, log), lambda: running.log)
        running.judge()
    finally:
        running.end()
        print(running.log)


def _asked(running: Supervised) -> bool:
    return running.version() == 1


def _logged(running: Supervised, log: Path) -> bool:
    return _asked(running) and log.exists() and "GET /?t" in log.read_text()
