"""The paths of the bench. Used by every module here; nothing is created on import."""

from __future__ import annotations

from pathlib import Path

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
APPS = BENCH / "apps"
BUILD = BENCH / "build"
RESULTS = BENCH / "results"

FLOOR = BUILD / "floor"
UNIX_SHIM = BUILD / "unix_shim.so"
PEERS = BUILD / "peers.json"
FILE_1M = BUILD / "file-1m"
STATIC = BUILD / "static"
WRK_LUA = BENCH / "wrk.lua"
INSTRUCTIONS = BENCH / "instructions.json"
