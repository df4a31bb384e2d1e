"""A relay that is told to stop, while nothing answers it."""

from __future__ import annotations

from pathlib import Path

import pytest

from .moods import MOODS
from .scene import new_scene


@pytest.mark.parametrize(
    "name", ["postgresql_is_frozen", "postgresql_locks_the_outbox", "redis_is_frozen"]
)
def test_a_signal_ends_a_relay_in_any_mood(name: str, tmp_path: Path) -> None:
    """It waits for a database or a broker no longer than the page of the relay says."""
    with new_scene("postgresql", "redis", tmp_path, seed=1) as scene:
        scene.endure(name, MOODS[name].says, MOODS[name].mood, then=scene.stop_relays)
        assert [] == scene.violations
        assert [] == scene.result().violations
