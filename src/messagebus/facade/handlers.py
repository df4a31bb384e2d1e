"""Registration of handlers: their message, their context, the name of their action."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from .._compat.callables import describe
from .._di.graph import ContextValue, matcher_for
from .._introspection.signature import EMPTY, KEYWORD_ONLY, Parameter, parameters
from ..exceptions import AnnotationError, ConfigurationError


def message_parameter(
    function: Callable[..., Any], localns: Mapping[str, Any] | None = None
) -> Parameter:
    """Return the parameter of a handler that receives the message: the first.

    Args:
        function: the handler.
        localns: local names of the caller, for annotations that mention them.

    Raises:
        ConfigurationError: it has no parameter that accepts a positional argument.
    """
    first = next(iter(parameters(function, localns)), None)
    if first is None or first.kind >= KEYWORD_ONLY:
        text = f"{describe(function)} cannot be a handler: it accepts no message"
        advice = "Make the message its first parameter, which accepts a positional argument."
        raise ConfigurationError(text, listener=function, advice=advice)
    return first


def message_context(parameter: Parameter, default: Any = EMPTY) -> tuple[ContextValue, ...]:
    """Return the message as a context value, which dependencies can request by annotation.

    Args:
        parameter: the parameter that receives the message.
        default: the annotation to assume if it has none.
    """
    try:
        annotation = parameter.annotation
    except AnnotationError:
        annotation = EMPTY
    if annotation is EMPTY:
        annotation = default
    return () if annotation is EMPTY else (ContextValue(parameter.name, matcher_for(annotation)),)


def action_name(function_name: str) -> str:
    """Return the action name of a function: ``register-user`` for ``register_user``."""
    return function_name.replace("_", "-")


def event_name(kind: type) -> str:
    """Return the name under which handlers are listed: ``book-lent`` for ``BookLent``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__).lower()
