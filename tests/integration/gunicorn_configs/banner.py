"""Lines about the start, some printed and some logged."""

workers = 2
threads = 2
timeout = 45
errorlog = "error.log"


def on_starting(server):
    print(f"hook: starting {server.app.app_uri or server.cfg.default_proc_name}", flush=True)


def when_ready(server):
    server.log.info("hook: %s, %s s, %s", server.cfg.worker_class_str, server.timeout, server.cfg.loglevel)
    server.log.debug("hook: nobody sees this")
    server.log.log(30, "hook: %s", [type(each).__name__ for each in server.address])


def on_reload(server):
    server.log.info("hook: reloaded")


def on_exit(server):
    print("hook: ended", flush=True)
