"""Development sessions: `nox -l` lists them, `nox -s <session>` runs one."""

from __future__ import annotations

import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.2"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "typing", "tests"]

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)


def install(session: nox.Session) -> None:
    """Install the package with the development dependencies."""
    session.install("-e", ".[dev]")


@nox.session
def unasync(session: nox.Session) -> None:
    """Write the sync twins; `-- --check` only reports differences."""
    install(session)
    session.run("python", "tools/unasync_gen.py", *session.posargs)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests on every supported version of Python."""
    install(session)
    session.run("pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check lint rules, formatting, layers and twins."""
    install(session)
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports")
    session.run("python", "tools/unasync_gen.py", "--check")


@nox.session
def typing(session: nox.Session) -> None:
    """Check the types of sources and tests."""
    install(session)
    session.run("mypy", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Compare the speed with other libraries and work by hand; `-- --quick` is shorter."""
    session.install("-e", ".[bench]")
    version = "from importlib.metadata import version; print(version('pydantic'))"
    pydantic = (session.run("python", "-c", version, silent=True) or "").strip()
    # It has the same name as this package, so it needs a folder and a process of its own.
    older = session.create_tmp() + "/messagebus-0.16.1"
    session.install("--target", older, "--upgrade", "messagebus==0.16.1", f"pydantic=={pydantic}")
    session.run("python", "-m", "benchmarks", "run", "--older", older, *session.posargs)


@nox.session(python=PYTHONS)
def guard(session: nox.Session) -> None:
    """Count the instructions of hot paths against a baseline; `-- --update` writes a new one."""
    session.install("-e", ".")
    session.run("python", "-m", "benchmarks", "guard", *session.posargs)


@nox.session
def chaos(session: nox.Session) -> None:
    """Kill writers and relays at every fault point and at random; `-- --consumers` goes on to them.

    `-- --seed N` repeats a run.
    """
    install(session)
    session.run("python", "-m", "tests.chaos", *session.posargs)


@nox.session
def sharing(session: nox.Session) -> None:
    """Let processes of one consumer share a stream, while some die and others join."""
    install(session)
    session.run("python", "-m", "tests.chaos", "--sharing", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Run the code blocks of the documentation and of the README."""
    install(session)
    session.run("pytest", "docs", "README.md", *session.posargs)


@nox.session
def site(session: nox.Session) -> None:
    """Build the site into the folder `site`."""
    session.install("-e", ".[dev,docs]")
    session.run("mkdocs", "build", "-f", "tools/mkdocs.yml", *session.posargs)


@nox.session
def package(session: nox.Session) -> None:
    """Build the distribution, check it, and run the quick tests from it."""
    session.install("build", "check-wheel-contents", "twine")
    shutil.rmtree("dist", ignore_errors=True)
    session.run("python", "-m", "build")
    (wheel,), (sdist,) = Path("dist").glob("*.whl"), Path("dist").glob("*.tar.gz")
    session.run("twine", "check", "--strict", str(wheel), str(sdist))
    session.run("check-wheel-contents", str(wheel))
    session.install(f"{wheel.resolve()}[dev]")
    unpacked = Path(session.create_tmp(), sdist.name.removesuffix(".tar.gz"))
    shutil.rmtree(unpacked, ignore_errors=True)
    shutil.unpack_archive(sdist, unpacked.parent, filter="data")
    with session.chdir(unpacked):
        session.run("pytest", "-m", "not slow and not server", *session.posargs)


@nox.session
def examples(session: nox.Session) -> None:
    """Run the examples as a user does."""
    install(session)
    session.run("python", "-m", "examples.shop", *session.posargs)
    session.run("python", "-m", "examples.notifications")
