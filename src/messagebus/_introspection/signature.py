"""The parameters of a callable, with resolved annotations.

A callable is read once, when it is registered. String annotations, from quotes or from
``from __future__ import annotations``, are resolved on demand, so one that nothing needs may be
unresolvable.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import typing
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, SimpleNamespace
from typing import Any, NamedTuple

from .._compat.callables import describe
from ..exceptions import AnnotationError, ConfigurationError
from .definition import find_definition, globals_of, read_closure
from .late import annotations_of, signature_of

EMPTY: Any = inspect.Parameter.empty
"""Stands for a missing annotation or default."""

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
        kind: how it accepts its argument, as in `inspect.Parameter`.
        default: its default; EMPTY if it has none.
        declared: its annotation as written, possibly a string; EMPTY if it has none.
        scope: the names that the annotation may use.
    """

    name: str
    kind: Kind
    default: Any
    declared: Any
    scope: Scope

    @property
    def annotation(self) -> Any:
        """The resolved annotation, including `Annotated` and its extras; EMPTY if it has none.

        Raises:
            AnnotationError: the annotation cannot be resolved.
        """
        declared = self.declared
        if declared is EMPTY or isinstance(declared, type):
            return declared
        return self.scope.resolve(self.name, declared)

    @property
    def untyped(self) -> Any:
        """The annotation with None for the type, or the first one, in its brackets.

        It has the extras of an `Annotated` whose type is unknown here.

        Raises:
            AnnotationError: anything else in it cannot be resolved.
        """
        return self.scope.resolve_untyped(self.name, self.declared)

    @property
    def variadic(self) -> bool:
        """Whether it accepts any number of arguments, like ``*args`` and ``**kwargs``."""
        return self.kind is VAR_POSITIONAL or self.kind is VAR_KEYWORD


class Scope:
    """The names that the annotations of one callable may use.

    Args:
        function: the callable.
        localns: the local names where it is registered. They take precedence over globals if the
            function was defined inside another function, and yield to them otherwise.
    """

    __slots__ = ("function", "localns")

    def __init__(self, function: Callable[..., Any], localns: Mapping[str, Any] | None) -> None:
        self.function: Callable[..., Any] = function
        self.localns: Mapping[str, Any] | None = localns

    def resolve(self, name: str, declared: Any) -> Any:
        """Return the resolved annotation *declared* of the parameter *name*.

        Raises:
            AnnotationError: it uses an unknown name, or is not an expression.
        """
        function = self.function
        if type(function) is FunctionType and "<locals>" not in function.__qualname__:
            # By far the most frequent annotation is the name of a global class.
            found = function.__globals__.get(declared) if type(declared) is str else None
            if isinstance(found, type) and not _inner_names(function):
                return found
        try:
            return _evaluate(name, declared, *self._namespaces(name, declared))
        except Exception as error:
            raise AnnotationError(self.function, name, declared, reason=str(error)) from error

    def resolve_untyped(self, name: str, declared: Any) -> Any:
        """Return what `Parameter.untyped` does for the annotation *declared*."""
        try:
            namespaces = self._namespaces(name, declared)
            annotation = declared
            while isinstance(annotation, str):
                source = ast.parse(annotation.strip(), mode="eval")
                _forget_type(source.body)
                annotation = eval(compile(source, "<annotation>", "eval"), *namespaces)  # noqa: S307 - of source code
        except Exception as error:
            raise AnnotationError(self.function, name, declared, reason=str(error)) from error
        return annotation

    def _namespaces(self, name: str, declared: Any) -> tuple[dict[str, Any], ChainMap[str, Any]]:
        """Return the globals, and all names in order of precedence."""
        function, owner = find_definition(self.function)
        if isinstance(self.function, type):
            # A generated constructor copies the annotations of the class that declares the field,
            # which may be in another module.
            for base in self.function.__mro__:
                if annotations_of(base).get(name) == declared:
                    function, owner = None, base
                    break
        globalns: dict[str, Any] = getattr(function, "__globals__", None) or globals_of(
            owner or type(self.function)
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
        # From Python 3.14 on, names that only annotations use are in the closure of __annotate__.
        closed = (function, getattr(function or owner, "__annotate__", None))
        layers += [read_closure(each) for each in closed if isinstance(each, FunctionType)]
        if self.localns is not None:
            if "<locals>" not in getattr(function or owner, "__qualname__", ""):
                layers += [globalns, vars(builtins)]
            layers.append(dict(self.localns))
        return globalns, ChainMap(*layers)


def parameters(
    function: Callable[..., Any], localns: Mapping[str, Any] | None = None
) -> tuple[Parameter, ...]:
    """Return the parameters of a callable, in order.

    Args:
        function: a function, a method, a class, a partial or any other callable. Bound arguments
            are left out. For a wrapper made with `functools.wraps`, the wrapped function counts.
        localns: local names of the caller, for annotations that mention them.

    Raises:
        ConfigurationError: its signature cannot be read.
    """
    scope = Scope(function, localns)
    if type(function) is FunctionType and function.__dict__.keys().isdisjoint(_REDIRECTED):
        return tuple(_read_code(function, scope))
    try:
        signature = signature_of(function)
    except (TypeError, ValueError) as error:
        text = f"The signature of {describe(function)} cannot be read"
        advice = "Wrap it in a function with annotated parameters."
        raise ConfigurationError(text, listener=function, advice=advice) from error
    return tuple(
        Parameter(each.name, each.kind, each.default, each.annotation, scope)
        for each in signature.parameters.values()
    )


def returned(function: Callable[..., Any]) -> Any:
    """Return the resolved annotation of the result of a callable; EMPTY if it has none.

    Raises:
        AnnotationError: the annotation cannot be resolved.
    """
    definition, owner = find_definition(function)
    if definition is None or (owner is not None and isinstance(function, type)):
        return EMPTY
    declared = annotations_of(definition).get("return", EMPTY)
    return declared if declared is EMPTY else Scope(function, None).resolve("return", declared)


def required_parameters(function: Callable[..., Any]) -> list[str]:
    """Return the names of the parameters without a default; none if it has no signature."""
    try:
        declared = parameters(function)
    except ConfigurationError:
        return []
    return [each.name for each in declared if each.default is EMPTY and not each.variadic]


_REDIRECTED = ("__wrapped__", "__signature__")


def _inner_names(function: FunctionType) -> bool:
    """Return whether a name may resolve to anything but a global of *function*."""
    return bool(function.__closure__ or getattr(function, "__type_params__", ())) or not (
        function.__dict__.keys().isdisjoint(_REDIRECTED)
    )


def _read_code(function: FunctionType, scope: Scope) -> Iterator[Parameter]:
    """Read a plain function, several times faster than `inspect.signature`."""
    code, declared = function.__code__, annotations_of(function)
    names, count = code.co_varnames, code.co_argcount
    defaults, keywords = function.__defaults__ or (), function.__kwdefaults__ or {}
    required = count - len(defaults)
    for index, name in enumerate(names[:count]):
        kind = POSITIONAL_ONLY if index < code.co_posonlyargcount else POSITIONAL_OR_KEYWORD
        default = EMPTY if index < required else defaults[index - required]
        yield Parameter(name, kind, default, declared.get(name, EMPTY), scope)
    variadic = iter(names[count + code.co_kwonlyargcount :])
    if code.co_flags & inspect.CO_VARARGS:
        name = next(variadic)
        yield Parameter(name, VAR_POSITIONAL, EMPTY, declared.get(name, EMPTY), scope)
    for name in names[count : count + code.co_kwonlyargcount]:
        default = keywords.get(name, EMPTY)
        yield Parameter(name, KEYWORD_ONLY, default, declared.get(name, EMPTY), scope)
    if code.co_flags & inspect.CO_VARKEYWORDS:
        name = next(variadic)
        yield Parameter(name, VAR_KEYWORD, EMPTY, declared.get(name, EMPTY), scope)


def _forget_type(annotation: ast.expr) -> None:
    """Replace the type in the brackets of an annotation by None, or the first of several."""
    if isinstance(annotation, ast.Subscript):
        none, inside = ast.copy_location(ast.Constant(None), annotation), annotation.slice
        if isinstance(inside, ast.Tuple) and inside.elts:
            inside.elts[0] = none
        else:
            annotation.slice = none


def _evaluate(
    name: str, declared: Any, globalns: dict[str, Any], localns: Mapping[str, Any]
) -> Any:
    """Evaluate an annotation, and all strings inside it."""
    while isinstance(declared, str):
        declared = eval(declared, globalns, localns)  # noqa: S307 - annotations are source code
    if isinstance(declared, type):
        return declared
    holder = SimpleNamespace(__annotations__={name: declared})
    hints = typing.get_type_hints(
        holder, globalns, typing.cast("dict[str, Any]", localns), include_extras=True
    )
    return hints[name]
