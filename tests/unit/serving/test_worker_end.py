"""What a worker that is cut at its end says of its threads."""

import re
import subprocess
import sys
from pathlib import Path

CUT = """
import logging, os, threading
from rhebok.serving.worker_end import WorkerEnd

LOCALS = ", ".join(f"local_{number} = 0" for number in range(250))
SOURCE = f"def descend(depth, {LOCALS}): return depth and descend(depth - 1)"
LIBRARY = os.path.join(os.path.dirname(os.__file__), "library.py")  # no place in the application
cut = False

def busy():
    while not cut:
        space = {}
        exec(compile(SOURCE, LIBRARY, "exec"), space)
        for _ in range(20):
            space["descend"](40)

def waits():
    ready.set()
    ended.wait()

end = WorkerEnd(logging.getLogger(), [])
ready, ended = threading.Event(), threading.Event()
threading.Thread(target=waits, name="waits").start()
ready.wait()
for _ in range(4):
    threading.Thread(target=busy, name="busy").start()
assert not end.cut(None)
end.begun = True
for _ in range(TIMES):
    left = end.cut(None)
cut = True
ended.set()
print(left)
"""
TIMES = 200


def test_each_thread_is_named_with_its_place_however_fast_it_runs(tmp_path: Path) -> None:
    program = tmp_path / "cut.py"
    program.write_text(CUT.replace("TIMES", str(TIMES)))
    root = Path(__file__).resolve().parents[3]
    ended = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, timeout=100, env={"PYTHONPATH": str(root)}
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    place = rf"at {re.escape(str(program))}:\d+"
    assert re.match(rf"thread 'waits' {place}, thread 'busy' {place}, thread 'busy' {place}", ended.stdout)
