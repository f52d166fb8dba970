"""All hooks, as people keep them from an example, and a timeout that is hit."""

timeout = 1
errorlog = "error.log"
loglevel = "debug"


def on_starting(server):
    server.log.info("hook: on_starting")


def on_reload(server):
    server.log.info("hook: on_reload")


def when_ready(server):
    server.log.info("hook: when_ready. Spawning workers")


def pre_fork(server, worker):
    pass


def post_fork(server, worker):
    server.log.info("hook: worker spawned (pid: %s)", worker.pid)


def post_worker_init(worker):
    worker.log.info("hook: worker initialized (pid: %s)", worker.pid)


def worker_int(worker):
    worker.log.info("hook: worker received INT or QUIT signal")


def worker_abort(worker):
    worker.log.info("hook: worker received SIGABRT signal")


def pre_exec(server):
    server.log.info("hook: forked child, re-executing.")


def pre_request(worker, req):
    worker.log.debug("hook: %s %s", req.method, req.path)


def post_request(worker, req, environ, resp):
    worker.log.debug("hook: %s %s done", req.method, req.uri)


def child_exit(server, worker):
    server.log.info("hook: child_exit %s", worker.pid)


def worker_exit(server, worker):
    server.log.info("hook: worker exited (pid: %s)", worker.pid)


def nworkers_changed(server, new_value, old_value):
    server.log.info("hook: nworkers_changed %s %s", new_value, old_value)


def on_exit(server):
    server.log.info("hook: on_exit")
