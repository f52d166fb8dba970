"""A small real application: notes in SQLite, listed through a template, inserted by a form.

Flask, Jinja and sqlite3 as an ordinary project uses them. The database is RHEBOK_BENCH_DB. It is
created and filled here when it does not exist; the bench gives each server a new one.
"""

from __future__ import annotations

import os
import sqlite3
import threading

from flask import Flask, Response, jsonify, render_template_string, request

ROWS_AT_START = 200
SHOWN = 20
PAGE = """<!doctype html>
<title>Notes</title>
<h1>Notes ({{ total }})</h1>
<ul>
{% for note in notes %}<li><b>{{ note.title }}</b> {{ note.body }} <i>#{{ note.id }}</i></li>
{% endfor %}</ul>
<form method="post" action="/notes">
<input name="title"><textarea name="body"></textarea><button>Add</button></form>
"""

application = Flask(__name__)
connections = threading.local()


def create(database: sqlite3.Connection) -> None:
    """Creates the table and its first rows, once: the transaction serializes workers that start together."""
    with database:
        database.execute("BEGIN IMMEDIATE")
        database.execute("CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, title TEXT, body TEXT)")
        if database.execute("SELECT count(*) FROM notes").fetchone()[0] == 0:
            rows = ((f"Note {number}", f"Text <{number}> & more") for number in range(ROWS_AT_START))
            database.executemany("INSERT INTO notes (title, body) VALUES (?, ?)", rows)


def database() -> sqlite3.Connection:
    """This thread's connection."""
    if not hasattr(connections, "database"):
        connection = sqlite3.connect(os.environ["RHEBOK_BENCH_DB"], timeout=10)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        create(connection)
        connections.database = connection
    found: sqlite3.Connection = connections.database
    return found


def newest() -> list[sqlite3.Row]:
    """The notes that a page shows."""
    query = "SELECT id, title, body FROM notes ORDER BY id DESC LIMIT ?"
    return database().execute(query, (SHOWN,)).fetchall()


@application.get("/")
def page() -> str:
    """The newest notes as HTML."""
    total = database().execute("SELECT max(id) FROM notes").fetchone()[0]
    return render_template_string(PAGE, notes=newest(), total=total)


@application.get("/notes")
def listing() -> Response:
    """The newest notes as JSON."""
    return jsonify([dict(row) for row in newest()])


@application.post("/notes")
def insert() -> tuple[str, int]:
    """Adds a note."""
    with database() as connection:
        values = (request.form["title"], request.form["body"])
        connection.execute("INSERT INTO notes (title, body) VALUES (?, ?)", values)
    return "created", 201
