"""Certificates for the servers of the tests."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from .process import skip_or_fail


class Certificate(NamedTuple):
    """A certificate for this machine that it has signed itself, and its key.

    Attributes:
        file: the file of the certificate.
        key: the file of the key, without a password.
    """

    file: Path
    key: Path


def new_certificate(folder: Path) -> Certificate:
    """Create a certificate in a folder."""
    if shutil.which("openssl") is None:
        skip_or_fail("OpenSSL", "apt-get install openssl")
    new = Certificate(folder / "certificate.pem", folder / "key.pem")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files: list[str | Path] = ["-out", new.file, "-keyout", new.key]
    subprocess.run([*command.split(), *names, *files], check=True, capture_output=True)
    return new
