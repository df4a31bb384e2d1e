"""The shop of the examples: from a line to a command, or to the reason for its rejection."""

from __future__ import annotations

import pytest

from examples.shop.lines import InvalidLineError, parse
from examples.shop.messages import Restock, TakeOrder

LINE = '{"command": "restock", "sku": "TEA-1", "quantity": %s}'
SHAPE = 'not an object whose "command" is one of restock, take_order'


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{", "not JSON: Expecting property name enclosed in double quotes"),
        ("[" * 100_000, "not JSON: it is nested too deeply"),
        (LINE % ("9" * 5_000), "not JSON: Exceeds the limit"),
        ("[1]", SHAPE),
        ("null", SHAPE),
        ("{}", SHAPE),
        ('{"command": []}', SHAPE),
        ('{"command": "sell"}', SHAPE),
        ('{"command": "restock"}', "sku: Field required; quantity: Field required"),
        (LINE % "true", "quantity: Input should be a valid integer"),
        (LINE % "2.0", "quantity: Input should be a valid integer"),
        (LINE % "NaN", "quantity: Input should be a valid integer"),
        (LINE % "0", "quantity: Input should be greater than or equal to 1"),
        (LINE % 2**70, "quantity: Input should be less than or equal to 1000000"),
        (LINE % '1, "colour": 1', "colour: Extra inputs are not permitted"),
        (LINE % '1, "message_id": 1', "message_id: Input is not permitted"),
        (LINE % '1, "metadata": {}', "metadata: Input is not permitted"),
        (LINE % '1, "by\\n\\u001b": 1', "'by\\n\\x1b': Extra inputs are not permitted"),
        (LINE.replace("TEA-1", "\\ud800") % "1", "sku: Input should be a valid string"),
        (LINE.replace("TEA-1", "\\u0000") % "1", "sku: String should match pattern"),
        (LINE.replace("TEA-1", "") % "1", "sku: String should have at least 1 character"),
        (LINE.replace("TEA-1", "T" * 41) % "1", "sku: String should have at most 40 characters"),
        (
            '{"command": "take_order", "order_id": "O-1", "lines": [{"sku": "TEA-1"}]}',
            "lines.0.quantity: Field required",
        ),
    ],
)
def test_a_rejection_names_the_field_and_the_problem(line: str, expected: str) -> None:
    """The reason fits on a line and contains no control characters."""
    with pytest.raises(InvalidLineError) as caught:
        parse(line.encode(), [Restock, TakeOrder])
    assert str(caught.value).startswith(expected)
    assert str(caught.value).isprintable()


def test_a_line_becomes_a_command() -> None:
    """The name selects the class and the other fields fill it."""
    command = parse((LINE % "5").encode(), [Restock, TakeOrder])
    assert Restock(sku="TEA-1", quantity=5) == command
