"""A Flask application that knows nothing of what is wrapped around it."""

import os

from flask import Flask

app = Flask(__name__)


@app.get("/page")
def page() -> str:
    return str(os.getpid())
