"""Each worker pushes what it has counted at its end."""

import json

errorlog = "error.log"
capture_output = True


def pre_fork(server, worker):
    worker.counted = {"age": worker.age}


def post_worker_init(worker):
    worker.counted["booted"] = worker.booted
    worker.counted["application"] = callable(worker.wsgi)


def post_request(worker, req, environ):
    worker.counted[environ["PATH_INFO"]] = worker.counted.get(environ["PATH_INFO"], 0) + 1


def worker_exit(server, worker):
    with open("pushed.log", "a") as file:
        file.write("hook: " + json.dumps({**worker.counted, "requests": worker.nr}, sort_keys=True) + "\n")


def on_exit(server):
    raise_nothing = server.cfg.settings["timeout"].value + server.cfg.graceful_timeout
    server.log.info("hook: %s", raise_nothing)
