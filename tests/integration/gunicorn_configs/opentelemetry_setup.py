"""Tracing is set up in each worker: its threads do not survive a fork."""

workers = 2
errorlog = "error.log"


def post_fork(server, worker):
    from opentelemetry import trace
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

    server.log.info("hook: worker %s spawned", worker.pid)
    provider = TracerProvider(resource=Resource.create({"service.name": server.cfg.proc_name}))
    out = open("spans.log", "a")  # noqa: SIM115 (until the worker ends)
    provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter(out=out)))
    trace.set_tracer_provider(provider)
    with trace.get_tracer("worker").start_as_current_span("hook: started"):
        pass


def worker_exit(server, worker):
    from opentelemetry import trace

    trace.get_tracer_provider().shutdown()
    worker.log.info("hook: spans of %d are exported", worker.pid)
