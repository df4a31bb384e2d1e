"""Loading messages from plain data that the application has written itself."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Union

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from .class_schema import BY_NAME
from .envelope import Trusted
from .message import Message, TMessage
from .payload_validator import payload_validator

_set = object.__setattr__  # a model refuses these names


def load_message(
    cls: type[TMessage],
    data: Mapping[str, Any] | str | bytes,
    envelope: Mapping[str, Any] | None = None,
) -> TMessage:
    """Create a message from plain data, which also set its envelope.

    Call it only with data that the application has written itself, such as a row of its own
    store. Whoever writes the data decides under which name the message is published.

    Args:
        cls: the class of the message.
        data: the fields of the message by name or alias: a mapping, or a JSON object.
        envelope: *message_id*, *created_at* and *metadata*, where they are kept apart from the
            other fields. They replace what *data* say.

    Returns:
        The message. Messages in its fields keep their envelopes, too.

    Raises:
        pydantic.ValidationError: the class does not accept the data, or *created_at* has no time
            zone.
    """
    context = Trusted()
    if isinstance(data, Mapping):
        return cls.model_validate({**data, **(envelope or {})}, context=context, **BY_NAME)
    return cls.model_validate_json(_with(data, envelope), context=context, **BY_NAME)


def load_best(
    classes: tuple[type[Message[Any]], ...], data: str, envelope: Mapping[str, Any]
) -> Message[Any]:
    """Create a message of the class that a JSON object fits best; see *load_message*.

    Args:
        classes: the classes; several are compared by pydantic's rules for unions.
        data: the fields of the message.
        envelope: the objects for *message_id* and the like, which replace what *data* say.
    """
    if len(classes) == 1 and (validate := payload_validator(classes[0])) is not None:
        # In less than half of the time, as the envelope need not become JSON and be validated.
        try:
            found = validate(data)
        except ValidationError:
            pass  # the error of the whole message shows its envelope
        else:
            return _created(classes[0], envelope, *found)
    message = _load_whole(classes, _with(data, envelope), envelope)
    vars(message).update(envelope)  # an alias in the data may have won over the name of a field
    return message


def _load_whole(
    classes: tuple[type[Message[Any]], ...], text: str | bytes, envelope: Mapping[str, Any]
) -> Message[Any]:
    if len(classes) == 1:
        context = Trusted(envelope, classes[0])
        return classes[0].model_validate_json(text, context=context, **BY_NAME)
    union = _adapter_of(Union[classes])  # noqa: UP007 - as many as there are
    best: Message[Any] = union.validate_json(text, context=Trusted(), **BY_NAME)
    return best


def _created(
    cls: type[TMessage],
    envelope: Mapping[str, Any],
    fields: dict[str, Any],
    extra: dict[str, Any] | None,
    fields_set: set[str],
) -> TMessage:
    """Create a message of validated fields, as pydantic's *model_construct* does."""
    message = cls.__new__(cls)
    _set(message, "__dict__", {**envelope, **fields})
    _set(message, "__pydantic_fields_set__", {*envelope, *fields_set})
    _set(message, "__pydantic_extra__", extra)
    _set(message, "__pydantic_private__", None)
    return message


def restore_metadata(message: Message[Any], data: Mapping[str, Any]) -> None:
    """Give a message the metadata that it was stored with, unless its schema is another one now.

    Args:
        message: the message as its class is today.
        data: its metadata as they were stored.

    Raises:
        pydantic.ValidationError: the class does not accept the metadata.
    """
    metadata = message.metadata
    now = (metadata.name, metadata.schema_version)
    if now != (data.get("name"), data.get("schema_version")) or vars(metadata) == data:
        return
    declared: Any = type(message).model_fields["metadata"].annotation
    # The rules of JSON, such as those for bytes, are those for the text that was read.
    loaded = _adapter_of(declared).validate_json(to_json(data), strict=False)
    vars(message)["metadata"] = loaded


@lru_cache
def _adapter_of(annotation: Any) -> TypeAdapter[Any]:
    return TypeAdapter(annotation)


def _with(data: str | bytes, envelope: Mapping[str, Any] | None) -> str | bytes:
    """Append the envelope to a JSON object; of a name that occurs twice, the last value counts.

    The object is not parsed, so that numbers of any size keep their value.
    """
    if not envelope:
        return data
    text = (data if isinstance(data, str) else data.decode()).strip()
    if not (text.startswith("{") and text.endswith("}")):
        return text  # pydantic tells what is wrong
    fields = text[1:-1].strip()
    head = to_json(envelope).decode()[1:]
    return f"{{{fields}, {head}" if fields else f"{{{head}"
