"""What happened in a run, in tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from messagebus import GenericEvent

from ..bootstrap import Shop
from ..domain.model import Product
from .outcome import Tally
from .table import table

_LATEST = 3


async def report(tally: Tally, shop: Shop) -> str:
    """Write the report of a run that has ended."""
    async with shop.uow as transaction:
        products = await shop.uow.products.list_all()
        await transaction.rollback()
    sections = {
        "Commands": _commands(tally),
        "Events": _events(shop),
        "Stock": _stock(products),
        "Published messages": _published(shop),
        f"The latest {_LATEST} of them": _latest(shop),
    }
    return "\n".join(f"{title}\n{text}" for title, text in sections.items())


def _commands(tally: Tally) -> str:
    names = sorted(name for name in tally.accepted | tally.rejected if name is not None)
    rows = [(name, tally.accepted[name], tally.rejected[name]) for name in names]
    rows.append(("(not a command)", 0, tally.rejected[None]))
    rows.append(("total", tally.accepted.total(), tally.rejected.total()))
    return table(("command", "accepted", "rejected"), rows)


def _events(shop: Shop) -> str:
    messages = shop.uow.eventstore.messages
    counts = Counter(each.metadata.name for each in messages if isinstance(each, GenericEvent))
    return table(("event", "count"), sorted(counts.items()))


def _stock(products: Sequence[Product]) -> str:
    rows = [
        (
            each.sku,
            each.stock,
            each.reorder_level,
            "requested" if each.restock_requested else "-",
            each.name,
        )
        for each in products
    ]
    return table(("sku", "stock", "reorder level", "restock", "name"), rows)


def _published(shop: Shop) -> str:
    counts = Counter(each["type"] for each in shop.transport.sent)
    return table(("type", "count"), sorted(counts.items()))


def _latest(shop: Shop) -> str:
    rows = [(each["type"], each["payload"]) for each in shop.transport.sent[-_LATEST:]]
    return table(("type", "payload"), rows)
