"""Load by wrk, a process of its own in C: per request it costs a small part of what any server here does."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_CONNECTIONS = 32
_LEAST_PAD = len(b"\r\nPad: ")
_SCRIPT = """\
local requests, at = {}, 0
function init(arguments)
  local file = assert(io.open(arguments[1], "rb"))
  local content = file:read("*a")
  local size = tonumber(arguments[2])
  file:close()
  for start = 1, #content, size do requests[#requests + 1] = content:sub(start, start + size - 1) end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
"""
_RATE = re.compile(r"Requests/sec:\s+([0-9.]+)")
_FAILED = re.compile(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)")


class LoadError(Exception):
    """The load could not be made, or the server refused it."""


@dataclass(frozen=True)
class Load:
    """Whole HTTP requests, sent one after the other by each of 32 connections, in turn."""

    requests: Sequence[bytes]

    def rate(self, port: int, seconds: float) -> float:
        """Answers per second from the loopback port. Raises LoadError."""
        wrk = shutil.which("wrk")
        if wrk is None:
            raise LoadError("wrk is missing; `make setup-test` installs it")
        size = max(map(len, self.requests)) + _LEAST_PAD
        with tempfile.TemporaryDirectory(prefix="hoviat-load-") as folder:
            script, content = Path(folder) / "load.lua", Path(folder) / "requests"
            script.write_text(_SCRIPT)
            content.write_bytes(b"".join(_padded(request, size) for request in self.requests))
            command = [wrk, "-t1", f"-c{_CONNECTIONS}", f"-d{max(1, round(seconds))}s", "--timeout", "10s"]
            command += ["-s", str(script), f"http://127.0.0.1:{port}/", "--", str(content), str(size)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        return self._read(done.stdout + done.stderr)

    @staticmethod
    def _read(output: str) -> float:
        rate = _RATE.search(output)
        if rate is None or _FAILED.search(output):
            raise LoadError(f"wrk says: {output.strip()[-400:]}")
        if float(rate[1]) == 0:
            raise LoadError("the server answered nothing")
        return float(rate[1])


def _padded(request: bytes, size: int) -> bytes:
    """The request with a header of no meaning, so that all of a load have one length and need no index."""
    head, end, body = request.partition(b"\r\n\r\n")
    return head + b"\r\nPad: " + b"x" * (size - len(request) - _LEAST_PAD) + end + body


def post(path: str, body: bytes, host: str = "127.0.0.1") -> bytes:
    """A POST of an OCSP request."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/ocsp-request\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def get(path: str, host: str = "127.0.0.1") -> bytes:
    """A GET."""
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
