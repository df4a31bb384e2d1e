"""A member of a consumer group, and the thread that owns its client."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from time import monotonic
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from ...inbox.delivery import Delivery
from .._transport.meaning import Meaning
from .arrival import read, sort
from .commit import Commit
from .errors import UNREACHED, explain
from .forks import Owner
from .options import settings_of_member
from .records import Records
from .topic import Topic

T = TypeVar("T")

_AHEAD = 500
"""The most records that wait to be taken, but for a few."""
_ENOUGH = _AHEAD // 2  # the thread then sleeps: its work slows the handlers down
_FULL = 1.0
"""The seconds after which fetching is paused if nobody takes what waits."""
_POLL = 0.1
_POLL_AT_WORK = 0.005  # seconds; the thread hears nothing else meanwhile
_ANSWER = 0.0005  # seconds; about the time that a broker needs
_AGAIN = 0.05  # seconds


class Member(Owner):
    """A member of the group of a consumer, from its first use until *close*.

    The client has one lock for all of its calls, which waiting for records holds as well. So one
    thread makes them all. It also keeps the member in the group, however long handling takes.

    Args:
        config: the configuration of the client.
        topic: the topic.
        consumer: the name of the group.
        timeout: the limit for each answer, in seconds.
        session: how long the group waits for a sign of life, in seconds.

    Attributes:
        on_change: called in the thread when there is something to look at.
        records: the records that it has received.
        has_joined: whether the group has told it what to read, be it nothing.
        is_down: whether no broker could be reached lately.
    """

    def __init__(
        self, config: Mapping[str, Any], topic: Topic, consumer: str, timeout: float, session: float
    ) -> None:
        super().__init__()
        self.on_change: Callable[[], None] = lambda: None
        self.records: Records = Records(partial(read, topic.name))
        self.has_joined: bool = False
        self.is_down: bool = False
        self._config = config
        self._topic = topic
        self._timeout = timeout
        self._session = session
        self._refusal: KafkaError | None = None
        self._problem: KafkaError | None = None
        self._is_subscribed = self._is_paused = self._is_over = False
        self._full_since: float | None = None
        self._commits: deque[Commit] = deque()
        self._calls: deque[Callable[[], None]] = deque()
        self._gate = threading.Lock()
        self._called, self._ended = threading.Event(), threading.Event()
        settings: dict[str, Any] = {
            **settings_of_member(config, consumer, timeout, session),
            "error_cb": self._note,
            "on_commit": self._committed,
        }
        self._client = Consumer(settings)
        self._thread = threading.Thread(None, self._run, "messagebus-kafka-source", daemon=True)
        self._thread.start()

    @property
    def usable(self) -> bool:
        """Whether it is open and of this process: a fork has none of its threads."""
        return not self._ended.is_set() and self.is_of_this_process

    def open(self) -> Future[None]:
        """Look the topic up, and join the group unless that has been done.

        Its failure is a KafkaException or a StreamMissingError.
        """
        return self._call(self._open)

    def problem(self) -> KafkaError | None:
        """Return what the client has complained about, once."""
        problem, self._problem = self._problem, None
        return problem

    def take(self, limit: int) -> Sequence[Delivery]:
        """Hand out records that have arrived."""
        taken = self.records.take(limit)
        if self.records.waiting < _ENOUGH:
            self._called.set()
        return taken

    def settle(self, deliveries: Sequence[Delivery]) -> Future[KafkaError | None]:
        """Commit how far all is settled; the future has the error, None if there was none."""
        future: Future[KafkaError | None] = Future()
        future.set_running_or_notify_cancel()  # from here on, it cannot be cancelled
        self.records.settle(deliveries)
        with self._gate:
            if not self._is_over:
                self._commits.append(Commit(future, monotonic()))
                self._called.set()
                return future
        future.set_result(KafkaError(KafkaError._STATE))
        return future

    def reason_of(self, error: KafkaError) -> KafkaError:
        """Return why the broker cannot be reached if it has said so, and the error if not."""
        return self._refusal or error if error.code() in UNREACHED else error

    def close(self) -> None:
        """Leave the group, and end the thread."""
        if self.is_of_this_process:
            self._ended.set()
            self._called.set()
            self._thread.join(self._timeout)

    def _call(self, function: Callable[[], T]) -> Future[T]:
        """Let the thread call a function."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()

        def call() -> None:
            try:
                self._ensure_open()
                future.set_result(function())
            except Exception as failure:  # noqa: BLE001 - whoever waits gets it
                future.set_exception(failure)

        with self._gate:
            if not self._is_over:
                self._calls.append(call)
                self._called.set()
                return future
        call()
        return future

    def _ensure_open(self) -> None:
        if self._ended.is_set():
            raise KafkaException(KafkaError(KafkaError._STATE))

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                self._serve()
        finally:
            self._ended.set()
            self._client.close()
            with self._gate:
                self._is_over = True
            self._make_calls()
            while self._commits:
                self._end_commit(KafkaError(KafkaError._STATE))
            self.records.revoke(self.records.partitions)
            self.on_change()

    def _make_calls(self) -> None:
        while self._calls:
            self._calls.popleft()()

    def _serve(self) -> None:
        self._make_calls()
        self._send_commit()
        if not self._is_subscribed:
            self._rest(_POLL)
        elif self.records.waiting >= _ENOUGH:
            self._wait_for_room()
        else:
            self._full_since = None
            if self._is_paused:
                self._client.resume(self._client.assignment())
                self._is_paused = False
            if not self.records.waiting:
                self._poll(_POLL_AT_WORK if self.records.is_behind else _POLL)
            elif not self._poll(0.0):  # resting ends when there is something to commit
                self._rest(_ANSWER if self._commits else _POLL_AT_WORK)

    def _wait_for_room(self) -> None:
        """Fetch no more, as far as the client can be polled without."""
        if self._full_since is None:
            self._full_since = monotonic()
        if self._commits or self._is_paused:
            self._rest(_ANSWER if self._commits else _POLL)
            self._poll(0.0)
        elif monotonic() < self._full_since + _FULL:
            self._rest(_POLL)
        else:
            # This makes the client fetch again what it has fetched, so it is not done at once.
            # From here on, polling only keeps the member in the group.
            self._client.pause(self._client.assignment())
            self._is_paused = True

    def _rest(self, seconds: float) -> None:
        """Wait until there is something to do."""
        self._called.wait(seconds)
        self._called.clear()

    def _poll(self, wait: float) -> bool:
        """Take what has arrived; return whether there was anything."""
        if (first := self._client.poll(wait)) is None:
            return False
        messages = [first]
        if not self._is_paused and self.records.waiting < _AHEAD:
            messages += self._client.consume(_AHEAD, 0)
        arrivals, problem = sort(messages)
        self._problem = problem or self._problem
        self.records.add(arrivals)
        self.on_change()
        return True

    def _open(self) -> None:
        try:
            self._topic.look_up(self._client, self._config, self._timeout)
            if not self._is_subscribed:
                self._topic.ask_group(self._client, self._timeout)
        except KafkaException:
            self._poll(0)  # perhaps to hear why
            raise
        self.is_down, self._refusal = False, None
        if not self._is_subscribed:
            name = self._topic.name
            self._client.subscribe([name], on_assign=self._assigned, on_revoke=self._revoked)
            self._is_subscribed = True

    def _end_commit(self, error: KafkaError | None) -> None:
        self._commits.popleft().future.set_result(error)

    def _send_commit(self) -> None:
        """Send the next commit, if it is time for it, or give it up."""
        if not self._commits:
            return
        commit, now = self._commits[0], monotonic()
        # The broker answers nothing while the group waits for a member that may be dead.
        limit = self._timeout if self.is_down else self._timeout + self._session
        if now > commit.begun_at + limit:
            self._end_commit(commit.error or KafkaError(KafkaError._TIMED_OUT))
        elif commit.sent is None and now >= commit.again_at:
            commit.sent = self.records.owed()
            if not commit.sent:
                self._end_commit(None)  # what was settled is committed, or is of others now
                return
            offsets = [TopicPartition(self._topic.name, *each) for each in commit.sent.items()]
            try:
                self._client.commit(offsets=offsets, asynchronous=True)
            except KafkaException as failure:
                self._fail(commit, failure.args[0])

    def _committed(self, error: KafkaError | None, partitions: Sequence[TopicPartition]) -> None:
        """Take note of an answer to a commit."""
        offsets = {each.partition: each.offset for each in partitions}
        if not self._commits or (commit := self._commits[0]).sent != offsets:
            return  # nobody waits for this one any more
        found = [each for each in (error, *(each.error for each in partitions)) if each is not None]
        if found:
            self._fail(commit, found[0])
            return
        self.records.commit(offsets)
        self._end_commit(None)

    def _fail(self, commit: Commit, error: KafkaError) -> None:
        """Try a commit again: while the group changes hands, it is refused for a moment."""
        if explain(error)[0] is Meaning.REFUSED:
            self._end_commit(error)
        commit.sent, commit.error, commit.again_at = None, error, monotonic() + _AGAIN

    def _note(self, error: KafkaError) -> None:
        if explain(error)[0] is Meaning.REFUSED:
            self._refusal = self._problem = error
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self.is_down = True
        if error.fatal():
            self._ended.set()
        self.on_change()

    def _assigned(self, _: Consumer, partitions: Sequence[TopicPartition]) -> None:
        self.records.assign([each.partition for each in partitions])
        self.has_joined, self._is_paused = True, False
        self.on_change()

    def _revoked(self, _: Consumer, partitions: Sequence[TopicPartition]) -> None:
        self.records.revoke([each.partition for each in partitions])
        self.has_joined = bool(self.records.partitions)
        self.on_change()
