"""Where a request comes from, as far as that is known."""

from fastapi import Request


def client_address(request: Request) -> str:
    """The peer's address; the proxy's when there is one."""
    return request.client.host if request.client else "unknown"
