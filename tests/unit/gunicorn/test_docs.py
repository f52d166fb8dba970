"""docs/FROM-GUNICORN.md."""

from pathlib import Path

from rhebok.gunicorn import docs
from rhebok.gunicorn.options import OPTIONS

PAGE = Path(__file__).resolve().parents[3] / docs.PAGE


def test_the_tables_of_the_page_are_current():
    page = PAGE.read_text("utf-8")
    assert docs.BEGIN in page
    assert docs.END in page
    assert page == docs.render(page), "run: python -m rhebok.gunicorn.docs"


def test_every_setting_and_hook_of_gunicorn_is_on_the_page():
    page = PAGE.read_text("utf-8")
    assert [option.name for option in OPTIONS if f"`{option.name}`" not in page] == []
