"""The grammar of the application's name. Pure; serving.app_loading imports the application.

spec = MODULE [ ":" TARGET ]      TARGET = ATTRIBUTE *( "." ATTRIBUTE ) [ "(" literal arguments ")" ]
spec = "config:" FILE [ "#" NAME ]      of PasteDeploy; FILE ends with .ini or has a slash
"""

import re
from keyword import iskeyword

from rhebok.records import TYPE_CHECKING, dataclass, field

if TYPE_CHECKING:
    import ast
    from typing import Any

DEFAULT_ATTRIBUTES = ("application", "app")

PASTE_PREFIX = "config:"

_MODULE = re.compile(r"[\w-]+(\.[\w-]+)*")  # what can be imported, not only what `import` can name


@dataclass(frozen=True)
class AppSpec:
    """An application's name, parsed."""

    module: str
    attribute: str | None = None  # dotted; None: the first of DEFAULT_ATTRIBUTES that exists
    is_factory: bool = False
    arguments: "tuple[Any, ...]" = ()
    keywords: "dict[str, Any]" = field(default_factory=dict)


@dataclass(frozen=True)
class PasteSpec:
    """An application that a file of PasteDeploy describes."""

    file: str
    name: str | None = None  # of the section; None: main


def parse_paste(text: str) -> PasteSpec | None:
    """None for any other application: a module may be named config, and have an attribute."""
    file, _, name = text.strip().removeprefix(PASTE_PREFIX).partition("#")
    of_paste = text.strip().startswith(PASTE_PREFIX) and ("/" in file or file.endswith(".ini"))
    return PasteSpec(file, name or None) if of_paste else None


def parse_app(text: str) -> AppSpec:
    """Parses MODULE, MODULE:ATTRIBUTE or MODULE:FACTORY(...). Raises ValueError, which says what is wrong."""
    module, colon, target = text.strip().partition(":")
    if module.endswith(".py") or "/" in module:
        raise ValueError(f"name the module, not its file (did you mean {_module_of(module)}?)")
    if not _MODULE.fullmatch(module):
        raise ValueError(f"{module!r} is not the name of a module")
    return _with_target(module, target) if colon else AppSpec(module)


def _module_of(path: str) -> str:
    return path.removesuffix(".py").strip("./").replace("/", ".") or "app"


def _with_target(module: str, target: str) -> AppSpec:
    if _is_plain(target.strip()):
        return AppSpec(module, target.strip())
    import ast  # 0.5 MiB that most servers do without

    try:
        node = ast.parse(target.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        raise ValueError(f"{target!r} is neither an attribute nor a call") from None
    if not isinstance(node, ast.Call):
        return AppSpec(module, _dotted(node, target))
    try:
        arguments = tuple(ast.literal_eval(argument) for argument in node.args)
        keywords = {str(word.arg): ast.literal_eval(word.value) for word in node.keywords if word.arg}
    except ValueError:
        raise ValueError("the arguments of a factory must be literals") from None
    return AppSpec(module, _dotted(node.func, target), True, arguments, keywords)


def _is_plain(target: str) -> bool:
    """Whether it is an attribute, without what only the parser of Python knows."""
    return target.isascii() and all(part.isidentifier() and not iskeyword(part) for part in target.split("."))


def _dotted(node: "ast.expr", target: str) -> str:
    import ast

    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, target)}.{node.attr}"
    raise ValueError(f"{target!r} is neither an attribute nor a call")
