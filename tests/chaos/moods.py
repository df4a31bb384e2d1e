"""The moods that come over servers and networks, and what a relay must say of each.

A mood is a generator: what stands before its *yield* begins it, what stands after it ends it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass

import nats
from nats.js.api import DiscardPolicy

from messagebus.adapters.sqlalchemy import tables

from .scene import PASSWORD, STREAM, USER, Scene
from .seams import clock_file, full_file

MESSAGES, LEASE = tables.messages.name, tables.lease.name
_DAY = 86_400  # seconds
BROKER, DATABASE = "the broker is not available", "the database is not available"


@dataclass(frozen=True)
class Mood:
    """A mood.

    Attributes:
        of: the server or database that it comes over.
        says: what a relay logs, as the page "When something is wrong" shows it, with … for what is
            left out; None if it goes on as if nothing were.
        mood: begins and ends the mood.
    """

    of: str
    says: str | None
    mood: Callable[[Scene], Iterator[None]]


MOODS: dict[str, Mood] = {}
"""The moods by name."""


def mood(of: str, says: str | None) -> Callable[[Callable[[Scene], Iterator[None]]], None]:
    """Register a mood under the name of its function."""

    def register(function: Callable[[Scene], Iterator[None]]) -> None:
        MOODS[function.__name__] = Mood(of, says, function)

    return register


def _of_any(of: str, what: str) -> None:
    """Register the moods that come over any server and its network."""
    says = DATABASE if of == "postgresql" else BROKER

    def is_frozen(scene: Scene) -> Iterator[None]:
        scene.servers[of].freeze()
        yield
        scene.servers[of].thaw()

    def is_killed(scene: Scene) -> Iterator[None]:
        scene.servers[of].kill()
        yield
        scene.servers[of].start()
        if of == "redis":
            scene.let_into_redis()

    def is_cut_off(scene: Scene) -> Iterator[None]:
        scene.networks[of].cut()
        yield
        scene.networks[of].mend()

    def is_behind_a_silent_network(scene: Scene) -> Iterator[None]:
        scene.networks[of].stall()
        yield
        scene.networks[of].mend()

    for each in (is_frozen, is_killed, is_cut_off, is_behind_a_silent_network):
        MOODS[f"{what}_{each.__name__}"] = Mood(of, says, each)


_of_any("postgresql", "postgresql")
_of_any("redis", "redis")
_of_any("nats", "nats")


def _setting(scene: Scene, name: str, value: str) -> Iterator[None]:
    """Let a setting hold for the new sessions of the relays."""
    scene.postgres(f"ALTER ROLE {USER} SET {name} = '{value}'")
    scene.disconnect()
    yield
    scene.postgres(f"ALTER ROLE {USER} RESET {name}")
    scene.disconnect()


@mood("redis", f"{BROKER} … READONLY")
def redis_becomes_a_replica(scene: Scene) -> Iterator[None]:
    """A failover has made another server the primary."""
    with scene.redis() as redis:
        redis.replicaof("127.0.0.1", 1)
        yield
        redis.replicaof("no", "one")


@mood("redis", f"{BROKER} … OOM")
def redis_is_full(scene: Scene) -> Iterator[None]:
    """It has used up its memory."""
    with scene.redis() as redis:
        redis.config_set("maxmemory", 1)
        yield
        redis.config_set("maxmemory", 0)


@mood("redis", f"{BROKER} … NOREPLICAS")
def redis_lacks_replicas(scene: Scene) -> Iterator[None]:
    """It accepts no write that is not replicated."""
    with scene.redis() as redis:
        redis.config_set("min-replicas-to-write", 1)
        yield
        redis.config_set("min-replicas-to-write", 0)


@mood("redis", f"{BROKER} … has no permissions to run")
def redis_takes_a_right_away(scene: Scene) -> Iterator[None]:
    """The user may no longer append."""
    with scene.redis() as redis:
        redis.execute_command("ACL", "SETUSER", USER, "-xadd")
        yield
        redis.execute_command("ACL", "SETUSER", USER, "+xadd")


@mood("redis", f"{BROKER} … WRONGPASS")
def redis_changes_the_password(scene: Scene) -> Iterator[None]:
    """The password of the relay is no longer that of the user."""
    with scene.redis() as redis:
        redis.execute_command("ACL", "SETUSER", USER, "resetpass", ">other")
        redis.execute_command("CLIENT", "KILL", "USER", USER)
        yield
        redis.execute_command("ACL", "SETUSER", USER, "resetpass", f">{PASSWORD}")


@mood("redis", f"{BROKER} … WRONGTYPE")
def redis_has_something_else_at_the_key(scene: Scene) -> Iterator[None]:
    """Somebody has used the key of the stream for something else."""
    with scene.redis() as redis:
        redis.eval(
            "redis.call('RENAME', KEYS[1], KEYS[2]) redis.call('SET', KEYS[1], 'x')",
            2,
            STREAM,
            "aside",
        )
        yield
        redis.rename("aside", STREAM)


@mood("redis", f"{BROKER} … BUSY")
def redis_is_busy_with_a_script(scene: Scene) -> Iterator[None]:
    """A script of another user runs and runs."""
    with scene.redis() as redis, scene.redis() as other:
        redis.config_set("busy-reply-threshold", 10)
        connection = other.connection_pool.get_connection()
        connection.send_command("EVAL", "while true do end", 0)
        yield
        redis.script_kill()


@mood("postgresql", "the database refuses the relay … permission denied for table")
def postgresql_takes_a_right_away(scene: Scene) -> Iterator[None]:
    """The user may no longer mark messages as sent."""
    scene.postgres(f"REVOKE UPDATE ON {MESSAGES} FROM {USER}")
    yield
    scene.postgres(f"GRANT UPDATE ON {MESSAGES} TO {USER}")


@mood("postgresql", f"{DATABASE} … read-only transaction")
def postgresql_becomes_read_only(scene: Scene) -> Iterator[None]:
    """The address leads to a replica, as during a failover."""
    yield from _setting(scene, "default_transaction_read_only", "on")


@mood("postgresql", f"{DATABASE} … too many connections")
def postgresql_has_no_connection_left(scene: Scene) -> Iterator[None]:
    """The limit of the role is reached."""
    scene.postgres(f"ALTER ROLE {USER} CONNECTION LIMIT 0")
    scene.disconnect()
    yield
    scene.postgres(f"ALTER ROLE {USER} CONNECTION LIMIT -1")


@mood("postgresql", f"{DATABASE} … has not answered for")
def postgresql_locks_the_outbox(scene: Scene) -> Iterator[None]:
    """A migration holds a lock on the table, and runs for long."""
    engine = scene.trial.engine
    with engine.begin() as connection:
        connection.exec_driver_sql(f"LOCK TABLE {LEASE} IN ACCESS EXCLUSIVE MODE")
        yield


@mood("postgresql", None)
def postgresql_ends_connections(scene: Scene) -> Iterator[None]:
    """An administrator ends them, or a pooler that is restarted."""
    scene.disconnect()
    yield


@mood("postgresql", None)
def postgresql_isolates_transactions(scene: Scene) -> Iterator[None]:
    """Every transaction of the relay is serializable."""
    yield from _setting(scene, "default_transaction_isolation", "serializable")


@mood("postgresql", f"the database is not complete … The table {MESSAGES} does not exist")
def postgresql_has_no_table(scene: Scene) -> Iterator[None]:
    """A relay has started before the migration."""
    scene.postgres(f"ALTER TABLE {MESSAGES} RENAME TO aside")
    scene.disconnect()
    yield
    scene.postgres(f"ALTER TABLE aside RENAME TO {MESSAGES}")


def _in_sqlite(scene: Scene) -> AbstractContextManager[sqlite3.Connection]:
    """Return a connection to the file that has no limit."""
    file = scene.folder / "messages.db"
    return closing(sqlite3.connect(file, timeout=60, isolation_level=None))


@mood("sqlite", "the database was busy … locked")
def sqlite_is_locked(scene: Scene) -> Iterator[None]:
    """Another program holds the lock for writing, longer than a relay waits for it."""
    with _in_sqlite(scene) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@mood("sqlite", f"{DATABASE} … database or disk is full")
def sqlite_is_full(scene: Scene) -> Iterator[None]:
    """There is no room for another page, and what a relay records needs one."""
    with _in_sqlite(scene) as connection:
        connection.execute("CREATE TABLE ballast (content)")
        full_file(scene.folder).touch()
        insert = "INSERT INTO ballast VALUES (zeroblob(100000))"
        connection.execute(f"CREATE TRIGGER heavy AFTER UPDATE ON {MESSAGES} BEGIN {insert}; END")
        yield
        connection.execute("DROP TRIGGER heavy")
        full_file(scene.folder).unlink()
        connection.execute("DROP TABLE ballast")


@mood("postgresql", f"{DATABASE} … No space left on device")
def postgresql_is_full(scene: Scene) -> Iterator[None]:
    """The disk of its tables is full.

    Only root can fill a disk that is not the one of the machine, so a trigger answers for it, with
    the code and the text that the server has for this.
    """
    scene.postgres(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE "
        "'could not extend file \"base/5/16384\": No space left on device' "
        "USING ERRCODE = 'disk_full'; END $$",
        f"CREATE TRIGGER full_disk BEFORE UPDATE ON {MESSAGES} EXECUTE FUNCTION full_disk()",
    )
    yield
    scene.postgres("DROP FUNCTION full_disk CASCADE")


@mood("nats", f"{BROKER} … maximum bytes exceeded")
def nats_is_full(scene: Scene) -> Iterator[None]:
    """The stream has used up its bytes, and discards no old message for a new one."""
    url = scene.servers["nats"].url
    asyncio.run(_limit_stream(url, 1, DiscardPolicy.NEW))
    yield
    asyncio.run(_limit_stream(url, -1, DiscardPolicy.OLD))


async def _limit_stream(url: str, size: int, discard: DiscardPolicy) -> None:
    """Let a stream hold *size* bytes; -1 stands for as many as there is room for."""
    client = await nats.connect(url)
    stream = client.jetstream()
    config = (await stream.stream_info(STREAM)).config
    await stream.update_stream(config.evolve(max_bytes=size, discard=discard))
    await client.close()


def _of_clocks(of: str) -> None:
    """Register the moods in which the clock of one relay is a day wrong."""

    def new(leads: bool, seconds: int) -> Callable[[Scene], Iterator[None]]:
        def has_a_wrong_clock(scene: Scene) -> Iterator[None]:
            leader = scene.leader_pid()
            relays = [relay.pid for relay in scene.processes[1:] if relay.pid]
            pid = next(each for each in relays if (each == leader) == leads)
            file = clock_file(scene.folder, pid)
            file.write_text(str(seconds), "ascii")
            yield
            file.unlink()

        return has_a_wrong_clock

    for who, leads in (("leader", True), ("standby", False)):
        for where, seconds in (("fast", _DAY), ("slow", -_DAY)):
            MOODS[f"{of}_has_a_{who}_whose_clock_is_{where}"] = Mood(of, None, new(leads, seconds))


_of_clocks("postgresql")
_of_clocks("sqlite")


def moods_of(scene: Scene) -> list[str]:
    """Return the names of the moods that can come over the servers of a scene."""
    return [name for name, each in MOODS.items() if each.of in {scene.database, scene.broker}]
