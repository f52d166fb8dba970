"""Wheels and the sdist as files whose bytes depend on nothing but what is in them.

Members are sorted, belong to nobody, have the date of the commit and one of two modes.
"""

import base64
import csv
import gzip
import hashlib
import io
import tarfile
import time
import zipfile
from pathlib import Path, PurePath

PROGRAM, DATA = 0o755, 0o644


def write_wheel(tree: Path, file: Path, date: int) -> None:
    """Everything in `tree`, with its RECORD. The metadata comes last, as the format recommends."""
    names = sorted(each.relative_to(tree).as_posix() for each in tree.rglob("*") if each.is_file())
    names.sort(key=lambda name: ".dist-info/" in name)
    record = next(name for name in names if name.endswith(".dist-info/METADATA")).replace(
        "METADATA", "RECORD"
    )
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in names:
            content = (tree / name).read_bytes()
            writer.writerow((name, _digest(content), len(content)))
            archive.writestr(_zip_member(name, date), content)
        writer.writerow((record, "", ""))
        archive.writestr(_zip_member(record, date), lines.getvalue())


def _digest(content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
    return "sha256=" + digest.rstrip(b"=").decode()


def _zip_member(name: str, date: int) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, time.gmtime(date)[:6])
    member.compress_type = zipfile.ZIP_DEFLATED
    member.external_attr = (0o100000 | (PROGRAM if name.endswith(".so") else DATA)) << 16
    member.create_system = 3  # Unix
    return member


def write_sdist(made: Path, file: Path, date: int) -> None:
    """The sdist that setuptools has made, once more: without its dates, owners and order."""
    content = io.BytesIO()
    with tarfile.open(made) as old, tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as new:
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            if member.isfile():
                new.addfile(_tar_member(member, date), old.extractfile(member))
    with file.open("wb") as output, gzip.GzipFile("", "wb", 9, output, mtime=date) as packed:
        packed.write(content.getvalue())


def _tar_member(old: tarfile.TarInfo, date: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(old.name)
    member.size, member.mtime = old.size, date
    member.mode = PROGRAM if old.mode & 0o100 else DATA
    return member


def unpack_sdist(file: Path, directory: Path) -> Path:
    """The one directory that is in it."""
    with tarfile.open(file) as archive:
        archive.extractall(directory, filter="data")
        return directory / PurePath(archive.getnames()[0]).parts[0]
