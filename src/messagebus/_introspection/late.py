"""Annotations as they are written, whenever Python evaluates them.

From Python 3.14 on, it evaluates them when they are first read, all those of a function or class
at once. If one has an unknown name, the source of all is read instead.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

if sys.version_info >= (3, 14):
    from annotationlib import Format, get_annotations


def annotations_of(thing: FunctionType | type) -> Mapping[str, Any]:
    """Return the annotations of a function, or those that a class itself declares."""
    try:
        if isinstance(thing, FunctionType):
            return thing.__annotations__
        return inspect.get_annotations(thing)
    except Exception:
        if sys.version_info >= (3, 14):
            return get_annotations(thing, format=Format.STRING)
        raise


def signature_of(function: Callable[..., Any], **options: Any) -> inspect.Signature:
    """Return the signature of a callable.

    Args:
        function: the callable.
        options: those of `inspect.signature`.

    Raises:
        TypeError, ValueError: it has none.
    """
    try:
        return inspect.signature(function, **options)
    except (TypeError, ValueError):
        raise
    except Exception:
        if sys.version_info >= (3, 14):
            return inspect.signature(function, annotation_format=Format.STRING, **options)
        raise
