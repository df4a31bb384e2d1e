"""The application that a command names."""

from __future__ import annotations

from pathlib import Path

import pytest

from messagebus.cli import ExitCode, main
from messagebus.cli.application import Application
from messagebus.exceptions import ConfigurationError


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("shop", "'shop' does not name an application"),
        ("no_such_module_here:app", "There is no module 'no_such_module_here'"),
        ("messagebus:nothing", "messagebus has no 'nothing'"),
        ("messagebus:uuid", "has no"),
        ("messagebus:Event", "has no bus"),
    ],
)
def test_an_application_that_is_none_is_refused(
    name: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what it must have, and exit status 2."""
    with pytest.raises(ConfigurationError, match=said):
        Application.load(name)
    assert ExitCode.USAGE == main(["consume", name, "--stream=memory:", "--consumer=reader"])
    assert "shop.app:app" in capsys.readouterr().err


def test_an_error_of_the_application_itself_is_not_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as a module that it imports and that is missing."""
    (tmp_path / "broken_app.py").write_text("import missing_dependency_of_mine")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="missing_dependency_of_mine"):
        Application.load("broken_app:app")
