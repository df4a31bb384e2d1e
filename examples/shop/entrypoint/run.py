"""The main loop: every line a command, every command a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable

from ..bootstrap import Shop
from ..domain.errors import ShopError
from .outcome import Outcome
from .reader import CommandReader, InvalidLineError


async def run(lines: Iterable[bytes], shop: Shop) -> AsyncIterator[Outcome]:
    """Let the shop handle every line that is not blank, and tell what becomes of each."""
    # The bus knows which commands there are.
    reader = CommandReader(shop.bus.commands_registry)
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        yield await _handle(number, line, reader, shop)
        # A shop in memory never waits for anything: let the loop see an interrupt.
        await asyncio.sleep(0)


async def _handle(number: int, line: bytes, reader: CommandReader, shop: Shop) -> Outcome:
    try:
        command = reader.read(line)
    except InvalidLineError as error:
        return Outcome(number, error.command, str(error))
    name = command.metadata.name
    try:
        await shop.execute(command)
    except ShopError as error:
        return Outcome(number, name, str(error))
    return Outcome(number, name)
