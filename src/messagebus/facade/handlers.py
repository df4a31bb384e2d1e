"""What is read of a handler when it is registered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._compat.callables import describe
from .._di.graph import ContextValue, matcher_for
from .._introspection.signature import EMPTY, KEYWORD_ONLY, Parameter, parameters
from ..exceptions import AnnotationError, ConfigurationError


def message_parameter(
    function: Callable[..., Any], localns: Mapping[str, Any] | None = None
) -> Parameter:
    """Return the parameter of a handler that takes the message: the first.

    Args:
        function: the handler.
        localns: names for annotations that mention what is local to the caller.

    Raises:
        ConfigurationError: it has no parameter, or none that takes an argument without a name.
    """
    for parameter in parameters(function, localns):
        if parameter.kind < KEYWORD_ONLY:
            return parameter
        break
    text = f"{describe(function)} can not be a handler: it takes no message"
    raise ConfigurationError(text, listener=function)


def message_context(parameter: Parameter, otherwise: Any = EMPTY) -> tuple[ContextValue, ...]:
    """Return the message as what dependencies may ask for by its annotation.

    Args:
        parameter: the one that takes the message.
        otherwise: stands for its annotation, if it has none.
    """
    try:
        annotation = parameter.annotation
    except AnnotationError:
        annotation = EMPTY
    if annotation is EMPTY:
        annotation = otherwise
    if annotation is EMPTY:
        return ()
    return (ContextValue(parameter.name, matcher_for(annotation)),)
