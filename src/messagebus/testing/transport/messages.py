"""Messages for the rules, in the wire format."""

from __future__ import annotations

import json
import uuid
from typing import Any

SPECIAL = "".join(map(chr, range(0x20))) + (
    "\"'\\ {}[]<>&%$#@!~`^*?|;:,./ \x7f\x80\xff "
    "äöüß ЖЯ 中文 日本語 한국어 שלום مرحبا ไทย \u200b\u200e\u2028\u2029\ufeff\ufffe\uffff "
    "e\u0301 👩‍👩‍👧‍👦 \U0010ffff"
)
"""Control characters, characters with a meaning in some format, and many scripts."""

TRACE_CONTEXT = {
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "tracestate": "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
}
"""The trace context of a message, which only some have."""


def new_messages(count: int, content: str = "") -> list[dict[str, Any]]:
    """Return messages that differ in their identifiers and numbers."""
    return [
        {
            "id": str(uuid.uuid4()),
            "created_at": "2026-01-31T12:00:00.000001+00:00",
            "type": "parcel_sent_v1",
            "payload": json.dumps({"number": number, "content": content}, ensure_ascii=False),
        }
        for number in range(count)
    ]
