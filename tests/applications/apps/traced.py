"""A Flask application whose spans a BatchSpanProcessor hands to a file: a line of pid and name for each."""

import os
from collections.abc import Sequence

from flask import Flask
from opentelemetry import trace
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

NEVER = 1_000_000  # milliseconds: only the end of the process exports


class FileExporter(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        with open("spans", "a") as file:
            file.write("".join(f"{os.getpid()} {span.name}\n" for span in spans))
        return SpanExportResult.SUCCESS


provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(FileExporter(), schedule_delay_millis=NEVER))
trace.set_tracer_provider(provider)
app = Flask(__name__)
FlaskInstrumentor().instrument_app(app)


@app.get("/page")
def page() -> str:
    with trace.get_tracer(__name__).start_as_current_span("inner"):
        return str(os.getpid())
