"""The descriptions of the examples, compared with what the examples do."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from examples.notifications.bootstrap import running
from examples.notifications.components import bus as notifications
from examples.notifications.messages import Notification
from examples.shop.bootstrap import new_bus
from examples.shop.tables import outbox
from messagebus.adapters.sqlalchemy import SyncMessageHistory
from messagebus.description import Description, describe
from messagebus.drawing import to_svg
from tests.shop import SAMPLE, database_in, start


def edges(description: Description) -> set[tuple[str, str]]:
    """Return the names of two messages of which the first may lead to the second."""
    listeners = {each.name: each for each in description.listeners}
    names = {each.path: each.name for each in description.messages}
    return {
        (str(message.name), str(names[raised]))
        for message in description.messages
        for name in message.listeners
        for raised in listeners[name].raises
    }


@pytest.mark.slow
def test_the_description_of_the_shop_says_what_a_run_of_the_shop_stores(tmp_path: Path) -> None:
    """Of each message that another one caused, code has told; and nothing else is told."""
    url = database_in(tmp_path)
    assert 0 == start("-", "--database", url, input=SAMPLE).returncode
    engine = sa.create_engine(url)
    stored = {each.message_id: each for each in SyncMessageHistory(engine, tables=outbox).records()}
    engine.dispose()
    caused = {
        (stored[each.causation_id].name, each.name)
        for each in stored.values()
        if each.causation_id is not None
    }

    assert edges(describe(new_bus())) == caused


def test_the_description_of_the_notifications_has_the_handlers_of_the_consumer() -> None:
    """With the dependencies of both, and the replaced ones named."""

    class Silence:
        def send(self, notification: Notification) -> None: ...

    with running(Silence(), []):
        description = describe(notifications)

    expected = {("register_user", "user_registered"), ("rename_user", "user_renamed")}
    assert expected == edges(description)
    handlers = [each for each in description.listeners if each.consumer is not None]
    assert ["remember", "refuse_reserved_names"] == [
        each.name.rpartition(".")[2] for each in handlers
    ]
    cursor = (handlers[0].dependencies or ())[0]
    assert ("cursor", "examples.notifications.dependencies.get_cursor") == (
        cursor.parameter,
        cursor.provider,
    )
    assert [("examples.notifications.dependencies.get_connection")] == [
        each.replaces for each in cursor.dependencies
    ]


def test_the_drawing_in_the_documentation_is_that_of_the_shop() -> None:
    """`messagebus describe` draws it anew; the page says how."""
    drawn = Path(__file__).parents[1] / "docs" / "shop-map.svg"

    assert to_svg(describe(new_bus()), "examples.shop.bootstrap:new_bus") == drawn.read_text(
        "utf-8"
    )
