"""A process that stands still in the middle of a transaction on SQLite."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from messagebus.adapters.sqlalchemy import prepare_sqlite, sync_create_tables
from tests._sync.adapters.sqlalchemy.shelves import publish, stored

pytestmark = pytest.mark.slow

FREEZE = """
import os, signal, sys
from sqlalchemy import create_engine
from messagebus.adapters.sqlalchemy import prepare_sqlite

with prepare_sqlite(create_engine(sys.argv[1])).begin():
    os.kill(os.getpid(), signal.SIGSTOP)
"""


@pytest.mark.parametrize("end", [signal.SIGCONT, signal.SIGKILL])
def test_a_frozen_writer_holds_up_all_others_until_it_is_thawed_or_killed(
    tmp_path: Path, end: signal.Signals
) -> None:
    """They fail after their timeout; readers are not affected, and nothing is lost."""
    url = f"sqlite:///{tmp_path / 'messages.db'}"
    engine = prepare_sqlite(create_engine(url), busy_timeout=0.1)
    sync_create_tables(engine)
    publish(engine, "1")
    process = subprocess.Popen([sys.executable, "-c", FREEZE, url])
    try:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        with pytest.raises(OperationalError, match="database is locked"):
            publish(engine, "2")
        assert 1 == len(stored(engine))
        process.send_signal(end)
        process.wait()
    finally:
        process.kill()
        process.wait()
    publish(engine, "3")

    assert 2 == len(stored(engine))
    engine.dispose()
