"""prometheus_client in several processes: the gauges of dead workers are forgotten."""

from prometheus_client import multiprocess

workers = 2
errorlog = "error.log"
raw_env = ["KEPT=1"]


def when_ready(server):
    server.log.info("hook: metrics of %d workers", server.cfg.workers)


def post_worker_init(worker):
    from prometheus_client import Gauge

    Gauge("ready", "Workers", multiprocess_mode="livesum").set(1)
    worker.log.info("hook: %s counts itself", worker)


def child_exit(server, worker):
    multiprocess.mark_process_dead(worker.pid)
    server.log.warning("hook: %s is dead", worker.pid)
