"""Descriptions of buses that nobody has written: random ones, and one of sixty messages."""

from __future__ import annotations

from random import Random

from hypothesis import strategies as st

from messagebus.description import (
    DescribedDependency,
    DescribedListener,
    DescribedMessage,
    Description,
)

HOSTILE = (
    "",
    ".",
    "..a",
    "<script>alert(1)</script>",
    "]]>",
    '"]; click m0 call()',
    "a&amp;b",
    "'\"`\\",
    "end",
    "%%{init}%%",
    "line\nbreak",
    "\x00\x1b[2J\x7f",
    "\ud800",
    "\ufffe",
    "\u202etxt",
    "注文が確定した" * 9,
    "e\u0301" * 60,
    "x" * 500,
)

names = st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(), max_size=60))


@st.composite
def descriptions(draw: st.DrawFn) -> Description:
    """Return messages that listeners with any names raise in any way, also in circles."""
    paths = draw(st.lists(names, max_size=14, unique=True))
    raises = st.lists(st.sampled_from(paths), max_size=4, unique=True) if paths else st.just([])
    listeners = [
        DescribedListener(
            name,
            [],
            draw(st.none() | names),
            draw(st.none() | st.lists(dependencies, max_size=4)),
            draw(raises),
        )
        for name in draw(st.lists(names, max_size=14, unique=True))
    ]
    known = [each.name for each in listeners]
    heard = st.lists(st.sampled_from(known), max_size=3, unique=True) if known else st.just([])
    messages = [
        DescribedMessage(
            path,
            draw(st.sampled_from(["command", "event"])),
            draw(st.none() | names),
            draw(st.none() | st.integers(0, 9)),
            draw(st.booleans()),
            draw(heard),
            draw(st.none() | names),
        )
        for path in paths
    ]
    return Description(messages, listeners)


dependencies = st.builds(
    DescribedDependency,
    names,
    st.sampled_from(["depends", "bus", "call"]),
    st.none() | names,
    st.none(),
    st.booleans(),
)


def sixty(seed: int = 1) -> Description:
    """Return thirty commands and thirty events of ten parts of an application."""
    random = Random(seed)
    rooms = [
        *("order", "stock", "invoice", "shipment", "product"),
        *("customer", "return", "coupon", "search", "report"),
    ]
    needed = ["session", "mailer", "clock", "warehouse", "settings", "audit_log"]
    events = {
        room: [f"acme.{room}s.messages.{room.title()}{done}" for done in _DONE] for room in rooms
    }
    every = [event for room in rooms for event in events[room]]
    commands = [f"acme.{room}s.messages.{do}{room.title()}" for room in rooms for do in _DO]
    listeners: list[DescribedListener] = []
    messages: list[DescribedMessage] = []

    def listen(name: str, raises: list[str]) -> str:
        chosen = random.sample(needed, random.choice([0, 0, 1, 2, 4]))
        needs = [
            DescribedDependency(each, "depends", f"acme.{each}", None, is_required=True)
            for each in chosen
        ]
        listeners.append(DescribedListener(name, [], None, needs, raises))
        return name

    for command in commands:
        room, _, title = command.split(".")[1:]
        raised = random.sample(events[room.removesuffix("s")], random.choice([1, 1, 2]))
        name = listen(f"acme.{room}.handlers.{title.lower()}", raised)
        messages.append(
            DescribedMessage(command, "command", title.lower(), 1, False, [name], "Do it.")
        )
    for event in every:
        title = event.rpartition(".")[2]
        hearing = [
            listen(
                f"acme.{random.choice(rooms)}s.reactions.on_{title.lower()}_{number}",
                random.choice([[], [], [random.choice([*commands, *every])]]),
            )
            for number in range(random.choice([0, 1, 1, 2]))
        ]
        is_published = random.random() < 0.5
        messages.append(
            DescribedMessage(event, "event", title.lower(), 1, is_published, hearing, None)
        )
    return Description(messages, listeners)


_DO = ("Create", "Change", "Cancel")
_DONE = ("Created", "Changed", "Cancelled")
