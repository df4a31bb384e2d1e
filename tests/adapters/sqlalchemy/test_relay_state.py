"""The states of a relay, and the transitions between them."""

from __future__ import annotations

from itertools import product

import pytest

from messagebus.adapters.sqlalchemy._relay_state import State, move

WAYS = {
    "stopped": "connecting",
    "connecting": "standby, connecting, stopping",
    "standby": "sending, connecting, stopping",
    "sending": "idle, pausing, standby, connecting, stopping",
    "idle": "sending, standby, connecting, stopping",
    "pausing": "sending, standby, connecting, stopping",
    "stopping": "stopped",
}


@pytest.mark.parametrize(("state", "to"), [*product(State, State)])
def test_a_relay_goes_the_ways_of_the_table_and_no_others(state: State, to: State) -> None:
    """Any other transition is a mistake in the relay, and an error."""
    if to.value in WAYS[state.value].split(", "):
        assert to is move(state, to)
    else:
        with pytest.raises(ValueError, match=f"cannot move from {state.value} to {to.value}"):
            move(state, to)


def test_every_state_leads_to_the_end() -> None:
    """Every state has a path to the stopped one."""
    reached: set[str] = set()
    found = {"stopped"}
    while found != reached:
        reached = found
        found = reached | {state for state, ways in WAYS.items() if reached & {*ways.split(", ")}}

    assert {state.value for state in State} == reached
