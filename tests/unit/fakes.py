"""A worker in pure Python, so that the control plane can be tested without the compiled one.

Run as a program it is the `rhebok` command with this worker: `python tests/unit/fakes.py app:app ...`.
It answers one request per connection and speaks no more HTTP than the tests need.
"""

import io
import os
import select
import socket
import sys

from rhebok import cli, launch


class FakeWorker:
    def __init__(
        self, app, listeners, settings, *, errors, logger, wakeup_fd, max_requests, multiprocess, **_
    ):
        self._app = app
        self._listeners = {listener.fileno(): listener for listener in listeners}
        self._settings = settings
        self._errors = errors
        self._logger = logger
        self._wakeup_fd = wakeup_fd
        self._left = max_requests or sys.maxsize
        self._stopped = False
        self._multiprocess = multiprocess

    def prepare(self):
        pass

    def run(self):
        poll = select.poll()
        for fd in (*self._listeners, self._wakeup_fd):
            poll.register(fd, select.POLLIN)
        while not self._stopped and self._left:
            for fd, _ in poll.poll():
                if fd == self._wakeup_fd:
                    os.read(fd, 4096)
                else:
                    self._accept(self._listeners[fd])

    def stop(self, _last_seconds=None):
        self._stopped = True

    def in_progress(self):
        return []

    def log_cut(self):
        pass

    def flush_logs(self):
        self._errors.write("flushed\n")

    def _accept(self, listener):
        server = socket.socket(fileno=os.dup(listener.fileno()))
        try:
            server.setblocking(False)
            connection, _ = server.accept()
        except BlockingIOError:
            return  # another worker was faster
        finally:
            server.close()
        with connection:
            connection.settimeout(5)
            self._answer(connection, listener)
        self._left -= 1

    def _answer(self, connection, listener):
        head = b""
        while b"\r\n\r\n" not in head:
            more = connection.recv(65536)
            if not more:
                return
            head += more
        method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "SERVER_NAME": listener.server_name,
            "SERVER_PORT": listener.server_port,
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": self._errors,
            "wsgi.multiprocess": self._multiprocess,
            "test.settings": self._settings,
        }
        body = b"".join(self._app(environ, lambda *_: None))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


def main(arguments):
    return cli.run(arguments, lambda config: launch.run(config, lambda _settings: FakeWorker), launch.check)


if __name__ == "__main__":
    sys.path.remove(os.path.dirname(os.path.abspath(__file__)))
    sys.exit(main(sys.argv[1:]))
