"""What a callable asks for: its parameters, each with its annotation resolved.

A callable is read once, when it is registered. Annotations that are text, because of
``from __future__ import annotations`` or of quotes, are resolved when they are asked for, so an
annotation that nobody needs may stay unresolvable.
"""

from __future__ import annotations

import functools
import inspect
import sys
import typing
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, MethodType, SimpleNamespace
from typing import Any, NamedTuple

from .._compat.callables import describe
from ..exceptions import AnnotationError, ConfigurationError

EMPTY: Any = inspect.Parameter.empty
"""What stands for an annotation or a default that was not written."""

Kind = inspect._ParameterKind
POSITIONAL_ONLY = Kind.POSITIONAL_ONLY
POSITIONAL_OR_KEYWORD = Kind.POSITIONAL_OR_KEYWORD
VAR_POSITIONAL = Kind.VAR_POSITIONAL
KEYWORD_ONLY = Kind.KEYWORD_ONLY
VAR_KEYWORD = Kind.VAR_KEYWORD


class Parameter(NamedTuple):
    """One parameter of a callable.

    Attributes:
        name: its name.
        kind: how it takes its argument, as `inspect.Parameter` spells it.
        default: what it is without an argument; EMPTY if it needs one.
        declared: the annotation as it was written, perhaps text; EMPTY if there is none.
        scope: where the names in the annotation are looked up.
    """

    name: str
    kind: Kind
    default: Any
    declared: Any
    scope: Scope

    @property
    def annotation(self) -> Any:
        """The annotation, with `Annotated` and its extras kept; EMPTY if there is none.

        Raises:
            AnnotationError: a name in the annotation is not known.
        """
        declared = self.declared
        if declared is EMPTY or isinstance(declared, type):
            return declared
        return self.scope.resolve(self.name, declared)

    @property
    def variadic(self) -> bool:
        """Whether it collects any number of arguments, as ``*args`` and ``**kwargs`` do."""
        return self.kind is VAR_POSITIONAL or self.kind is VAR_KEYWORD


class Scope:
    """The names that the annotations of one callable may use.

    Args:
        function: the callable.
        localns: the local names at the place of registration. They come before the globals for
            a function that was defined inside another one, and after them for any other.
    """

    __slots__ = ("function", "localns")

    def __init__(self, function: Callable[..., Any], localns: Mapping[str, Any] | None) -> None:
        self.function = function
        self.localns = localns

    def resolve(self, name: str, declared: Any) -> Any:
        """Return what the annotation *declared* of the parameter *name* means.

        Raises:
            AnnotationError: a name in it is not known, or it is no expression.
        """
        function = self.function
        if type(function) is FunctionType and "<locals>" not in function.__qualname__:
            # By far the most frequent case is the plain name of a global class.
            found = function.__globals__.get(declared) if type(declared) is str else None
            if isinstance(found, type) and not _inner_names(function):
                return found
        globalns, layers, localns = self._namespaces(name, declared)
        try:
            try:
                return _evaluate(name, declared, globalns, layers)
            except NameError:
                if localns is None:
                    raise
                return _evaluate(name, declared, globalns, ChainMap(layers, dict(localns)))
        except Exception as error:
            raise AnnotationError(self.function, name, declared) from error

    def _namespaces(
        self, name: str, declared: Any
    ) -> tuple[dict[str, Any], ChainMap[str, Any], Mapping[str, Any] | None]:
        """Return the globals, the inner scopes, and the names to fall back to."""
        function, owner = _origin(self.function)
        if isinstance(self.function, type):
            # A generated constructor repeats the annotations of the class that has the field,
            # which may live in another module than the constructor.
            for base in self.function.__mro__:
                if inspect.get_annotations(base).get(name) is declared:
                    function, owner = None, base
                    break
        globalns: dict[str, Any] = getattr(function, "__globals__", None) or vars(
            sys.modules[(owner or type(self.function)).__module__]
        )
        layers = [
            {each.__name__: each for each in getattr(definition, names, ())}
            for definition, names in (
                (function, "__type_params__"),
                (owner, "__type_params__"),
                (owner, "__parameters__"),
            )
        ]
        if owner is not None:
            layers.append(dict(vars(owner)))
        if function is not None and function.__closure__:
            layers.append(_closure(function))
        localns = self.localns
        if localns is not None and "<locals>" in getattr(function or owner, "__qualname__", ""):
            layers.append(dict(localns))
            localns = None
        return globalns, ChainMap(*layers), localns


def parameters(
    function: Callable[..., Any], localns: Mapping[str, Any] | None = None
) -> tuple[Parameter, ...]:
    """Return the parameters that a call of *function* takes, in order.

    Args:
        function: a function, a method, a class, a partial or any other callable. What is bound
            already is left out; a wrapper made with `functools.wraps` shows what it wraps.
        localns: names for annotations that mention what is local to the caller.

    Raises:
        ConfigurationError: it has no signature that can be read.
    """
    scope = Scope(function, localns)
    if type(function) is FunctionType and function.__dict__.keys().isdisjoint(_REDIRECTED):
        return tuple(_written(function, scope))
    if type(function) is MethodType and type(function.__func__) is FunctionType:
        inner = function.__func__
        if inner.__dict__.keys().isdisjoint(_REDIRECTED) and inner.__code__.co_argcount:
            return tuple(_written(inner, scope))[1:]
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError) as error:
        text = f"{describe(function)} has no signature that can be read"
        raise ConfigurationError(text, listener=function) from error
    return tuple(
        Parameter(each.name, each.kind, each.default, each.annotation, scope)
        for each in signature.parameters.values()
    )


_REDIRECTED = ("__wrapped__", "__signature__")


def _inner_names(function: FunctionType) -> bool:
    """Tell whether something may come before the globals of *function*, or replace them."""
    return bool(function.__closure__ or getattr(function, "__type_params__", ())) or not (
        function.__dict__.keys().isdisjoint(_REDIRECTED)
    )


def _written(function: FunctionType, scope: Scope) -> Iterator[Parameter]:
    """Read a plain function, several times faster than `inspect.signature` does."""
    code = function.__code__
    names = code.co_varnames
    declared = function.__annotations__
    defaults = function.__defaults__ or ()
    required = code.co_argcount - len(defaults)
    for index in range(code.co_argcount):
        name = names[index]
        kind = POSITIONAL_ONLY if index < code.co_posonlyargcount else POSITIONAL_OR_KEYWORD
        default = EMPTY if index < required else defaults[index - required]
        yield Parameter(name, kind, default, declared.get(name, EMPTY), scope)
    count = code.co_argcount + code.co_kwonlyargcount
    extra = count
    if code.co_flags & inspect.CO_VARARGS:
        name = names[extra]
        extra += 1
        yield Parameter(name, VAR_POSITIONAL, EMPTY, declared.get(name, EMPTY), scope)
    keywords = function.__kwdefaults__ or {}
    for name in names[code.co_argcount : count]:
        default = keywords.get(name, EMPTY)
        yield Parameter(name, KEYWORD_ONLY, default, declared.get(name, EMPTY), scope)
    if code.co_flags & inspect.CO_VARKEYWORDS:
        name = names[extra]
        yield Parameter(name, VAR_KEYWORD, EMPTY, declared.get(name, EMPTY), scope)


def _origin(function: Any) -> tuple[FunctionType | None, type | None]:
    """Return the function whose text holds the annotations, and the class it belongs to."""
    owner: type | None = None
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif isinstance(function, MethodType):
            bound = function.__self__
            owner = bound if isinstance(bound, type) else type(bound)
            function = function.__func__
        elif isinstance(function, type):
            owner = function
            constructors = (owner.__init__, owner.__new__)  # type: ignore[misc]
            found = next((each for each in constructors if hasattr(each, "__globals__")), None)
            if found is None:
                return None, owner
            function = found
        elif hasattr(function, "__wrapped__") and not hasattr(function, "__signature__"):
            function = function.__wrapped__
        elif isinstance(function, FunctionType):
            return function, _definer(owner, function)
        elif owner is None or not isinstance(function, owner):
            owner = type(function)
            function = getattr(owner, "__call__", None)  # noqa: B004 - the function is wanted
        else:
            return None, owner


def _definer(owner: type | None, function: FunctionType) -> type | None:
    """Return the class among the bases of *owner* whose body defines *function*."""
    if owner is None:
        return None
    for base in owner.__mro__:
        if function.__name__ in vars(base):
            return base
    return owner


def _closure(function: FunctionType) -> dict[str, Any]:
    """Return the variables of the enclosing functions that *function* holds."""
    names = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            names[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    return names


def _evaluate(
    name: str, declared: Any, globalns: dict[str, Any], localns: Mapping[str, Any]
) -> Any:
    """Return the annotation with all its text, outside and inside, evaluated."""
    while isinstance(declared, str):
        declared = eval(declared, globalns, localns)  # noqa: S307 - annotations are source code
    if isinstance(declared, type):
        return declared
    holder = SimpleNamespace(__annotations__={name: declared})
    hints = typing.get_type_hints(
        holder, globalns, typing.cast("dict[str, Any]", localns), include_extras=True
    )
    return hints[name]
