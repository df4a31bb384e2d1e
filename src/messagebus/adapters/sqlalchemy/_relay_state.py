"""The states of a relay, and the transitions between them."""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """The state of a relay, which is in exactly one at a time."""

    STOPPED = "stopped"
    """Does not run."""
    CONNECTING = "connecting"
    """Looks for the database and its tables, or waits until the database is back."""
    STANDBY = "standby"
    """Tries to acquire the lease, which another relay may hold."""
    SENDING = "sending"
    """Leads: claims and sends one batch after another."""
    IDLE = "idle"
    """Leads: waits for a message to send."""
    PAUSING = "pausing"
    """Leads: waits for the broker, or for the next attempt of a message."""
    STOPPING = "stopping"
    """Records the last batch and releases the lease."""


_ANY_TIME = {State.CONNECTING, State.STOPPING}  # the database is lost; told to stop, or an error

_NEXT = {
    State.STOPPED: {State.CONNECTING},
    State.CONNECTING: {State.STANDBY, *_ANY_TIME},
    State.STANDBY: {State.SENDING, *_ANY_TIME},
    State.SENDING: {State.IDLE, State.PAUSING, State.STANDBY, *_ANY_TIME},
    State.IDLE: {State.SENDING, State.STANDBY, *_ANY_TIME},
    State.PAUSING: {State.SENDING, State.STANDBY, *_ANY_TIME},
    State.STOPPING: {State.STOPPED},
}


def move(state: State, to: State) -> State:
    """Return the state *to*, if it can follow *state*.

    Raises:
        ValueError: it cannot.
    """
    if to not in _NEXT[state]:
        text = f"A relay cannot move from {state.value} to {to.value}"
        raise ValueError(text)
    return to
