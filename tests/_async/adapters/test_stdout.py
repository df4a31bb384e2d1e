"""The transport that prints."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from messagebus.adapters.stdout import AsyncStdoutTransport
from messagebus.exceptions import BatchSendError, TransportUnavailableError
from messagebus.testing.transport import AsyncTransportHarness, async_transport_rules
from messagebus.testing.transport.messages import SPECIAL, new_messages


class StdoutHarness(AsyncTransportHarness):
    """A text stream to print to."""

    def __init__(self) -> None:
        self.output = io.StringIO()

    def transport(self) -> AsyncStdoutTransport:
        """Create a transport to the stream."""
        return AsyncStdoutTransport(self.output)

    async def received(self) -> Sequence[Mapping[str, Any]]:
        """Read the lines: only a line feed ends one."""
        return [json.loads(line) for line in self.output.getvalue().split("\n") if line]


@pytest.mark.parametrize("rule", async_transport_rules(StdoutHarness.capabilities))
async def test_stdout_keeps_the_contract(rule: Any) -> None:
    """Every rule for transports holds."""
    await rule(StdoutHarness())


async def test_each_message_is_a_line_that_is_flushed(capsys: pytest.CaptureFixture[str]) -> None:
    """The default is standard output, with characters unescaped."""
    async with AsyncStdoutTransport.from_url("stdout:") as transport:
        await transport.send_message_serialized({"id": "1", "payload": 'ä\n"'})
        assert '{"id":"1","payload":"ä\\n\\""}\n' == capsys.readouterr().out
        await transport.send_messages_serialized([{"id": "2"}, {"id": "3"}])
        assert '{"id":"2"}\n{"id":"3"}\n' == capsys.readouterr().out


async def test_characters_that_an_output_cannot_encode_are_escaped() -> None:
    """No character is lost, and the line is still JSON."""
    output = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    messages = new_messages(1)
    messages[0]["payload"] = SPECIAL
    await AsyncStdoutTransport(output).send_messages_serialized(messages)

    output.seek(0)
    assert messages == [json.loads(line) for line in output]


async def test_a_pipe_without_a_reader_is_an_outage() -> None:
    """A message that no one can have read does not count as sent."""
    reading, writing = os.pipe()
    os.close(reading)
    output = os.fdopen(writing, "w", encoding="utf-8")
    transport = AsyncStdoutTransport(output)
    messages = new_messages(2)
    with pytest.raises(TransportUnavailableError, match="Broken pipe"):
        await transport.send_message_serialized(messages[0])
    with pytest.raises(BatchSendError) as batch:
        await transport.send_messages_serialized(messages)
    with pytest.raises(BrokenPipeError):
        output.close()

    assert 0 == batch.value.sent


async def test_an_output_that_was_closed_is_an_outage() -> None:
    """It is reported like a broken pipe."""
    output = io.StringIO()
    output.close()
    with pytest.raises(TransportUnavailableError, match="closed"):
        await AsyncStdoutTransport(output).send_message_serialized({"id": "1"})
