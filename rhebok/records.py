"""What our code needs of dataclasses and typing, without these modules: with the inspect and ast that they
import they are 1.5 MiB, and each process would hold them for its life. Type checkers see the real ones.

Of the options of dataclass() there are frozen=True and the default, of those of field() default_factory.
"""

TYPE_CHECKING = False

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
    from dataclasses import replace as replace
    from typing import Protocol as Protocol
    from typing import cast as cast
else:

    class Protocol:
        pass

    def cast(_kind, value):
        return value

    class _Field:
        def __init__(self, default_factory):
            self.default_factory = default_factory

    def field(*, default_factory):
        """A field whose default is made anew for each object."""
        return _Field(default_factory)

    def dataclass(cls=None, *, frozen=False):
        """A class whose annotated attributes are the arguments of its constructor, in this order."""
        return _completed(cls, frozen) if cls else lambda cls: _completed(cls, frozen)

    def replace(record, /, **changes):
        """A copy with other values of some fields. Of a real dataclass too."""
        copy = object.__new__(type(record))
        unknown = changes.keys() - vars(record).keys()
        if unknown:
            raise TypeError(f"{type(record).__name__} has no field {min(unknown)}")
        vars(copy).update(vars(record), **changes)
        return copy

    def _completed(cls, frozen):
        names = tuple(cls.__annotations__)
        defaults = {name: vars(cls)[name] for name in names if name in vars(cls)}
        for name, default in defaults.items():
            if isinstance(default, _Field):
                delattr(cls, name)
        methods = {
            "__init__": _init(cls.__name__, names, defaults),
            "__repr__": _repr(names),
            "__eq__": _eq(names),
        }
        if frozen:
            methods |= {"__hash__": _hash(names), "__setattr__": _refuse, "__delattr__": _refuse}
        elif "__hash__" not in vars(cls):
            methods["__hash__"] = None
        for name, method in methods.items():
            if name not in vars(cls):
                setattr(cls, name, method)
        cls.__match_args__ = names
        return cls

    def _init(what, names, defaults):
        made = tuple(
            (name, each.default_factory) for name, each in defaults.items() if isinstance(each, _Field)
        )
        plain = {name: each for name, each in defaults.items() if not isinstance(each, _Field)}
        needed = frozenset(names) - defaults.keys()

        def __init__(self, *values, **named):
            given = dict(zip(names, values, strict=False)) if values else {}
            if len(values) > len(names) or named.keys() - frozenset(names) or named.keys() & given.keys():
                raise TypeError(f"{what}: wrong arguments: {values!r} {named!r}")
            given.update(named)
            if missing := needed - given.keys():
                raise TypeError(f"{what}: {min(missing)} is missing")
            attributes = vars(self)
            attributes.update(plain)
            for name, make in made:
                if name not in given:
                    attributes[name] = make()
            attributes.update(given)

        return __init__

    def _repr(names):
        def __repr__(self):
            shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
            return f"{type(self).__qualname__}({shown})"

        return __repr__

    def _eq(names):
        def __eq__(self, other):
            if type(other) is not type(self):
                return NotImplemented
            return all(getattr(self, name) == getattr(other, name) for name in names)

        return __eq__

    def _hash(names):
        return lambda self: hash(tuple(getattr(self, name) for name in names))

    def _refuse(self, name, *_value):
        raise AttributeError(f"{type(self).__name__}.{name} cannot be changed")
