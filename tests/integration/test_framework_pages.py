"""docs/DJANGO.md and docs/FLASK.md: their files and commands, put to use without systemd and root."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from integration.http_client import Client
from integration.nginx import TEMPORARY
from integration.pages import Page
from integration.server import Process, command, environment, free_port, program
from integration.waiting import until
from rhebok.settings.table import TABLE

NGINX, UNIT, ENVIRONMENT = (
    "/etc/nginx/conf.d/shop.conf",
    "/etc/systemd/system/shop.service",
    "/etc/shop.env",
)
PAGES = {"DJANGO.md": "django", "FLASK.md": "flask"}


@dataclass(frozen=True)
class Project:
    """A directory with the files of a page; what stands for /srv, /run and /etc is below it."""

    page: Page
    directory: Path
    variables: dict[str, str]

    @property
    def places(self) -> dict[str, str]:
        return {each: str(self.directory) + each for each in ("/srv/shop", "/run/shop", "/etc/shop.env")}

    def run(self, *words: str) -> None:
        subprocess.run(words, cwd=self.directory, env=environment(**self.variables), check=True)


@pytest.fixture(params=PAGES)
def page(request: pytest.FixtureRequest) -> Page:
    return Page(request.param)


@pytest.fixture(params=PAGES)
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Project:
    pytest.importorskip(PAGES[request.param])
    page = Page(request.param)
    made = Project(page, tmp_path, {})
    made.variables.update(_variables(page.files[ENVIRONMENT]), PYTHONPATH=str(tmp_path))
    for directory in ("srv/shop/static", "srv/shop/data", "run/shop"):
        (tmp_path / directory).mkdir(parents=True)
    if request.param == "DJANGO.md":
        subprocess.run(
            [sys.executable, "-m", "django", "startproject", "shop", "."], cwd=tmp_path, check=True
        )
    for name in page.files:
        if name != "Dockerfile":
            page.write(name, tmp_path, **made.places)
    return made


def _variables(text: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in shlex.split(text, comments=True))


class Nginx(Process):
    """With the page's file inside of the http block, on a port of its own."""

    def __init__(self, project: Project) -> None:
        self.address = ("127.0.0.1", free_port())
        site = project.page.write(NGINX, project.directory, **project.places)
        site.write_text(site.read_text().replace("listen 80;", f"listen 127.0.0.1:{self.address[1]};"))
        places = [f"{name}_temp_path {project.directory}/{name};" for name in TEMPORARY]
        main = project.directory / "nginx.conf"
        main.write_text(
            "\n".join(["events {}", "http {", "access_log off;", *places, f"include {site};", "}"])
        )
        user = "user root;" if os.geteuid() == 0 else ""
        options = f"daemon off; pid {project.directory}/nginx.pid; error_log stderr notice; {user}"
        argv = [program("nginx"), "-p", str(project.directory), "-c", str(main), "-g", options]
        subprocess.run([*argv, "-t"], check=True, capture_output=True)
        super().__init__(argv, project.directory)
        self.wait_for("start worker process ")


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as made:
        yield made


def serve(project: Project, stack: ExitStack) -> Process:
    server = Process(
        [*command(), "--config", "rhebok.toml", "--chdir", str(project.directory)],
        project.directory,
        **project.variables,
    )
    stack.callback(server.end)
    server.wait_for(r"worker \d+ is ready", 4)
    return server


@pytest.mark.needs("nginx")
def test_the_files_of_a_page_make_a_site_behind_nginx(project: Project, stack: ExitStack) -> None:
    if project.page.text.startswith("# Django"):
        project.run(sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0")
        project.run(sys.executable, "manage.py", "migrate", "--noinput", "--verbosity", "0")
        path, shown = "/admin/login/", r'href="(/static/admin/css/base\.\w+\.css)"'
    else:
        style = project.directory / "srv/shop/static/style.css"
        style.write_text("p {}\n")
        path, shown = "/", r'href="(/static/style.css)">https for 203.0.113.9'
    server = serve(project, stack)
    nginx = Nginx(project)
    stack.callback(nginx.end)
    assert _fetch(nginx, path)
    with Client(str(project.directory / "run/shop/app.sock")) as client:  # as nginx would for https
        fields = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
        response = client.get(path, Host="shop.example", **fields)
    found = re.search(shown, response.text)
    assert found, response.text
    assert _fetch(nginx, found[1])
    server.send(signal.SIGHUP)
    server.wait_for(r"generation 2 \(pid \d+\) serves")
    assert _fetch(nginx, path)


def _fetch(nginx: Nginx, path: str) -> bool:
    with Client(nginx.address) as client:
        response = client.get(path, Host="shop.example", Connection="close")
    return response.status == 200 and bool(response.text)


def test_the_hook_of_a_page_runs_in_the_workers(project: Project, stack: ExitStack) -> None:
    (hook,) = re.findall(r'after_fork = "([^"]+)"', project.page.files["shop/workers.py"])
    with (project.directory / "rhebok.toml").open("a") as file:
        file.write(f'after_fork = "{hook}"\n')
    serve(project, stack)


@pytest.mark.needs("systemd-analyze")
def test_the_unit_is_one_of_systemd(page: Page, tmp_path: Path) -> None:
    unit = page.write(UNIT, tmp_path)
    text = unit.read_text().replace("ExecStart=/srv/shop/current/venv/bin/rhebok", "ExecStart=/bin/true")
    unit.write_text(text)
    analyzed = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True)
    assert [line for line in analyzed.stderr.splitlines() if "shop.service" in line] == []


def test_flags_of_a_page_are_ours(page: Page) -> None:
    ours = {
        flag for setting in TABLE for each in (*setting.flags, *setting.aliases) for flag in each.split("/")
    }
    ours |= {"--config", "--check-config", "--print-config"}
    told = re.findall(r"rhebok\S* .*|`--[a-z-]+.*?`", page.text)
    flags = {flag for text in told for flag in re.findall(r"(?<!\S)`?(--[a-z-]+)", text)}
    assert {flag.strip("`") for flag in flags} - ours - {"--tmpfs"} == set()


def test_python_and_shell_of_a_page_are_that(page: Page, tmp_path: Path) -> None:
    for block in page.blocks:
        if block.language == "python":
            compile(block.text, block.name or "?", "exec")
        elif block.language == "sh":
            subprocess.run(["sh", "-n"], input=block.text, text=True, check=True)


def test_the_two_pages_have_the_same_unit_and_the_same_site() -> None:
    django, flask = (Page(name) for name in PAGES)

    def common(page: Page, name: str) -> list[str]:
        return [
            line for line in page.files[name].splitlines() if "Paths=" not in line and "expires" not in line
        ]

    for name in (NGINX, UNIT):
        assert common(django, name) == common(flask, name)


def settings_of(text: str) -> dict[str, Any]:
    return dict(re.findall(r"(RHEBOK_\w+)=(\S+)", text))


def test_the_container_serves_where_it_says(project: Project, stack: ExitStack) -> None:
    """What the image's environment says, with a port of ours."""
    variables = settings_of(project.page.files["Dockerfile"])
    port = free_port()
    assert variables["RHEBOK_BIND"] == "0.0.0.0:8000"
    assert variables["RHEBOK_CONFIG"] == "/app/rhebok.toml"
    variables.update(RHEBOK_BIND=f"127.0.0.1:{port}", RHEBOK_CONFIG="rhebok.toml")
    (run,) = re.findall(r"^CMD (.*)$", project.page.files["Dockerfile"], re.M)
    assert run == '["rhebok"]'
    server = Process(command(), project.directory, **{**project.variables, **variables})
    stack.callback(server.end)
    server.wait_for(r"worker \d+ is ready", 4)
    with Client(("127.0.0.1", port)) as client:
        assert client.get("/", Host="localhost").status in (200, 404)
    until(lambda: '"GET / HTTP/1.1"' in server.log, lambda: server.log)
