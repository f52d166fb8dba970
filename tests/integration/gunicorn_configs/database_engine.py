"""The application is preloaded, and each worker gets connections of its own."""

preload_app = True
workers = 2
errorlog = "error.log"


def post_fork(server, worker):
    from models import engine

    engine.dispose()
    server.log.info("hook: engine of worker %d: %s", worker.age, engine.owner_is_this_process())


def worker_exit(server, worker):
    from models import engine

    engine.dispose()
    server.log.info("hook: engine disposed, %s", worker.booted)
