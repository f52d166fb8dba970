"""The application is found, or the error says whether its name or its code is wrong."""

import os
import sys

import pytest

from rhebok.errors import ExitStatus, UserError
from rhebok.serving import app_loading

GOOD = """
class Site:
    def wsgi(self, environ, start_response): return []

site = Site()
number = 5
def application(environ, start_response): return ["application"]
def app(environ, start_response): return ["app"]
def make(name="x", *, loud=False):
    def made(environ, start_response): return [name, loud]
    return made
def make_nothing(): pass
def make_trouble(): return {}["missing"]
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module that can be imported for this test only."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules)

    def write(text: str, name: str = "rhb_site") -> str:
        path = tmp_path / (name.replace(".", "/") + ".py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return name

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


def refused(text: str) -> UserError:
    with pytest.raises(UserError) as error:
        app_loading.load_app(text)
    assert error.value.status == ExitStatus.APPLICATION
    return error.value


@pytest.mark.parametrize(
    ("target", "body"),
    [
        (":app", ["app"]),
        ("", ["application"]),
        (":site.wsgi", []),
        (":make()", ["x", False]),
        (":make('y', loud=True)", ["y", True]),
    ],
)
def test_an_application_is_found(module, target, body):
    assert app_loading.load_app(module(GOOD) + target)({}, None) == body


def test_app_is_the_default_when_there_is_no_application(module):
    assert app_loading.load_app(module("def app(environ, start_response): return [1]"))({}, None) == [1]


def test_a_module_that_is_not_there_is_one_line():
    error = refused("no_such_module")
    assert str(error).startswith(f"cannot find module 'no_such_module' in {os.getcwd()}")
    assert error.detail == ""


def test_a_misspelt_module_gets_the_nearest_one(module):
    module("", "rhb_shop")
    assert "(did you mean rhb_shop?)" in str(refused("rhb_shpo:app"))


def test_a_submodule_that_is_not_there_is_named(module):
    module("", "rhb_package.__init__")
    assert "cannot find module 'rhb_package.sub'" in str(refused("rhb_package.sub"))


def test_a_submodule_of_a_plain_module_says_so(module):
    assert "is not a package" in str(refused(module(GOOD) + ".sub"))


def test_a_missing_attribute_is_one_line_with_the_nearest_one(module):
    error = refused(module(GOOD) + ":aplication")
    assert str(error) == "module 'rhb_site' has no attribute 'aplication' (did you mean application?)"
    assert error.detail == ""


def test_a_missing_inner_attribute_is_an_error_that_names_the_object(module):
    assert "Site object" in str(refused(module(GOOD) + ":site.nothing"))


def test_a_module_without_a_default_says_what_to_do(module):
    message = str(refused(module("x = 1")))
    assert (
        message
        == "module 'rhb_site' has neither 'application' nor 'app': name the attribute, rhb_site:ATTRIBUTE"
    )


@pytest.mark.parametrize("target", ["number", "number()", "make_nothing()"])
def test_what_is_not_callable_is_one_line(module, target):
    error = refused(f"{module(GOOD)}:{target}")
    assert "is not callable: it is of type" in str(error)
    assert error.detail == ""


def test_a_factory_called_with_wrong_arguments_is_one_line(module):
    error = refused(module(GOOD) + ":make(1, 2, 3)")
    assert "cannot be called with these arguments" in str(error)
    assert error.detail == ""


def test_a_factory_that_raises_shows_its_traceback(module):
    error = refused(module(GOOD) + ":make_trouble()")
    assert "in make_trouble" in error.detail
    assert error.detail.endswith("KeyError: 'missing'\n")


def test_an_import_error_inside_the_application_shows_its_traceback_alone(module):
    module("import no_such_dependency", "rhb_inner")
    error = refused(module("import rhb_inner"))
    assert 'rhb_site.py", line 1' in error.detail
    assert 'rhb_inner.py", line 1' in error.detail
    assert "app_loading" not in error.detail
    assert "importlib" not in error.detail
    assert (
        str(error) == "could not import 'rhb_site': ModuleNotFoundError: No module named 'no_such_dependency'"
    )


def test_a_missing_module_that_the_application_itself_imports_is_shown_with_its_traceback(module):
    """Even if it is the application's own parent."""
    module("", "rhb_package.__init__")
    error = refused(module("import rhb_package.gone", "rhb_package.site"))
    assert "Traceback" in error.detail


def test_a_syntax_error_shows_the_place(module):
    error = refused(module("def x(:"))
    assert 'rhb_site.py", line 1' in error.detail
    assert "Traceback" not in error.detail


def test_an_application_that_exits_in_its_import_is_reported(module):
    assert "it called sys.exit(3)" in str(refused(module("import sys; sys.exit(3)")))


def test_an_interrupt_in_the_import_is_not_swallowed(module):
    with pytest.raises(KeyboardInterrupt):
        app_loading.load_app(module("raise KeyboardInterrupt"))


def test_a_hook_is_loaded(module):
    hook = app_loading.load_function("--before-fork", module(GOOD) + ":make")
    assert hook is not None
    assert hook.__name__ == "make"


def test_a_hook_that_is_not_there_names_its_option(module):
    with pytest.raises(UserError, match=r"^--before-fork: module 'rhb_site' has no attribute 'nothing'"):
        app_loading.load_function("--before-fork", module(GOOD) + ":nothing")


def test_directories_go_to_the_front_of_the_path_in_their_order(monkeypatch):
    monkeypatch.setattr(sys, "path", ["/x", "/b", "/y"])
    app_loading.prepend_to_path(["/a", "/b"])
    assert sys.path == ["/a", "/b", "/x", "/y"]
