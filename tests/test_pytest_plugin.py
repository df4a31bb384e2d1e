"""The plugin for pytest, in processes of their own."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

CONFTEST = """
from typing import Any
import pytest
from messagebus import AsyncMessageBus, Event, Metadata, Command, SyncMessageBus
from messagebus.testing import AsyncMemoryUnitOfWork, SyncMemoryUnitOfWork


class Sell(Command):
    sku: str
    metadata: Metadata = Metadata(name="sell", schema_version=1)


class Sold(Event):
    sku: str
    metadata: Metadata = Metadata(name="sold", schema_version=1, published=True)


def sell(command: Sell, uow: Any) -> None:
    if command.sku == "none":
        raise LookupError("no such product")
    bus.handle(Sold(sku=command.sku), uow)


def ship(event: Sold, uow: Any) -> None:
    if event.sku == "broken":
        raise ValueError("it is broken")


bus: SyncMessageBus[Any] = SyncMessageBus(on_error="isolate")
bus.add_listener(Sell, sell)
bus.add_listener(Sold, ship)


@pytest.fixture
def scenario(bus_scenario):
    return bus_scenario(bus, SyncMemoryUnitOfWork())
"""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load no other plugin in these processes."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@pytest.fixture
def shop(pytester: pytest.Pytester) -> pytest.Pytester:
    """Return a folder with a small application."""
    pytester.makeconftest(CONFTEST)
    return pytester


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    """Run the tests of the folder in a process of its own."""
    return pytester.runpytest_subprocess("-p", "messagebus_pytest", *options)


def test_nothing_is_imported_before_a_fixture_is_used(pytester: pytest.Pytester) -> None:
    """Coverage that is measured from the first test on sees every import."""
    pytester.makepyfile(
        """
        import sys

        def test_unused():
            loaded = [name for name in sys.modules if name.split(".")[0] == "messagebus"]
            assert "messagebus_pytest" in sys.modules and loaded == []

        def test_used(bus_clock):
            assert "messagebus.testing" in sys.modules
        """
    )
    run(pytester).assert_outcomes(passed=2)


def test_the_fixtures_show_what_has_happened(shop: pytest.Pytester) -> None:
    """Each test begins with nothing."""
    shop.makepyfile(
        """
        import pytest
        from datetime import datetime, UTC
        from conftest import Sell, Sold

        def test_sold(scenario, published, dead_letters):
            scenario.given(Sell(sku="1")).when(Sell(sku="2")).then(Sold(sku="2"))
            assert [Sold(sku="2")] == published
            assert [] == dead_letters

        def test_broken(scenario, published, dead_letters):
            scenario.when(Sell(sku="broken")).then(Sold(sku="broken"))
            [letter] = dead_letters
            assert "ValueError" == letter.error_type

        def test_envelope(scenario, bus_clock, bus_identifiers):
            bus_clock.set(datetime(2000, 1, 1, tzinfo=UTC))
            sell = Sell(sku="1")
            assert bus_identifiers[0] == sell.message_id
            scenario.when(sell).then(Sold(sku="1", created_at=bus_clock.now))

        def test_not_published(bus_scenario, published):
            with pytest.raises(Exception, match="no scenario"):
                assert [] == published
        """
    )
    run(shop).assert_outcomes(passed=4)


def test_a_scenario_that_was_not_checked_fails_its_test(shop: pytest.Pytester) -> None:
    """The message says what would have been seen."""
    shop.makepyfile(
        """
        from conftest import Sell, Sold

        def test_unchecked(scenario):
            scenario.when(Sell(sku="1"))

        def test_swallowed(scenario):
            scenario.when(Sell(sku="none"))

        def test_given(scenario):
            scenario.given(Sell(sku="none"))

        def test_buried(scenario, dead_letters):
            scenario.when(Sell(sku="broken")).then(Sold(sku="broken"))
        """
    )
    result = run(shop)
    result.assert_outcomes(passed=4, errors=4)
    result.stdout.fnmatch_lines(
        [
            "when(<Sell sku='1'>) was never checked; it led to *<Sold sku='1'>*, and returned None",
            "when(<Sell sku='none'>) was never checked; it failed with LookupError: no such *",
            "given(*<Sell sku='none'>*) was not followed by when, so it was not handled",
            "nobody has looked at a dead letter: listener:conftest.ship could not handle sold_v1*",
        ]
    )


def test_a_chain_that_was_not_awaited_fails_its_test(shop: pytest.Pytester) -> None:
    """Even if it has checks, which were not made."""
    shop.makepyfile(
        """
        from messagebus import AsyncMessageBus
        from messagebus.testing import AsyncMemoryUnitOfWork
        from conftest import Sell, Sold, sell

        def test_forgotten(bus_scenario):
            bus = AsyncMessageBus()
            bus.add_listener(Sell, sell)
            bus_scenario(bus, AsyncMemoryUnitOfWork()).when(Sell(sku="1")).then(Sold(sku="2"))
        """
    )
    result = run(shop, "-W", "error::RuntimeWarning")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["when(<Sell sku='1'>) was never awaited, so nothing was handled*"])


def test_a_test_that_is_run_again_is_held_to_account_again(shop: pytest.Pytester) -> None:
    """The failure of one run excuses no other: plugins repeat a test that has failed."""
    shop.makepyfile(
        again="""
        from _pytest.runner import runtestprotocol

        def pytest_runtest_protocol(item, nextitem):
            runtestprotocol(item, nextitem=nextitem, log=False)
        """
    )
    shop.makepyfile(
        """
        from conftest import Sell

        runs = []

        def test_flaky(scenario):
            runs.append(scenario)
            scenario.when(Sell(sku="1"))
            assert len(runs) == 2
        """
    )
    result = run(shop, "-p", "again")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["when(<Sell sku='1'>) was never checked; it led to *"])


def test_a_failed_check_points_at_the_line_of_the_test(shop: pytest.Pytester) -> None:
    """With the difference, without the frames of this package, and without a second error."""
    shop.makepyfile(
        """
        from conftest import Sell, Sold

        def test_sold(scenario):
            scenario.when(Sell(sku="2"))
            scenario.when(Sell(sku="1")).then(Sold(sku="9"))
        """
    )
    result = run(shop)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            '>       scenario.when(Sell(sku="1")).then(Sold(sku="9"))',
            "E       AssertionError: when(<Sell sku='1'>) did not lead to the expected messages.",
            "E       - expected, + what happened:",
            "E         Sold",
            "E       -     sku: '9'",
            "E       +     sku: '1'",
            "",
            "test_*.py:5: AssertionError",
        ],
        consecutive=True,
    )


def test_the_wheel_has_the_plugin_and_its_entry_point(tmp_path: Path) -> None:
    """Beside the package, not in it."""
    root = Path(__file__).parents[1]
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=root, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
        [entry_points] = [name for name in names if name.endswith("entry_points.txt")]
        assert (
            "[pytest11]\nmessagebus_pytest = messagebus_pytest"
            in opened.read(entry_points).decode()
        )
    assert {"messagebus", "messagebus_pytest.py"} == {
        name.split("/")[0] for name in names if ".dist-info" not in name
    }
