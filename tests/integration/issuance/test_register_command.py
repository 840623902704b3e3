"""`hoviat sim register` in a process of its own, asked by the adapter that the environment names."""

import os
import signal
import subprocess
import sys

import pytest

from issuance.registry.httpregister import TOKEN_VARIABLE, URL_VARIABLE, configured_register
from simulators.population.people import People
from simulators.population.register import record_of


def test_the_environments_register_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-m", "hoviat", "sim", "register"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as server:
        try:
            assert server.stdout is not None
            monkeypatch.setenv(URL_VARIABLE, server.stdout.readline().strip())
            monkeypatch.setenv(TOKEN_VARIABLE, "not asked for")
            register = configured_register()
            assert register is not None
            assert register.find(People(1).national_code(5)) == record_of(People(1).person(5))
            register.close()
        finally:
            server.send_signal(signal.SIGINT)
    assert server.returncode == 0


def test_no_register_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    assert configured_register() is None
