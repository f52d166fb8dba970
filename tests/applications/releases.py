"""Releases as deploy tools lay them out: releases/N, code with a virtual environment; `current`, a link.

The environments are made without pip. A .pth file lends them what this interpreter has installed; a library
of their own tells them apart.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

SCRIPT = """#!{python}
import sys
from rhebok.cli import main
sys.exit(main())
"""

APPLICATION = """
import json, os, sys
import release_library
CODE = {number}
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    answer = dict(code=CODE, library=release_library.VERSION, prefix=sys.prefix, executable=sys.executable)
    return [json.dumps(answer).encode()]
"""


class Releases:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.current = directory / "current"
        self.number = 0

    def path(self, number: int) -> Path:
        return self.directory / "releases" / str(number)

    def make(self) -> int:
        """The next release, which becomes the current one. Returns its number."""
        self.number += 1
        release = self.path(self.number)
        release.mkdir(parents=True)
        (release / "released.py").write_text(APPLICATION.format(number=self.number))
        self._make_environment(release / "venv")
        self._switch()
        return self.number

    def remove(self, number: int) -> None:
        shutil.rmtree(self.path(number))

    def _make_environment(self, environment: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
        version = "python{}.{}".format(*sys.version_info)
        packages = environment / "lib" / version / "site-packages"
        ours = sysconfig.get_path("purelib")
        (packages / "lent.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
        (packages / "release_library.py").write_text(f"VERSION = {self.number}\n")
        script = environment / "bin" / "rhebok"
        script.write_text(SCRIPT.format(python=environment / "bin" / "python"))
        script.chmod(0o755)

    def _switch(self) -> None:
        fresh = self.directory / "fresh"
        os.symlink(self.path(self.number), fresh)
        fresh.rename(self.current)
