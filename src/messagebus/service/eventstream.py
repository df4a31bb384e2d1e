"""The serializers of the eventstream."""

from __future__ import annotations

from ..serialization.serializer import AbstractMessageSerializer, MessageSerializer

__all__ = ["AbstractMessageSerializer", "MessageSerializer"]
