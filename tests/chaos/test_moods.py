"""Servers and networks in every bad mood, one after the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from .moods import MOODS, moods_of
from .scene import new_scene


@pytest.mark.parametrize(("database", "broker"), [("postgresql", "redis"), ("sqlite", "nats")])
def test_no_mood_is_silent_or_loses_a_message(database: str, broker: str, tmp_path: Path) -> None:
    """A relay says why it cannot send; when the mood is over, it sends everything, once."""
    with new_scene(database, broker, tmp_path, seed=1) as scene:
        for name in moods_of(scene):
            scene.endure(name, MOODS[name].says, MOODS[name].mood)
        assert [] == scene.violations
        assert [] == scene.result().violations
