"""The bill of materials, docs/sbom.cdx.json: CycloneDX 1.6, of what is in a wheel and what it needs.

    python .ci/wheels/sbom.py    # writes it anew, from pyproject.toml and requirements.txt

It is in the sdist, and in each wheel below .dist-info/sboms (PEP 770). It has no date and no serial number:
it changes only with what it lists.
"""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docs/sbom.cdx.json"
# What a compiler of the wheels puts into them, with its license.
COMPILED_IN = {
    "cython": ("Apache-2.0", "Code that Cython writes into every module."),
    "ziglang": ("MIT", "Functions of compiler-rt, where a module calls one."),
}


def bill() -> dict[str, Any]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    this = _component(project["name"], project["version"], project["license"], project["description"])
    pinned = dict(
        re.findall(r"^(\S+)==(\S+)", (ROOT / ".ci/wheels/requirements.txt").read_text(), re.MULTILINE)
    )
    parts = [_component(name, pinned[name], *about) for name, about in sorted(COMPILED_IN.items())]
    needed = [{**_needed(each), "scope": "required"} for each in project["dependencies"]]
    extras = [each for group in project["optional-dependencies"].values() for each in group]
    optional = [{**_needed(each), "scope": "optional"} for each in extras]
    components = [*parts, *needed, *optional]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**this, "type": "application"}},
        "components": components,
        "dependencies": [
            {"ref": this["bom-ref"], "dependsOn": [each["bom-ref"] for each in components]},
        ],
    }


def _component(name: str, version: str, license: str, description: str) -> dict[str, Any]:
    url = f"pkg:pypi/{name}@{version}"
    return {
        "type": "library",
        "bom-ref": url,
        "name": name,
        "version": version,
        "description": description,
        "licenses": [{"license": {"id": license}}],
        "purl": url,
    }


def _needed(requirement: str) -> dict[str, Any]:
    """What is installed beside it. Which version that will be is not known here, only which ones may be."""
    name = re.match(r"[\w.-]+", requirement)
    assert name
    url = f"pkg:pypi/{name[0].lower()}"
    return {
        "type": "library",
        "bom-ref": url,
        "name": name[0],
        "purl": url,
        "properties": [{"name": "rhebok:requirement", "value": requirement}],
    }


def text() -> str:
    return json.dumps(bill(), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
