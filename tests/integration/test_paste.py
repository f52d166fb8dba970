"""Applications of PasteDeploy: `rhebok --paste`, and `pserve` with `use = egg:rhebok#main`. With Pyramid."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.http_client import Client
from integration.server import Process, command, free_port
from integration.waiting import until

pytest.importorskip("pyramid")
pytest.importorskip("paste.deploy")

PSERVE = str(Path(sys.executable).with_name("pserve"))

APPLICATION = """
import logging, os
from pyramid.config import Configurator
from pyramid.response import Response

def greet(request):
    logging.getLogger("shop").warning("greeted")
    settings = request.registry.settings
    return Response(" ".join([settings["greeting"], settings.get("given", ""), str(os.getpid())]))

def main(global_config, **settings):
    with Configurator(settings={"given": global_config.get("given", ""), **settings}) as config:
        config.add_route("greet", "/")
        config.add_view(greet, route_name="greet")
        return config.make_wsgi_app()

def broken(global_config, **settings):
    return settings["no such"]
"""

INI = """
[app:main]
use = call:shop:main
greeting = hello

[app:admin]
use = config:other.ini#admin

[app:broken]
use = call:shop:broken

[server:main]
use = egg:rhebok#main
{server}

[loggers]
keys = root, shop
[handlers]
keys = file
[formatters]
keys = plain
[logger_root]
level = INFO
handlers = file
[logger_shop]
level = DEBUG
handlers =
qualname = shop
[handler_file]
class = FileHandler
args = ("%(here)s/shop.log",)
formatter = plain
[formatter_plain]
format = %(levelname)s %(name)s %(message)s
"""

OTHER = "[app:admin]\nuse = call:shop:main\ngreeting = welcome\n"


class Shop:
    """A project, and what was started in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.running: list[Process] = []
        (directory / "shop.py").write_text(APPLICATION)
        (directory / "other.ini").write_text(OTHER)
        self.write("host = 127.0.0.1\nport = {port}\nworkers = 2\nthreads = 3\nkeepalive = 9\n")

    def write(self, server: str, greeting: str = "hello") -> None:
        text = INI.format(server=server.format(port=self.port)).replace("hello", greeting)
        (self.directory / "development.ini").write_text(text)

    def start(self, *words: str, **variables: str) -> Process:
        process = Process(words, self.directory, PYTHONPATH=str(self.directory), **variables)
        self.running.append(process)
        return process

    def rhebok(self, *words: str, **variables: str) -> Process:
        return self.start(*command(), "-b", f"127.0.0.1:{self.port}", *words, **variables)

    def get(self, process: Process) -> str:
        until(lambda: process.ended or process.matches(r"worker \d+ is ready"), lambda: process.log)
        assert not process.ended, process.log
        with Client(("127.0.0.1", self.port)) as client:
            return client.get("/", Connection="close").text


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    for process in made.running:
        process.end()


@pytest.mark.parametrize(
    ("words", "greeting"),
    [
        (["--paste", "development.ini"], "hello"),
        (["--paster=development.ini#admin", "ignored:app"], "welcome"),
        (["--paste", "config:development.ini#admin", "--chdir", "/"], "welcome"),
        (["config:development.ini"], "hello"),
        (["--paste", "development.ini", "--no-preload"], "hello"),
    ],
)
def test_the_application_of_a_file_is_served(shop: Shop, words: list[str], greeting: str) -> None:
    assert shop.get(shop.rhebok(*words)).split()[0] == greeting


def test_a_python_file_may_name_it_and_give_variables(shop: Shop) -> None:
    (shop.directory / "gunicorn.conf.py").write_text(
        "paste = 'development.ini'\nraw_paste_global_conf = ['given=this']\n"
    )
    assert shop.get(shop.rhebok()).split()[:2] == ["hello", "this"]
    assert shop.rhebok("--check-config").wait() == 0


def test_a_variable_of_the_command_line_reaches_the_application(shop: Shop) -> None:
    process = shop.rhebok("--paste", "development.ini", "--paste-global", "given=that")
    assert shop.get(process).split()[:2] == ["hello", "that"]


def test_the_logging_of_the_file_is_configured(shop: Shop) -> None:
    process = shop.rhebok("--paste", "development.ini")
    shop.get(process)
    assert (shop.directory / "shop.log").read_text() == "WARNING shop greeted\n"
    assert "rhebok" in process.log


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--paste", "no.ini"], "there is no file"),
        (["--paste", "development.ini#none"], "none"),
        (["--paste", "development.ini#broken"], "KeyError: 'no such'"),
    ],
)
def test_a_mistake_is_one_line(shop: Shop, words: list[str], said: str) -> None:
    process = shop.rhebok(*words)
    assert process.wait() == 4
    line = next(line for line in process.log.splitlines() if said in line and "error" in line)
    assert line.startswith("rhebok: error: ")
    assert ("shop.py" in process.log) == (said.startswith("KeyError"))
    assert "paste/deploy" not in process.log


def test_without_paste_deploy_the_line_says_what_to_install(shop: Shop) -> None:
    (shop.directory / "sitecustomize.py").write_text("import sys; sys.modules['paste.deploy'] = None\n")
    process = shop.rhebok("--paste", "development.ini")
    assert process.wait() == 4
    assert "pip install 'rhebok[paste]'" in process.log
    assert "Traceback" not in process.log


def test_hup_reads_the_file_anew(shop: Shop) -> None:
    process = shop.rhebok("--paste", "development.ini")
    assert shop.get(process).startswith("hello")
    shop.write("", "bonjour")
    process.send(signal.SIGHUP)
    until(lambda: shop.get(process).startswith("bonjour"), lambda: process.log)


def test_a_change_of_the_file_reloads(shop: Shop) -> None:
    process = shop.rhebok("--paste", "development.ini", "--reload")
    assert shop.get(process).startswith("hello")
    shop.write("", "bonjour")
    until(lambda: shop.get(process).startswith("bonjour"), lambda: process.log)


# ---- pserve ----


def test_pserve_serves_by_the_section(shop: Shop) -> None:
    process = shop.start(PSERVE, "development.ini")
    assert shop.get(process).startswith("hello")
    process.wait_for(r"development.ini at \S+ workers: 2, threads: 3")
    assert process.stop() == 0


def test_hup_to_pserve_reads_the_section_and_the_application_anew(shop: Shop) -> None:
    process = shop.start(PSERVE, "development.ini")
    assert shop.get(process).startswith("hello")
    shop.write("bind = 127.0.0.1:{port}\nworkers = 1\n", "bonjour")
    process.send(signal.SIGHUP)
    until(lambda: shop.get(process).startswith("bonjour"), lambda: process.log)
    process.wait_for(r"serves config:\S+ at \S+ \(workers: 1\)")


def test_the_section_takes_our_names_and_a_file_of_gunicorn(shop: Shop) -> None:
    shop.write("listen = 127.0.0.1:{port}\nconfig = web.py\nkeep_alive = 3\nworkers = 1\n")
    (shop.directory / "web.py").write_text("workers = 3\nthreads = 2\n")
    process = shop.start(PSERVE, "development.ini")
    assert shop.get(process).startswith("hello")
    process.wait_for("workers: 1, threads: 2")


def test_variables_of_pserve_are_known_where_the_file_configures_logging(shop: Shop) -> None:
    ini = shop.directory / "development.ini"
    ini.write_text(ini.read_text().replace("%(here)s/shop.log", "%(here)s/%(log_name)s"))
    process = shop.start(PSERVE, "development.ini", "log_name=100%%.log")
    shop.get(process)
    assert "WARNING shop greeted\n" in (shop.directory / "100%.log").read_text()
    again = shop.rhebok("--paste", "development.ini", "--paste-global", "log_name=x.log", "--check-config")
    assert again.wait() == 0, again.log


def test_reload_in_the_section_deploys_when_a_file_changes(shop: Shop) -> None:
    server = "host = 127.0.0.1\nport = {port}\nreload = true\n"
    shop.write(server)
    process = shop.start(PSERVE, "development.ini")
    assert shop.get(process).startswith("hello")
    shop.write(server, "bonjour")
    until(lambda: shop.get(process).startswith("bonjour"), lambda: process.log)


def test_a_mistake_in_the_section_is_one_line_and_the_status(shop: Shop) -> None:
    shop.write("host = 127.0.0.1\nport = {port}\nworker = 3\n")
    process = shop.start(PSERVE, "development.ini")
    assert process.wait() == 2
    assert "the section of the server has 'worker', which is no setting" in process.log
    assert "Traceback" not in process.log


def test_pserve_reloads_as_it_does_with_other_servers(shop: Shop) -> None:
    process = shop.start(PSERVE, "--reload", "development.ini")
    assert shop.get(process).startswith("hello")

    def noticed() -> bool:  # from its second look on
        shop.write("host = 127.0.0.1\nport = {port}\n", "bonjour")
        return "changed; reloading" in process.log

    until(noticed, lambda: process.log)
    process.wait_for(r"worker \d+ is ready", 3)
    assert shop.get(process).startswith("bonjour")
