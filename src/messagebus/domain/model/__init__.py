"""Messages, their metadata, and the models that raise them."""

from .identity import uuid7
from .loading import load_best, load_message, restore_metadata
from .message import (
    Command,
    Event,
    GenericCommand,
    GenericEvent,
    Message,
    Returns,
    TMessage,
)
from .metadata import Metadata, TMetadata
from .model import GenericModel, Model
from .ordering import ordering_key_of

__all__ = [
    "Command",
    "Event",
    "GenericCommand",
    "GenericEvent",
    "GenericModel",
    "Message",
    "Metadata",
    "Model",
    "Returns",
    "TMessage",
    "TMetadata",
    "load_best",
    "load_message",
    "ordering_key_of",
    "restore_metadata",
    "uuid7",
]
