"""Which files are written, in which order."""

import gc
import gzip
import io
import os
import tempfile
import zipfile
from pathlib import Path

import pytest

from rhebok.process import written_files


def unexpected(file: object, error: Exception) -> None:
    raise AssertionError(f"{file!r}: {error}")


def test_the_buffer_of_a_text_file_is_written(tmp_path: Path) -> None:
    with open(tmp_path / "text", "w") as file:
        file.write("row")
        assert file in written_files.find()
        written_files.flush([file.buffer, file], unexpected)
        assert (tmp_path / "text").read_text() == "row"


def test_a_compressed_file_is_completed(tmp_path: Path) -> None:
    file = gzip.open(tmp_path / "packed", "wt")  # noqa: SIM115
    file.write("row")
    written_files.complete([each for each in written_files.find() if "packed" in str(each)], unexpected)
    assert gzip.decompress((tmp_path / "packed").read_bytes()) == b"row"


def test_an_archive_is_completed(tmp_path: Path) -> None:
    archive = zipfile.ZipFile(tmp_path / "archive", "w")
    archive.writestr("name", "content")
    assert archive in written_files.find()
    written_files.complete([archive], unexpected)
    assert zipfile.ZipFile(tmp_path / "archive").namelist() == ["name"]


def test_a_temporary_file_goes() -> None:
    file = tempfile.NamedTemporaryFile()  # noqa: SIM115
    closers = [each for each in written_files.find() if getattr(each, "name", None) == file.name]
    written_files.complete(closers, unexpected)
    assert not os.path.exists(file.name)


def test_files_that_are_remembered_are_not_kept_open(tmp_path: Path) -> None:
    file = open(tmp_path / "text", "w")  # noqa: SIM115
    (reference,) = written_files.remember([file])
    assert reference() is file
    file.close()
    del file
    gc.collect()
    assert reference() is None


def test_an_error_is_reported_and_the_others_are_written(tmp_path: Path) -> None:
    failed: list[object] = []
    with open(tmp_path / "text", "w") as good, open("/dev/full", "w") as full:
        good.write("row")
        full.write("row")
        written_files.flush([full, good], lambda file, _error: failed.append(file))
        assert failed == [full]
        assert (tmp_path / "text").read_text() == "row"
        with pytest.raises(OSError, match="No space"):
            full.close()


def test_what_has_no_file_is_left_out() -> None:
    kept = [io.BytesIO(b"x"), io.StringIO("x")]
    assert not [each for each in written_files.find() if each in kept]
