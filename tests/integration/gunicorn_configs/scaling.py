"""The number of workers is reported."""

workers = 1
errorlog = "error.log"


def nworkers_changed(server, new_value, old_value):
    server.log.info("hook: %s workers were %s", new_value, old_value)


def pre_fork(server, worker):
    server.log.info(
        "hook: worker %d comes, its pid is %s; there are %d", worker.age, worker.pid, len(server.WORKERS)
    )


def child_exit(server, worker):
    server.log.info("hook: worker %d is gone; there are %d", worker.age, len(server.WORKERS))
