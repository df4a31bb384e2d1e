"""The main loop: every line a command, every command a transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ..adapters.sql.inbox import Entry
from ..bootstrap import Shop
from ..domain.errors import ShopError
from .outcome import Outcome
from .reader import CommandReader, InvalidLineError
from .source import Line


async def run(lines: AsyncIterator[Line], shop: Shop) -> AsyncIterator[Outcome]:
    """Let the shop handle every line, and tell what becomes of each."""
    # The bus knows which commands there are.
    reader = CommandReader(shop.bus.commands_registry)
    async for line in lines:
        yield await _handle(line, reader, shop)


async def _handle(line: Line, reader: CommandReader, shop: Shop) -> Outcome:
    try:
        command = reader.read(line.text)
    except InvalidLineError as error:
        entry = Entry(line.id, error.command, str(error))
        known = await shop.handle(entry)
    else:
        entry = Entry(line.id, command.metadata.name)
        try:
            known = await shop.handle(entry, command)
        except ShopError as error:
            entry = Entry(line.id, command.metadata.name, str(error))
            known = await shop.handle(entry)
    outcome = known or entry
    return Outcome(line.number, outcome.command, outcome.reason, known is not None)
