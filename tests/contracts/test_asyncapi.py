"""The AsyncAPI document of a contract, against the official schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator

from examples.shop.bootstrap import new_bus as new_shop
from messagebus import (
    Event,
    MessageDeserializer,
    Metadata,
    SyncMessageBus,
    Upcasters,
)
from messagebus.contracts import Contract, Place, asyncapi_document, contract_of
from messagebus.contracts.asyncapi import keys_of
from messagebus.exceptions import ConfigurationError

from .messages import new_bus

OFFICIAL = Draft7Validator(
    json.loads((Path(__file__).parents[1] / "data" / "asyncapi-3.0.0.json").read_text("utf-8"))
)
URLS = [
    None,
    "amqp://host/vhost?exchange=shop",
    "amqp://host?exchange=shop&routing_key=shop.{name}&partitions=2",
    "kafka://host?topic=shop&partitions=4",
    "memory:",
    "nats://host?stream=SHOP&subject=shop.{name}.{version}&partitions=2",
    "redis://user:password@host/0?stream=shop&partitions=3",
]


def documents_of(bus: Any, url: str | None) -> dict[str, Any]:
    """Return the document of a bus that sends to a place, and receives from it."""
    place = Place.of(url, "Transport")
    return asyncapi_document(contract_of(bus), "shop", published_to=place, consumed_from=place)


def references(node: Any) -> list[str]:
    """Return all references in a document."""
    if isinstance(node, list):
        return [ref for each in node for ref in references(each)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
    return own + [ref for each in node.values() for ref in references(each)]


@pytest.mark.parametrize("bus", [new_shop(), new_bus()], ids=["shop", "everything"])
@pytest.mark.parametrize("url", [*URLS, "stdout:"])
def test_a_document_is_valid(bus: Any, url: str | None) -> None:
    """By the official schema; and every reference leads somewhere."""
    document = documents_of(bus, url)

    OFFICIAL.validate(document)
    assert "password" not in json.dumps(document)
    assert references(document)
    for ref in references(document):
        found: Any = document
        for part in ref.removeprefix("#/").split("/"):
            found = found[part]
        assert found
    for channel in document["channels"].values():
        for message in channel["messages"].values():
            schema = message["payload"]["schema"]
            # Patterns are those of pydantic, which `re` need not know.
            Draft202012Validator.check_schema(schema, format_checker=None)


def test_the_official_schema_refuses_what_is_wrong() -> None:
    """Or the other tests would say nothing."""
    document = documents_of(new_shop(), None)
    document["operations"]["publish"]["action"] = "shout"

    assert not OFFICIAL.is_valid(document)


def test_the_shop_publishes_and_consumes_what_its_code_says() -> None:
    """It takes commands; the events that it hears are its own."""
    contract = contract_of(new_shop())

    assert [
        "order_cancelled_v1",
        "order_taken_v1",
        "product_registered_v1",
        "restock_requested_v1",
    ] == [each.type for each in contract.published]
    assert ["cancel_order_v1", "register_product_v1", "restock_v1", "take_order_v1"] == [
        each.type for each in contract.consumed
    ]


def test_names_say_otherwise_where_code_does_not_tell() -> None:
    """By name, or by name and version; a name that is unknown is an error."""
    contract = contract_of(new_shop(), publishes=["stock_low"], consumes=["order_taken_v1"])

    assert ["stock_low_v1"] == [each.type for each in contract.published]
    assert ["order_taken_v1"] == [each.type for each in contract.consumed]
    with pytest.raises(ConfigurationError, match="no message 'order_taken_v2'"):
        contract_of(new_shop(), consumes=["order_taken_v2"])


def test_a_message_says_what_it_is() -> None:
    """Its class, the first line of its docstring, what orders it, and its exact type."""
    bus = new_bus()
    messages = documents_of(bus, "kafka://host?topic=shop")["channels"]["published"]["messages"]
    message = messages["everything_v1"]

    assert ("everything_v1", "Everything", "Has a field of every kind.", "key") == (
        message["name"],
        message["title"],
        message["summary"],
        message["x-ordering-key"],
    )
    assert {"const": "everything_v1"}.items() <= message["headers"]["properties"]["type"].items()
    assert "summary" in messages["created_v1"]
    assert "ordering_key" not in messages["created_v1"]["headers"]["properties"]


@pytest.mark.parametrize(
    ("url", "address", "parameters"),
    [
        ("redis://host?stream=shop", "shop", None),
        ("redis://host?stream=shop&partitions=2", "shop.{partition}", {"partition": ["0", "1"]}),
        ("kafka://host?topic=shop&partitions=2", "shop", None),
        (
            "nats://host?subject=shop.{name}",
            "shop.{name}",
            {"name": ["created", "everything", "wrapped"]},
        ),
        ("amqp://host?exchange=shop", "{name}", {"name": ["created", "everything", "wrapped"]}),
        (
            "nats://host?subject={version}.{id}",
            "{version}.{id}",
            {"version": ["1", "2"], "id": None},
        ),
        ("memory:", None, None),
    ],
)
def test_a_channel_has_the_address_of_the_url(url: str, address: Any, parameters: Any) -> None:
    """With a parameter for each field in it; the host is no part of a contract."""
    channel = documents_of(new_bus(), url)["channels"]["published"]

    assert address == channel["address"]
    told = channel.get("parameters") and {
        name: each.get("enum") for name, each in channel["parameters"].items()
    }
    assert parameters == told
    assert "host" not in json.dumps(channel["description"])


def test_a_url_is_checked() -> None:
    """As by the commands that use it."""
    with pytest.raises(ConfigurationError, match="No transport has the scheme 'http'"):
        Place.of("http://host", "Transport")
    with pytest.raises(ConfigurationError, match="No source has the scheme 'stdout'"):
        Place.of("stdout:", "Source")
    with pytest.raises(ConfigurationError, match="A URL of redis needs the option 'stream'"):
        Place.of("redis://host?streem=shop", "Transport")
    for partitions in ("0", "many", "100000"):
        with pytest.raises(ConfigurationError, match="partitions must be a whole number"):
            Place.of(f"redis://host?stream=shop&partitions={partitions}", "Transport")


def test_a_side_without_messages_is_left_out() -> None:
    """A document without any is valid as well."""
    document = asyncapi_document(Contract([], []), "nothing")

    OFFICIAL.validate(document)
    assert {} == document["channels"] == document["operations"]


def test_every_type_gets_a_key_of_its_own() -> None:
    """Of the characters that a document and a file system take."""
    assert {"a_v1": "a_v1", "ä/b_v1": "__b_v1", "ö/b_v1": "__b_v1.2"} == keys_of(
        ["a_v1", "ä/b_v1", "ö/b_v1"]
    )


def test_versions_that_are_upcast_are_named() -> None:
    """No schema describes what an upcaster reads."""

    class Sold(Event):
        metadata: Metadata = Metadata(name="sold", schema_version=3)

    upcasters = Upcasters()
    for version in (1, 2):
        upcasters.upcast("sold", from_version=version)(dict)
    bus: SyncMessageBus[Any] = SyncMessageBus()

    def hear(event: Sold, uow: Any) -> None: ...

    bus.add_listener(Sold, hear)

    contract = contract_of(bus, deserializer=MessageDeserializer([Sold], upcasters))
    document = asyncapi_document(contract, "books")

    message = document["channels"]["consumed"]["messages"]["sold_v3"]
    assert ["sold_v1", "sold_v2"] == message["x-upcast-from"]
    OFFICIAL.validate(document)
