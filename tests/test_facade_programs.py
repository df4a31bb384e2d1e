"""The programs of the facade's specification, unchanged except for the name of the package.

On Python 3.11, generic classes use the older syntax.
"""

from __future__ import annotations

import asyncio
import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest

NEW_SPELLING = "class Created[T]:"
OLD_SPELLING = "class Created(Generic[T]):"

EVENTS = """
from dataclasses import dataclass
from typing import Generic, TypeVar

from messagebus import event

T = TypeVar("T")

@dataclass
class User:
    id: int
    name: str

@event
class Created[T]:
    entity: T

@event
class UpdatedUser:
    entity: User

@event
class RegistrationDone:
    text: str
"""

HANDLERS = """
from messagebus import Depends
from messagebus import Consumer, Subscriber

consumer = Consumer()
subscriber = Subscriber()

def getdb() -> dict:
    raise NotImplementedError

def getnfs() -> list:
    raise NotImplementedError

@consumer.handler
def handle_put(event: Created[User] | UpdatedUser, db: dict = Depends(getdb)):
    db[event.entity.id] = event.entity.name

@consumer.handler
def handle_registered(event: Created[User]):
    consumer.consume(RegistrationDone(f"User {event.entity.id} registered."))

@subscriber.subscribe('notifications')
def handle_notification(msg: RegistrationDone, nfs: list = Depends(getnfs)):
    nfs.append(msg.text)

@consumer.handler
def forward_to_subscriber(event: RegistrationDone):
    subscriber.receive(event, 'notifications')
"""

PRODUCING = """
from messagebus import Service
from messagebus import Depends

def register(name: str):
    user = User(id=1, name=name)
    consumer.consume(Created(user))

service = Service()

def somedep():
    return "I'm a dependency"

@service.handler
def update(id: int, name: str, dep: str = Depends(somedep)):
    user = User(id=id, name=name)
    consumer.consume(UpdatedUser(user))
    print(dep)
"""

OVERRIDING = """
db = {}
nfs = []

def getrealdb():
    return db

def getrealnfs():
    yield nfs

consumer.override(getdb, getrealdb)
subscriber.override(getnfs, getrealnfs)
"""

RUNNING = """
register('Alice')
update(1, 'Alice Updated')

assert db[1] == 'Alice Updated'
print(db)
assert nfs == ["User 1 registered."]
print(nfs)
"""

LATE_BINDING = """
from messagebus import Service
from messagebus import Depends
from messagebus import Producer, Publisher

service = Service()
producer = Producer()
publisher = Publisher()

def register(name: str):
    user = User(id=1, name=name)
    producer.dispatch(Created(user))

def somedep():
    return "I'm a dependency"

@service.handler
def update(id: int, name: str, dep: str = Depends(somedep)):
    user = User(id=id, name=name)
    producer.dispatch(UpdatedUser(user))
    publisher.publish("Update performed", 'some-topic')
"""

BINDING = """
performed = []

@subscriber.subscribe('some-topic')
def note(msg: str):
    performed.append(msg)

producer.register(consumer)
publisher.register(subscriber)
"""

WAITING = """
from messagebus.asyncio import Service
from messagebus.asyncio import Depends
from messagebus.asyncio import Producer, Publisher

service = Service()
producer = Producer()
publisher = Publisher()

async def register(name: str):
    user = User(id=1, name=name)
    await producer.dispatch(Created(user))

async def somedep():
    return "I'm a dependency"

@service.handler
async def update(id: int, name: str, dep: str = Depends(somedep)):
    user = User(id=id, name=name)
    await producer.dispatch(UpdatedUser(user))
    await publisher.publish("Update performed", 'some-topic')
"""

WAITING_HANDLERS = """
from messagebus.asyncio import Consumer, Subscriber

consumer = Consumer()
subscriber = Subscriber()
db = {}
performed = []

async def getdb():
    yield db

@consumer.handler
async def handle_put(event: Created[User] | UpdatedUser, db: dict = Depends(getdb)):
    db[event.entity.id] = event.entity.name

@subscriber.subscribe('some-topic')
async def note(msg: str):
    performed.append(msg)

producer.register(consumer)
publisher.register(subscriber)

async def main():
    await register('Alice')
    await update(1, 'Alice Updated')
"""

# Spellings of pymsgbus that its document leaves to its signatures.
SIGNATURES = """
from messagebus import Consumer, Dependency, Depends, Provider, Service, Subscriber, event
from messagebus.depends import inject

provider = Provider()
consumer = Consumer(provider)
subscriber = Subscriber(provider)
service = Service(provider, generator=lambda name: name.upper())

def getdb() -> dict:
    raise NotImplementedError

declared = Depends(getdb)

@consumer.handler
def handle_put(event: Created[User], db: dict = Depends(callable=getdb)):
    db[event.entity.id] = event.entity.name

@subscriber.subscribe('renamed')
def rename(name: str, db: dict = declared):
    db[1] = name

@service.handler
def read(id: int, db: dict = Dependency(getdb)):
    return db[id]

@inject(provider)
def count(db: dict = Depends(getdb)):
    return len(db)

db = {}
provider.override(getdb, lambda: db)
provider.dependency_overrides[getdb] = lambda: db

consumer.handlers['created'][0](Created(User(1, 'Alice')))
subscriber.handlers['renamed'][0]('Bob')

assert isinstance(declared, Dependency) and declared.callable is getdb
assert read is service.handlers['READ']
assert service.execute(action='READ', id=1) == read(1) == 'Bob'
assert count() == 1
"""

WAITING_SIGNATURES = """
from messagebus.asyncio import Consumer, Dependency, Depends, Provider, Service, Subscriber, event

provider = Provider()
consumer = Consumer(provider)
subscriber = Subscriber(provider)
service = Service(provider)
db = {}

async def getdb() -> dict:
    raise NotImplementedError

provider.override(getdb, lambda: db)

@consumer.handler
async def handle_put(event: Created[User], db: dict = Depends(callable=getdb)):
    db[event.entity.id] = event.entity.name

@service.handler
async def read(id: int, db: dict = Dependency(getdb)):
    return db[id]

async def main():
    await consumer.handlers['created'][0](Created(User(1, 'Alice')))
    assert await service.handlers['read'](1) == 'Alice'
    assert await service.execute(action='read', id=1) == 'Alice'
"""

Program = Any
SPELLINGS = [
    pytest.param(OLD_SPELLING, id="Generic"),
    pytest.param(
        NEW_SPELLING,
        id="brackets",
        marks=pytest.mark.skipif(sys.version_info < (3, 12), reason="the syntax is newer"),
    ),
]
POSTPONED = ["", "from __future__ import annotations\n"]


@pytest.fixture(params=SPELLINGS)
def spelling(request: pytest.FixtureRequest) -> str:
    """Return the spelling of generic classes."""
    return str(request.param)


@pytest.fixture(params=POSTPONED, ids=["evaluated", "postponed"])
def run(request: pytest.FixtureRequest, spelling: str) -> Iterator[Program]:
    """Return a function that runs parts of a program as one module."""
    module = types.ModuleType("program")
    sys.modules["program"] = module

    def run(*parts: str) -> types.ModuleType:
        source = request.param + "".join(parts).replace(NEW_SPELLING, spelling)
        exec(compile(source, "program", "exec", dont_inherit=True), module.__dict__)  # noqa: S102
        return module

    yield run
    del sys.modules["program"]


def test_the_quickstart_runs(run: Program, capsys: pytest.CaptureFixture[str]) -> None:
    """Events, handlers, a service and overrides print what the specification shows."""
    run(EVENTS, HANDLERS, PRODUCING, OVERRIDING, RUNNING)

    assert [
        "I'm a dependency",
        "{1: 'Alice Updated'}",
        "['User 1 registered.']",
    ] == capsys.readouterr().out.splitlines()


def test_a_service_is_called_by_name_as_well(run: Program) -> None:
    """This is the other way to call update."""
    run(EVENTS, HANDLERS, PRODUCING, OVERRIDING)
    run("register('Alice')\nservice.execute('update', 1, 'Alice Updated')\n")
    module = run("assert db[1] == 'Alice Updated'\n")

    assert ["User 1 registered."] == module.nfs


def test_without_overrides_the_declared_dependencies_are_called(run: Program) -> None:
    """They are placeholders to override, so each handler fails on its own."""
    module = run(EVENTS, HANDLERS, PRODUCING)

    with pytest.raises(ExceptionGroup) as raised:
        module.register("Alice")

    assert [NotImplementedError] * 2 == [type(each) for each in raised.value.exceptions]


def test_late_binding_runs(run: Program) -> None:
    """Consumers and subscribers may be registered with producers and publishers last."""
    module = run(EVENTS, HANDLERS, OVERRIDING, LATE_BINDING, BINDING)
    run("register('Alice')\nupdate(1, 'Alice Updated')\n")

    assert {1: "Alice Updated"} == module.db
    assert ["User 1 registered."] == module.nfs
    assert ["Update performed"] == module.performed


@pytest.mark.parametrize("call", ["update(1, ", "service.execute('update', 1, "])
def test_the_asynchronous_part_runs(run: Program, call: str) -> None:
    """The same names come from messagebus.asyncio, with async and await."""
    program = WAITING_HANDLERS.replace("update(1, ", call)
    module = run(EVENTS, WAITING, program)
    asyncio.run(module.main())

    assert {1: "Alice Updated"} == module.db
    assert ["Update performed"] == module.performed


def test_the_signatures_are_those_of_the_original(run: Program) -> None:
    """Providers come by position, Depends and execute take keywords, handlers can be read."""
    run(EVENTS, SIGNATURES)


def test_the_asynchronous_signatures_are_those_of_the_original(run: Program) -> None:
    """The same holds for messagebus.asyncio."""
    asyncio.run(run(EVENTS, WAITING_SIGNATURES).main())


def test_both_parts_have_their_own_components() -> None:
    """Components of one name differ between the colours; dependencies are shared."""
    import messagebus
    import messagebus.asyncio

    for name in ("Consumer", "Producer", "Publisher", "Service", "Subscriber"):
        assert getattr(messagebus, name) is not getattr(messagebus.asyncio, name)
    for name in ("Dependency", "Depends", "Provider", "event", "inject"):
        assert getattr(messagebus, name) is getattr(messagebus.asyncio, name)
