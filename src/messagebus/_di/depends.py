"""How a parameter says what fills it: ``db: Session = Depends(get_db)``."""

from __future__ import annotations

import typing
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import IO, Any, Literal, NamedTuple, TypeAlias, TypeVar, overload

from .._introspection.generics import ALIASES, unwrap
from .._introspection.signature import EMPTY, KEYWORD_ONLY, POSITIONAL_ONLY, Parameter, parameters
from ..exceptions import AnnotationError, ConfigurationError, DependencyCycleError, ParameterError

if typing.TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")
TFile = TypeVar("TFile", bound=IO[Any])

Lifetime: TypeAlias = Literal["call", "handle"]


class Requirement(NamedTuple):
    """A parameter of a callable that has to be filled.

    Attributes:
        name: its name.
        position: its index among the parameters; None if it needs an argument with its name.
        by_name: whether an argument with its name can fill it.
        dependency: what fills it; None if that is something of the call itself.
        annotation: its annotation, if it has no dependency.
    """

    name: str
    position: int | None
    by_name: bool
    dependency: Dependency | None
    annotation: Any


def _annotated() -> Any:
    """Stand for the annotation of a parameter as what is called."""


class Dependency:
    """What `Depends` makes: the declaration that a callable fills a parameter.

    Attributes:
        dependency: the callable.
        use_cache: whether it is called once where it is used several times.
        scope: how long what it gives lives; None for as long as what it is used by.
        requirements: the parameters of the callable to fill; None until they are read.
    """

    __slots__ = ("dependency", "requirements", "scope", "use_cache")

    def __init__(
        self,
        dependency: Callable[..., Any] = _annotated,
        *,
        use_cache: bool = True,
        scope: Lifetime | None = None,
    ) -> None:
        if not callable(dependency):
            text = f"A dependency has to be callable, which {dependency!r} is not"
            raise ConfigurationError(text)
        if scope not in (None, "call", "handle"):
            text = f"The scope of a dependency is 'call' or 'handle', not {scope!r}"
            raise ConfigurationError(text)
        self.dependency = dependency
        self.use_cache = use_cache
        self.scope = scope
        self.requirements: tuple[Requirement, ...] | None = None

    def __repr__(self) -> str:
        name = getattr(self.dependency, "__qualname__", repr(self.dependency))
        return f"Depends({name})"

    def read(
        self, localns: Mapping[str, Any] | None = None, path: tuple[Callable[..., Any], ...] = ()
    ) -> None:
        """Read what the callable needs, and what that needs in turn.

        Args:
            localns: names for annotations that mention what is local to the caller.
            path: the dependencies that lead to this one.

        Raises:
            AnnotationError: an annotation that has to be known can not be resolved.
            DependencyCycleError: it needs itself.
        """
        if self.dependency in path:
            cycle = path[path.index(self.dependency) :]
            raise DependencyCycleError((*cycle, self.dependency))
        if self.requirements is None:
            found = tuple(requirements_of(self.dependency, localns))
            for need in found:
                if need.dependency is not None:
                    need.dependency.read(localns, (*path, self.dependency))
            self.requirements = found


@overload
def Depends(*, use_cache: bool = ..., scope: Lifetime | None = ...) -> Any: ...
@overload
def Depends(
    dependency: Callable[..., TFile], *, use_cache: bool = ..., scope: Lifetime | None = ...
) -> TFile: ...
@overload
def Depends(dependency: type[T], *, use_cache: bool = ..., scope: Lifetime | None = ...) -> T: ...
@overload
def Depends(
    dependency: Callable[..., Coroutine[Any, Any, T]],
    *,
    use_cache: bool = ...,
    scope: Lifetime | None = ...,
) -> T: ...
@overload
def Depends(
    dependency: Callable[..., AsyncIterator[T]],
    *,
    use_cache: bool = ...,
    scope: Lifetime | None = ...,
) -> T: ...
@overload
def Depends(
    dependency: Callable[..., Iterator[T]],
    *,
    use_cache: bool = ...,
    scope: Lifetime | None = ...,
) -> T: ...
@overload
def Depends(
    dependency: Callable[..., T], *, use_cache: bool = ..., scope: Lifetime | None = ...
) -> T: ...
def Depends(  # noqa: N802 - it reads as a declaration, and has the name that such have
    dependency: Callable[..., Any] = _annotated,
    *,
    use_cache: bool = True,
    scope: Lifetime | None = None,
) -> Any:
    """Declare that the result of a callable fills a parameter.

    Write it as the default of the parameter, or into its annotation as
    ``Annotated[Session, Depends(get_db)]``. To a type checker it has the type of what the callable
    gives: of its result, of what it yields, or of what it returns when it has been waited for.

    Args:
        dependency: a function, a generator function that yields once, either of them asynchronous
            or not, a class, or any other callable. Its own parameters are filled in the same way.
            Without it, the annotation of the parameter is what is called.
        use_cache: call it once where it is used several times in a call.
        scope: how long what it gives lives: ``"call"``, one call of a handler; ``"handle"``, all
            that one *handle* of a bus brings about. Outside of a bus the two are the same. The
            default is as long as what it is used by.

    Raises:
        ConfigurationError: it can not be called.
    """
    return Dependency(dependency, use_cache=use_cache, scope=scope)


def requirements_of(
    function: Callable[..., Any],
    localns: Mapping[str, Any] | None = None,
    argument_count: int | None = 0,
) -> Iterator[Requirement]:
    """Yield the parameters of a callable that have to be filled.

    Those with an ordinary default need not be. A callable without a signature, as some builtins
    are, is taken to need nothing.

    Args:
        function: the callable.
        localns: names for annotations that mention what is local to the caller.
        argument_count: how many leading parameters the caller fills; None if it may fill any that
            declare no dependency.

    Raises:
        AnnotationError: an annotation that has to be known can not be resolved.
        ParameterError: what fills a parameter can not be called.
    """
    try:
        declared = parameters(function, localns)
    except ConfigurationError:
        return
    for index, parameter in enumerate(declared):
        if argument_count is not None and index < argument_count:
            continue
        optional = argument_count is None or parameter.default is not EMPTY or parameter.variadic
        dependency = _declared_dependency(function, parameter, optional)
        if dependency is not None or not optional:
            yield Requirement(
                parameter.name,
                None if parameter.kind is KEYWORD_ONLY else index,
                parameter.kind is not POSITIONAL_ONLY,
                dependency,
                EMPTY if dependency is not None else parameter.annotation,
            )


def _declared_dependency(
    function: Callable[..., Any], parameter: Parameter, optional: bool
) -> Dependency | None:
    """Return what a parameter declares in its default, or else in its annotation."""
    default = parameter.default
    found = default if isinstance(default, Dependency) else None
    if found is None:
        try:
            found = next(_extras(parameter.annotation), None)
        except AnnotationError:
            if not optional:
                raise
            return None
    if found is not None and found.dependency is _annotated:
        implied = unwrap(parameter.annotation)
        if implied is EMPTY or not callable(implied):
            reason = "depends on its annotation, which can not be called"
            raise ParameterError(function, parameter.name, reason=reason)
        return Dependency(implied, use_cache=found.use_cache, scope=found.scope)
    return found


def _extras(annotation: Any) -> Iterator[Dependency]:
    """Yield the dependencies in an annotation, through type aliases; the outermost first."""
    while True:
        if isinstance(annotation, ALIASES):
            annotation = annotation.__value__  # type: ignore[attr-defined]
        elif typing.get_origin(annotation) is typing.Annotated:
            annotation, *extras = typing.get_args(annotation)
            yield from (each for each in reversed(extras) if isinstance(each, Dependency))
        else:
            return
