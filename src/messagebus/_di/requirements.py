"""Reads what fills the parameters of a callable.

A declared dependency is never passed over: it is found, or the callable is refused. So an
annotation must be readable wherever it could declare one and the callable would run without it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType
from typing import Any, ForwardRef, Literal

from .._compat.callables import describe, key_of
from .._introspection.extras import Extra, extras_of
from .._introspection.generics import UNIONS, is_plain, split, unwrap
from .._introspection.late import signature_of
from .._introspection.signature import EMPTY, KEYWORD_ONLY, POSITIONAL_ONLY, Parameter, parameters
from ..exceptions import AnnotationError, ConfigurationError, DependencyCycleError, ParameterError
from .depends import Dependency, Depends, Requirement, annotated
from .foreign import is_foreign, is_foreign_default

_NO_FACTORIES = (*UNIONS, Literal, Any, EMPTY, type(None))
_UNRESOLVED = (str, ForwardRef, Exception)
_MOVE = "Write Annotated[T, Depends(...)] for the whole parameter, or Depends(...) as its default."


def read_requirements(
    dependency: Dependency,
    localns: Mapping[str, Any] | None = None,
    path: tuple[Callable[..., Any], ...] = (),
) -> None:
    """Read the requirements of a dependency, and of its dependencies in turn.

    Args:
        dependency: the dependency, which keeps them.
        localns: local names of the caller, for annotations that mention them.
        path: the dependencies that lead to this one.

    Raises:
        AnnotationError: an annotation that must be known cannot be resolved.
        ParameterError: a parameter declares a dependency that cannot fill it.
        DependencyCycleError: it depends on itself.
    """
    function = dependency.dependency
    keys = [key_of(each) for each in path]
    if key_of(function) in keys:
        raise DependencyCycleError((*path[keys.index(key_of(function)) :], function))
    if dependency.requirements is None:
        requirements = tuple(requirements_of(function, localns))
        for requirement in requirements:
            if requirement.dependency is not None:
                read_requirements(requirement.dependency, localns, (*path, function))
        dependency.requirements = requirements


def requirements_of(
    function: Callable[..., Any],
    localns: Mapping[str, Any] | None = None,
    argument_count: int | None = 0,
    *,
    passed: int = 0,
    is_shared: bool = False,
    declared: tuple[Parameter, ...] | None = None,
) -> Iterator[Requirement]:
    """Yield the parameters of a callable that must be filled.

    Parameters with an ordinary default are left out. A callable without a signature, such as
    some builtins, has no requirements.

    Args:
        function: the callable.
        localns: local names of the caller, for annotations that mention them.
        argument_count: how many leading parameters the caller fills; None if it may fill any that
            declare no dependency.
        passed: how many leading parameters every call fills, if *argument_count* is None.
        is_shared: whether another framework may call it and fill parameters, too.
        declared: its parameters, if they have been read already.

    Raises:
        AnnotationError: an annotation that must be known cannot be resolved, or has a dependency
            where it cannot work.
        ParameterError: a parameter declares a dependency that cannot fill it.
    """
    if declared is None:
        try:
            declared = parameters(function, localns)
        except ConfigurationError:
            return
    _refuse_hidden(function, declared)
    start = passed if argument_count is None else argument_count
    for parameter in declared[:start]:
        _refuse_passed(function, parameter)
    for position, parameter in enumerate(declared[start:], start):
        filled = argument_count is not None and not parameter.variadic
        optional = parameter.default is not EMPTY
        dependency = _find_dependency(function, parameter, filled or optional, is_shared)
        if dependency is not None or (filled and not optional):
            yield Requirement(
                parameter.name,
                None if parameter.kind is KEYWORD_ONLY else position,
                parameter.kind is not POSITIONAL_ONLY,
                dependency,
                EMPTY if dependency is not None else parameter.annotation,
            )


def _find_dependency(
    function: Callable[..., Any], parameter: Parameter, must_know: bool, is_shared: bool
) -> Dependency | None:
    """Return the dependency in the default of a parameter, or else in its annotation."""
    found: Dependency | None = None
    default = parameter.default
    if isinstance(default, Dependency):
        found = default
        if default.dependency is annotated:
            found = _complete(function, parameter, default, parameter.annotation)
    else:
        if (
            default is Depends
            or default is Dependency
            or (is_foreign_default(default) and not is_shared)
        ):
            raise _not_ours(function, parameter, default)
        try:
            extras = _extras_of(parameter)
        except AnnotationError:
            if must_know:
                raise
        else:
            found = _select(function, parameter, extras, is_shared)
    if found is not None and parameter.variadic:
        reason = "collects arguments, so no dependency can fill it"
        raise ParameterError(function, parameter.name, reason=reason)
    return found


def _extras_of(parameter: Parameter) -> list[Extra]:
    """Return the extras in the annotation of a parameter.

    If its type is unknown, they are those that declare a dependency all the same.

    Raises:
        AnnotationError: it cannot be resolved.
    """
    if is_plain(parameter.declared):
        return []
    try:
        annotation = parameter.annotation
    except AnnotationError:
        found = [each for each in extras_of(parameter.untyped) if _is_declaration(each)]
        if not found or any(each.inside or each.value.dependency is annotated for each in found):
            raise
        return found
    return [*extras_of(annotation)]


def _is_declaration(extra: Extra) -> bool:
    return isinstance(extra.value, Dependency)


def _select(
    function: Callable[..., Any], parameter: Parameter, extras: list[Extra], is_shared: bool
) -> Dependency | None:
    """Return the dependency among the extras in the annotation of a parameter."""
    declared, unknown, others = [], [], []
    for each in extras:
        stands_for_type = each.value is each.type
        if _is_declaration(each):
            if each.inside or stands_for_type:
                reason = f"{each.value!r} belongs to no type, or only to a part of the value"
                raise AnnotationError(
                    function, parameter.name, parameter.declared, reason=reason, advice=_MOVE
                )
            declared.append(each)
        elif each.value is Depends or each.value is Dependency:
            raise _not_ours(function, parameter, each.value)
        elif stands_for_type and isinstance(each.value, _UNRESOLVED):
            unknown += [] if each.inside else [each]
        elif is_foreign(each.value) and not each.inside:
            others.append(each)
    if len(declared) > 1:
        reason = f"it declares {len(declared)} dependencies"
        raise AnnotationError(
            function, parameter.name, parameter.declared, reason=reason, advice=_MOVE
        )
    if declared:
        return _complete(function, parameter, declared[0].value, declared[0].type)
    if unknown:
        reason = str(unknown[0].value)
        raise AnnotationError(function, parameter.name, parameter.declared, reason=reason)
    if others and not is_shared:
        raise _not_ours(function, parameter, others[0].value)
    return None


def _complete(
    function: Callable[..., Any], parameter: Parameter, declared: Dependency, annotation: Any
) -> Dependency:
    """Return a dependency whose callable is the annotation if it has none itself."""
    if declared.dependency is not annotated:
        return declared
    made = unwrap(annotation)
    origin, _ = split(made)
    if any(origin is each for each in _NO_FACTORIES) or not callable(made):
        reason = "depends on its annotation, which is not callable"
        raise ParameterError(function, parameter.name, reason=reason)
    return Dependency(made, use_cache=declared.use_cache, scope=declared.scope)


def _not_ours(function: Callable[..., Any], parameter: Parameter, marker: object) -> ParameterError:
    if marker is Depends or marker is Dependency:
        reason = "declares a dependency by Depends itself, which is not called"
    else:
        kind: Any = marker if isinstance(marker, FunctionType) else type(marker)
        reason = f"has a marker of another framework: {describe(kind)}"
    return ParameterError(
        function, parameter.name, reason=reason, advice="Declare it with messagebus.Depends(...)."
    )


def _refuse_passed(function: Callable[..., Any], parameter: Parameter) -> None:
    """Refuse a dependency for a parameter that every call passes: it would never be used."""
    try:
        extras = _extras_of(parameter)
    except AnnotationError:
        extras = []
    if isinstance(parameter.default, Dependency) or any(map(_is_declaration, extras)):
        reason = "declares a dependency, but every call passes an argument for it"
        advice = "Declare the dependency for a parameter of its own."
        raise ParameterError(function, parameter.name, reason=reason, advice=advice)


def _refuse_hidden(function: Any, declared: tuple[Parameter, ...]) -> None:
    """Refuse dependencies that a partial or a decorator hides from the signature."""
    names = {each.name for each in declared}
    inner = function
    while True:
        hidden: Any = ()
        if isinstance(inner, functools.partial):
            hidden = (*enumerate(inner.args), *inner.keywords.items())
            follow = inner.func
        elif hasattr(inner, "__wrapped__") and not hasattr(inner, "__signature__"):
            if isinstance(inner, FunctionType):
                own = signature_of(inner, follow_wrapped=False).parameters
                hidden = [(each.name, each.default) for each in own.values()]
            follow = inner.__wrapped__
        else:
            return
        for name, value in hidden:
            if name not in names and (isinstance(value, Dependency) or is_foreign_default(value)):
                reason = "declares a dependency that is not in the signature"
                advice = "Declare it in the function that is decorated or bound."
                raise ParameterError(function, str(name), reason=reason, advice=advice)
        inner = follow
