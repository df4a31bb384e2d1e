"""The classes that an annotation stands for: the rule by which handlers hear messages.

A class hears its instances and those of its subclasses; classes are compared by identity, never
by name. A union hears what one of its members hears, `Any` and `object` hear everything, an
abstract class what `issubclass` says, a type variable its bound or its constraints. `Annotated`,
type aliases and `NewType` stand for what they wrap.

A parametrised generic such as ``Created[User]`` hears an instance of ``Created`` if

* it is known to be made for a `User`, or for a subclass of it: through ``Created[User](...)``, as
  an instance of a class derived from ``Created[User]``, or of the class ``Created[User]`` itself
  where that is one, as in pydantic;
* otherwise, if its attributes that are annotated with the type parameter hold a `User`, also
  inside of lists and the like, of a union, or of another generic class;
* otherwise, if neither says anything.

So an instance that is known to be made for another type is not heard, nor is one whose attributes
hold something else; what cannot be known counts as a match. A plain class remembers that it was
made through ``Created[User](...)`` unless it is frozen or has slots; one made by
`messagebus.event` remembers it as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ForwardRef, Literal, NamedTuple, TypeVar

from .._introspection.generics import UNIONS, split, unwrap, variants
from .._introspection.typecheck import Predicate, admits, verdict
from ..exceptions import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Predicate", "Target", "targets"]


class Target(NamedTuple):
    """A class that an annotation names, with its type arguments.

    Attributes:
        declared: the class as the annotation names it: ``Created[User]`` where that is a class
            of its own, as in pydantic; `Created` where it is an alias.
        origin: the class without its type arguments.
        arguments: its type arguments; none for a class that is not parametrised.
    """

    declared: type
    origin: type
    arguments: tuple[Any, ...]

    def match(self, cls: type) -> bool | Predicate:
        """Tell whether instances of exactly the class *cls* are heard.

        Returns:
            False for none, True for all, otherwise a function that tells for one instance.
        """
        return verdict(self.origin, self.arguments, cls)

    def is_narrower(self, other: Target) -> bool:
        """Return whether everything that this target hears is heard by *other*, but not more.

        Both are parametrisations of one generic class.
        """
        pairs = [*zip(self.arguments, other.arguments, strict=False)]
        return (
            self.arguments != other.arguments
            and all(admits(broad, narrow) is True for narrow, broad in pairs)
            and not all(admits(narrow, broad) is True for narrow, broad in pairs)
        )

    def overlaps(self, other: Target) -> bool:
        """Return whether both may hear one object. Both parametrise one generic class."""
        return all(
            admits(one, two) is not False or admits(two, one) is not False
            for one, two in zip(self.arguments, other.arguments, strict=False)
        )

    def __str__(self) -> str:
        """Return it as source code would spell it, without modules."""
        name = self.origin.__qualname__
        if not self.arguments:
            return name
        inner = (getattr(each, "__qualname__", str(each)) for each in self.arguments)
        return f"{name}[{', '.join(inner)}]"


def targets(annotation: Any) -> tuple[Target, ...]:
    """Return the classes that an annotation names, in order.

    Raises:
        ConfigurationError: the annotation, or a part of it, does not support *isinstance*.
    """
    found: list[Target] = []
    for target in _flattened(annotation):
        if target not in found:
            found.append(target)
    return tuple(found)


def _flattened(annotation: Any) -> Iterator[Target]:
    annotation = unwrap(annotation)
    if isinstance(annotation, TypeVar):
        for each in variants(annotation):
            yield from _flattened(each)
        return
    if annotation is Any:
        annotation = object
    elif annotation is None:
        annotation = type(None)
    origin, arguments = split(annotation)
    if origin in UNIONS:
        for member in arguments:
            yield from _flattened(member)
    elif isinstance(origin, type) and _tells_instances(origin):
        if quoted := next(_quoted(arguments), None):
            text = f"The type argument {quoted!r} of {origin.__qualname__} is not resolved"
            advice = "Write the class itself, not its name in quotes."
            raise ConfigurationError(text, message_type=annotation, advice=advice)
        declared = annotation if isinstance(annotation, type) else origin
        yield Target(declared, origin, arguments)
    else:
        text = f"No object can be recognized as an instance of {annotation!r}"
        raise ConfigurationError(text, message_type=annotation)


def _quoted(arguments: Iterable[Any]) -> Iterator[str]:
    """Yield the names in quotes among type arguments, also inside of them."""
    for argument in map(unwrap, arguments):
        if isinstance(argument, ForwardRef):
            yield argument.__forward_arg__
        elif isinstance(argument, str):
            yield argument
        else:
            origin, inner = split(argument)
            if origin is not Literal:
                yield from _quoted(inner)


def _tells_instances(origin: type) -> bool:
    try:
        isinstance(None, origin)
    except TypeError:  # a protocol that is not runtime_checkable
        return False
    return True
