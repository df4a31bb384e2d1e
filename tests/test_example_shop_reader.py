"""The shop of the examples: from a line to a command, or to the reason why it is none."""

from __future__ import annotations

import pytest

from examples.shop.domain.messages import Restock, TakeOrder
from examples.shop.entrypoint.reader import CommandReader, InvalidLineError

LINE = '{"command": "restock", "sku": "TEA-1", "quantity": %s}'


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{", "not JSON: Expecting property name enclosed in double quotes at column 2"),
        ("[1]", "not a JSON object: a list"),
        ("[" * 100_000, "not JSON that can be read: a number is too long or it is nested too deep"),
        (
            LINE % ("9" * 5_000),
            "not JSON that can be read: a number is too long or it is nested too deep",
        ),
        ("{}", "command is missing"),
        ('{"command": []}', "command should be a text, not a list"),
        ('{"command": "sell"}', 'unknown command "sell"; there are restock, take_order'),
        ('{"command": "restock"}', "sku is missing; quantity is missing"),
        (LINE % "true", "quantity should be a whole number, not true"),
        (LINE % "2.0", "quantity should be a whole number, not 2.0"),
        (LINE % "NaN", "quantity should be a whole number, not NaN"),
        (LINE % "0", "quantity should be at least 1, not 0"),
        (LINE % 2**70, "quantity should be at most 1000000, not 1180591620717411303424"),
        (LINE % '1, "message_id": 1', "message_id is not a field of this command"),
        (LINE % '1, "by\\n": 1', '"by\\n" is not a field of this command'),
        (
            '{"command": "restock", "sku": "\\ud800", "quantity": 1}',
            'sku should be a text, not "\\ud800"',
        ),
        (
            '{"command": "restock", "sku": "\\u0000", "quantity": 1}',
            'sku has characters that are not allowed there: "\\u0000"',
        ),
        ('{"command": "restock", "sku": "", "quantity": 1}', "sku should not be empty"),
        (
            LINE.replace("TEA-1", "T" * 41) % "1",
            "sku should have at most 40 characters",
        ),
        (
            '{"command": "take_order", "order_id": "O-1", "lines": {}}',
            "lines should be a list, not an object",
        ),
        (
            '{"command": "take_order", "order_id": "O-1", "lines": [1, 2, 3, 4, 5]}',
            "lines, item 1 should be an object, not 1; lines, item 2 should be an object, not 2; "
            "lines, item 3 should be an object, not 3; and 2 more",
        ),
    ],
)
def test_a_reason_is_in_words_for_people(line: str, expected: str) -> None:
    """Whoever wrote the line learns which field is wrong, and how, on one short line."""
    reader = CommandReader([Restock, TakeOrder])
    with pytest.raises(InvalidLineError) as caught:
        reader.read(line.encode())
    assert expected == str(caught.value)


def test_a_line_becomes_a_command() -> None:
    """The name in the line decides for the class, its fields fill it."""
    reader = CommandReader([Restock, TakeOrder])
    command = reader.read((LINE % "5").encode())
    assert Restock(sku="TEA-1", quantity=5) == command
