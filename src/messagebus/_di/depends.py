"""Declarations of dependencies: ``db: Session = Depends(get_db)``."""

from __future__ import annotations

import builtins
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import IO, Any, Literal, NamedTuple, TypeAlias, TypeVar, overload

from ..exceptions import ConfigurationError

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


def annotated() -> Any:
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
        dependency: Callable[..., Any] = annotated,
        *,
        callable: Callable[..., Any] = annotated,  # noqa: A002 - the name in pymsgbus
        use_cache: bool = True,
        scope: Lifetime | None = None,
    ) -> None:
        if dependency is annotated:
            dependency = callable
        elif callable is not annotated:
            text = f"{dependency!r} and {callable!r} cannot both be the dependency"
            raise ConfigurationError(text, advice="Pass one callable to Depends.")
        if not builtins.callable(dependency):
            text = f"{dependency!r} cannot be a dependency: it is not callable"
            advice = "Pass a function, a class or another callable, without calling it."
            raise ConfigurationError(text, advice=advice)
        if scope not in (None, "call", "handle"):
            text = f"The scope of a dependency must be 'call' or 'handle', not {scope!r}"
            raise ConfigurationError(text)
        self.dependency: Callable[..., Any] = dependency
        self.use_cache: bool = use_cache
        self.scope: Lifetime | None = scope
        self.requirements: tuple[Requirement, ...] | None = None

    @property
    def callable(self) -> Callable[..., Any]:
        """The callable, by its name in `pymsgbus`."""
        return self.dependency

    def __repr__(self) -> str:
        name = getattr(self.dependency, "__qualname__", repr(self.dependency))
        return f"Depends({name})"


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
    dependency: Callable[..., Any] = annotated,
    *,
    callable: Callable[..., Any] = annotated,  # noqa: A002 - the name in pymsgbus
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
