"""Declarations of dependencies: ``db: Session = Depends(get_db)``."""

from __future__ import annotations

import builtins
import typing
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import IO, Any, Literal, NamedTuple, TypeAlias, TypeVar, overload

from .._compat.callables import key_of
from .._introspection.generics import ALIASES, unwrap
from .._introspection.signature import EMPTY, KEYWORD_ONLY, POSITIONAL_ONLY, Parameter, parameters
from ..exceptions import AnnotationError, ConfigurationError, DependencyCycleError, ParameterError

if typing.TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")
TFile = TypeVar("TFile", bound=IO[Any])

Lifetime: TypeAlias = Literal["call", "handle"]


class Requirement(NamedTuple):
    """A parameter of a callable that must be filled.

    Attributes:
        name: its name.
        position: its index among the parameters; None if it is keyword-only.
        by_name: whether it accepts a keyword argument.
        dependency: the dependency that fills it; None if a value of the call must.
        annotation: its annotation; EMPTY if it has a dependency.
    """

    name: str
    position: int | None
    by_name: bool
    dependency: Dependency | None
    annotation: Any


def _annotated() -> Any:
    """Stand for the annotation of the parameter, which is then the callable."""


class Dependency:
    """The declaration that a callable fills a parameter, as `Depends` makes it.

    Attributes:
        dependency: the callable.
        use_cache: whether it is called once where it is used several times.
        scope: how long its result lives; None for as long as whatever uses it.
        requirements: the parameters of the callable to fill; None until they are read.
    """

    __slots__ = ("dependency", "requirements", "scope", "use_cache")

    def __init__(
        self,
        dependency: Callable[..., Any] = _annotated,
        *,
        callable: Callable[..., Any] = _annotated,  # noqa: A002 - the name in pymsgbus
        use_cache: bool = True,
        scope: Lifetime | None = None,
    ) -> None:
        if dependency is _annotated:
            dependency = callable
        elif callable is not _annotated:
            text = f"{dependency!r} and {callable!r} cannot both be the dependency"
            raise ConfigurationError(text, advice="Pass one callable to Depends.")
        if not builtins.callable(dependency):
            text = f"{dependency!r} cannot be a dependency: it is not callable"
            advice = "Pass a function, a class or another callable, without calling it."
            raise ConfigurationError(text, advice=advice)
        if scope not in (None, "call", "handle"):
            text = f"The scope of a dependency must be 'call' or 'handle', not {scope!r}"
            raise ConfigurationError(text)
        self.dependency = dependency
        self.use_cache = use_cache
        self.scope = scope
        self.requirements: tuple[Requirement, ...] | None = None

    @property
    def callable(self) -> Callable[..., Any]:
        """The callable, by its name in `pymsgbus`."""
        return self.dependency

    def __repr__(self) -> str:
        name = getattr(self.dependency, "__qualname__", repr(self.dependency))
        return f"Depends({name})"

    def read(
        self, localns: Mapping[str, Any] | None = None, path: tuple[Callable[..., Any], ...] = ()
    ) -> None:
        """Read the requirements of the callable, and of its dependencies in turn.

        Args:
            localns: local names of the caller, for annotations that mention them.
            path: the dependencies that lead to this one.

        Raises:
            AnnotationError: an annotation that must be known cannot be resolved.
            DependencyCycleError: it depends on itself.
        """
        keys = [key_of(each) for each in path]
        if key_of(self.dependency) in keys:
            cycle = path[keys.index(key_of(self.dependency)) :]
            raise DependencyCycleError((*cycle, self.dependency))
        if self.requirements is None:
            requirements = tuple(requirements_of(self.dependency, localns))
            for requirement in requirements:
                if requirement.dependency is not None:
                    requirement.dependency.read(localns, (*path, self.dependency))
            self.requirements = requirements


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
    dependency: Callable[..., Coroutine[Any, Any, T] | AsyncIterator[T] | Iterator[T]],
    *,
    use_cache: bool = ...,
    scope: Lifetime | None = ...,
) -> T: ...
@overload
def Depends(
    dependency: Callable[..., T], *, use_cache: bool = ..., scope: Lifetime | None = ...
) -> T: ...
@overload
def Depends(
    *, callable: Callable[..., Any], use_cache: bool = ..., scope: Lifetime | None = ...
) -> Any: ...
def Depends(  # noqa: N802 - the name that such declarations have elsewhere
    dependency: Callable[..., Any] = _annotated,
    *,
    callable: Callable[..., Any] = _annotated,  # noqa: A002 - the name in pymsgbus
    use_cache: bool = True,
    scope: Lifetime | None = None,
) -> Any:
    """Declare that the result of a callable fills a parameter.

    Write it as the default of the parameter, or in its annotation as
    ``Annotated[Session, Depends(get_db)]``. To a type checker it has the type of the value that
    the callable returns, yields, or returns when awaited.

    Args:
        dependency: a function, a generator function that yields once, either of them async or
            not, a class, or any other callable. Its own parameters are filled in the same way.
            By default, the annotation of the parameter is the callable.
        callable: another name of *dependency*, which `pymsgbus` uses.
        use_cache: call it once where it is used several times in a call.
        scope: how long its result lives: ``"call"``, one call of a handler; ``"handle"``, one
            *handle* call of a bus and everything that it causes. Outside a bus the two are the
            same. By default, as long as whatever uses it.

    Raises:
        ConfigurationError: the dependency is not callable.
    """
    return Dependency(dependency, callable=callable, use_cache=use_cache, scope=scope)


def requirements_of(
    function: Callable[..., Any],
    localns: Mapping[str, Any] | None = None,
    argument_count: int | None = 0,
) -> Iterator[Requirement]:
    """Yield the parameters of a callable that must be filled.

    Parameters with an ordinary default are left out. A callable without a signature, such as
    some builtins, has no requirements.

    Args:
        function: the callable.
        localns: local names of the caller, for annotations that mention them.
        argument_count: how many leading parameters the caller fills; None if it may fill any that
            declare no dependency.

    Raises:
        AnnotationError: an annotation that must be known cannot be resolved.
        ParameterError: a parameter declares a dependency that is not callable.
    """
    try:
        declared = parameters(function, localns)
    except ConfigurationError:
        return
    start = argument_count or 0
    for position, parameter in enumerate(declared[start:], start):
        optional = argument_count is None or parameter.default is not EMPTY or parameter.variadic
        dependency = _find_dependency(function, parameter, optional)
        if dependency is not None or not optional:
            yield Requirement(
                parameter.name,
                None if parameter.kind is KEYWORD_ONLY else position,
                parameter.kind is not POSITIONAL_ONLY,
                dependency,
                EMPTY if dependency is not None else parameter.annotation,
            )


def _find_dependency(
    function: Callable[..., Any], parameter: Parameter, optional: bool
) -> Dependency | None:
    """Return the dependency in the default of a parameter, or else in its annotation."""
    default = parameter.default
    declared: Dependency | None = default if isinstance(default, Dependency) else None
    if declared is None:
        try:
            declared = next(_dependencies_in(parameter.annotation), None)
        except AnnotationError:
            if not optional:
                raise
            return None
    if declared is None or declared.dependency is not _annotated:
        return declared
    annotated = unwrap(parameter.annotation)
    if annotated is EMPTY or not callable(annotated):
        reason = "depends on its annotation, which is not callable"
        raise ParameterError(function, parameter.name, reason=reason)
    return Dependency(annotated, use_cache=declared.use_cache, scope=declared.scope)


def _dependencies_in(annotation: Any) -> Iterator[Dependency]:
    """Yield the dependencies in an annotation, through type aliases; the outermost first."""
    while True:
        if isinstance(annotation, ALIASES):
            annotation = annotation.__value__  # type: ignore[attr-defined]
        elif typing.get_origin(annotation) is typing.Annotated:
            annotation, *extras = typing.get_args(annotation)
            yield from (each for each in reversed(extras) if isinstance(each, Dependency))
        else:
            return
