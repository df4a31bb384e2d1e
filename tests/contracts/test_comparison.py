"""The comparison of two contracts: what breaks, and whom."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from examples.shop.bootstrap import new_bus as new_shop
from messagebus.contracts import Change, Document, Place, asyncapi_document, compare, contract_of
from messagebus.exceptions import ConfigurationError

SHOP = asyncapi_document(
    contract_of(new_shop()), "shop", published_to=Place.of("redis://h?stream=shop", "Transport")
)


@pytest.fixture
def new() -> dict[str, Any]:
    """Return a contract like that of the shop, to be changed."""
    return copy.deepcopy(SHOP)


def payload(document: dict[str, Any], side: str, name: str) -> dict[str, Any]:
    """Return the schema of a payload."""
    schema: dict[str, Any] = document["channels"][side]["messages"][name]["payload"]["schema"]
    return schema


def operation(**fields: Any) -> dict[str, Any]:
    """Return a document with one operation."""
    return {"asyncapi": "3.0.0", "operations": {"a": {"action": "send", **fields}}}


def changes(new: Any, mode: Any = "full", old: Any = SHOP) -> list[tuple[str, str, str, str]]:
    """Return message, field, whom it breaks and the severity of all changes."""
    found = compare(Document(old, "old"), Document(new, "new"), mode)
    return [(each.message, each.field, each.breaks, each.severity) for each in found]


def test_a_contract_breaks_nobody_if_nothing_changes(new: dict[str, Any]) -> None:
    """In any mode."""
    for mode in ("backward", "forward", "full"):
        assert [] == changes(new, mode)


@pytest.mark.parametrize(
    ("side", "name", "backward", "forward"),
    [
        ("published", "order_taken_v1", "new readers", "old readers"),
        ("consumed", "take_order_v1", "old writers", "new writers"),
    ],
)
def test_modes_say_who_must_read_whom(
    new: dict[str, Any], side: str, name: str, backward: str, forward: str
) -> None:
    """A narrower field breaks backward compatibility, a wider one forward, a moved one both."""
    field = payload(new, side, name)["properties"]["order_id"]

    field["maxLength"] = 10
    assert [(name, "order_id", backward, "error")] == changes(new) == changes(new, "backward")
    assert [] == changes(new, "forward")
    field["maxLength"] = 100
    assert [(name, "order_id", forward, "error")] == changes(new) == changes(new, "forward")
    assert [] == changes(new, "backward")
    field["pattern"] = "^x"
    assert {backward, forward} == {each[2] for each in changes(new)}


def test_a_message_that_is_gone_breaks_who_waits_for_it_or_writes_it(new: dict[str, Any]) -> None:
    """One more breaks nobody."""
    for side, operation in (("published", "publish"), ("consumed", "consume")):
        name, _ = new["channels"][side]["messages"].popitem()
        new["operations"][operation]["messages"].pop()
        assert name in {"restock_requested_v1", "take_order_v1"}

    published = ("restock_requested_v1", "", "old readers", "error")
    consumed = ("take_order_v1", "", "old writers", "error")
    assert [published, consumed] == changes(new)
    assert [published] == changes(new, "forward")
    assert [consumed] == changes(new, "backward")
    assert [] == changes(SHOP, old=new)


def test_a_version_that_is_left_to_an_upcaster_is_a_warning(new: dict[str, Any]) -> None:
    """It is read, but no schema says how."""
    messages = new["channels"]["consumed"]["messages"]
    message = messages.pop("take_order_v1")
    messages["take_order_v2"] = {
        **message,
        "name": "take_order_v2",
        "x-upcast-from": ["take_order_v1"],
    }
    refs = new["operations"]["consume"]["messages"]
    refs[-1] = {"$ref": "#/channels/consumed/messages/take_order_v2"}

    assert [("take_order_v1", "", "old writers", "warning")] == changes(new)
    assert [] == changes(new, "forward")


def test_definitions_that_messages_share_are_followed(new: dict[str, Any]) -> None:
    """Each message names the field by its own way."""
    new["components"]["schemas"]["OrderLine"]["properties"]["quantity"]["maximum"] = 100

    found = {(message, field) for message, field, _, _ in changes(new, "backward")}
    assert {
        ("order_cancelled_v1", "lines[].quantity"),
        ("order_taken_v1", "lines[].quantity"),
        ("take_order_v1", "lines[].quantity"),
    } == found


def test_what_is_beside_the_payload_is_compared(new: dict[str, Any]) -> None:
    """Headers, the address, and the ordering key."""
    channel = new["channels"]["published"]
    channel["address"] = "other"
    message = channel["messages"]["order_taken_v1"]
    message["headers"]["properties"].pop("id")
    message["headers"]["required"].remove("id")
    message["x-ordering-key"] = "order_id"

    found = changes(new)
    assert ("order_taken_v1", "headers.id", "old readers", "error") in found
    assert ("order_taken_v1", "address", "old readers", "error") in found
    assert ("order_taken_v1", "ordering key", "old readers", "warning") in found
    assert 4 == sum(field == "address" for _, field, _, _ in found)


def test_another_broker_is_another_form() -> None:
    """What was a body is a field of one."""
    place = Place.of("nats://h?stream=SHOP&subject=shop", "Transport")
    document = asyncapi_document(contract_of(new_shop()), "shop", published_to=place)

    assert {"old readers", "new readers"} <= {each[2] for each in changes(document)}


def test_a_default_that_moves_is_told_once(new: dict[str, Any]) -> None:
    """Everything can still be read, whoever writes."""
    field = payload(new, "consumed", "register_product_v1")["properties"]["stock"]
    field["default"] = 1
    expected = ("register_product_v1", "stock", "old writers", "warning")

    assert [expected] == changes(new)
    assert [expected] == changes(new, "backward")
    assert [(*expected[:2], "new writers", "warning")] == changes(new, "forward")


def test_a_change_is_plain_data() -> None:
    """For JSON."""
    change = Change("a_v1", "send", "b", "required, not written", "old readers", "error")

    assert {"message": "a_v1", "action": "send", "field": "b"}.items() <= change.as_dict().items()


def test_documents_of_others_can_be_compared() -> None:
    """With messages among the components, all of a channel, and plain payloads."""
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
    document = {
        "asyncapi": "3.0.0",
        "info": {"title": "other", "version": "1"},
        "channels": {"all": {"messages": {"sold": {"$ref": "#/components/messages/Sold"}}}},
        "operations": {"tell": {"action": "send", "channel": {"$ref": "#/channels/all"}}},
        "components": {"messages": {"Sold": {"payload": schema}}},
    }
    changed = copy.deepcopy(document)
    changed["components"]["messages"]["Sold"]["payload"]["required"] = []  # type: ignore[index]

    assert [] == changes(document, old=document)
    assert [("sold", "a", "old readers", "error")] == changes(changed, old=document)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "is no AsyncAPI document"),
        ({"openapi": "3.0.0"}, "is no AsyncAPI document"),
        ({"asyncapi": "2.6.0"}, "is no AsyncAPI document"),
        ({"asyncapi": "3.0.0", "operations": {"a": {"action": "shout"}}}, "neither sends nor"),
        (
            {"asyncapi": "3.0.0", "operations": {"a": {"$ref": "#/operations/a"}}},
            "refers to '#/operations/a'",
        ),
        ({"asyncapi": "3.0.0", "operations": None}, "null where an object must be"),
        ({"asyncapi": "3.0.0", "operations": {"a": [1]}}, r"\[1\] where an object must be"),
        (operation(channel=None), "null where an object must be"),
        (operation(channel={"messages": "all"}), '"all" where an object must be'),
        (operation(messages={}), "{} as 'messages', where a list must be"),
        (operation(messages=["sold"]), '"sold" where an object must be'),
        (operation(messages=[{"name": "sold", "x-upcast-from": 1}]), "1 as 'x-upcast-from'"),
    ],
)
def test_what_is_no_such_document_is_refused(document: Any, said: str) -> None:
    """With its name."""
    with pytest.raises(ConfigurationError, match=f"^here .*{said}"):
        Document(document, "here")
