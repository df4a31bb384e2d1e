"""The ordering key of a message: what it must stay in order with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic_core import to_jsonable_python

from ...exceptions import ConfigurationError

if TYPE_CHECKING:
    from .message import Message


def ordering_key_of(message: Message[Any]) -> str | None:
    """Return the ordering key of a message as a text; None if it has none.

    A value that is no string has the text that JSON gives it, such as that of a UUID.
    """
    name = message.ordering_key
    if name is None:
        return None
    value = getattr(message, name)
    return None if value is None else str(to_jsonable_python(value))


def ensure_orderable(cls: type[Message[Any]]) -> None:
    """Ensure that the ordering key of a class names one of its fields or properties.

    Raises:
        ConfigurationError: it does not.
    """
    if "ordering_key" in cls.model_fields:
        text = f"{cls} declares ordering_key as a field"
        advice = "Rename the field, and give ordering_key the new name as its value."
        raise ConfigurationError(text, message_type=cls, advice=advice)
    name = cls.ordering_key
    if name is None or (isinstance(name, str) and (name in cls.model_fields or hasattr(cls, name))):
        return
    text = f"{cls} has no field or property {name!r}, which its ordering_key names"
    advice = "Give ordering_key the name of a field or of a property, or None."
    raise ConfigurationError(text, message_type=cls, advice=advice)
