"""One operator of each role, in each of two offices, signed in at the API and at the pages."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx

from issuance.offices.models import FIRST_OFFICE, Office
from issuance.operators.models import Role
from simulators.actors.operator import add_operator
from tests.integration.issuance.office import Office as Bench

HERE, THERE = FIRST_OFFICE, "2"


@dataclass(frozen=True)
class Member:
    """Somebody's two doors."""

    api: httpx.Client
    pages: httpx.Client

    def ask(self, route: str, **sent: object) -> httpx.Response:
        """Asks for `METHOD /path`, at the door that it belongs to."""
        method, _, path = route.partition(" ")
        door = self.api if path.startswith("/v1/") else self.pages
        return door.request(method, path, **sent)  # type: ignore[arg-type]


Staff = dict[tuple[str, Role], Member]


@contextmanager
def staff(server: str, bench: Bench, offices: tuple[str, ...] = (HERE, THERE)) -> Iterator[Staff]:
    """Everybody, by office and role."""
    with bench.registry.database.writing() as session:
        session.add(Office(code=THERE, persian_name="شیراز", latin_name="Shiraz", province="فارس"))
    with ExitStack() as stack:
        yield {
            (office, role): _member(stack, server, bench, office, role) for office in offices for role in Role
        }


def _member(stack: ExitStack, server: str, bench: Bench, office: str, role: Role) -> Member:
    name = f"{role}-of-{office}"
    login = {"username": name, "password": add_operator(bench.registry.accounts, name, role, office)}
    api = stack.enter_context(httpx.Client(base_url=server, timeout=60))
    opened = api.post("/v1/sessions", json=login)
    api.headers["Authorization"] = f"Bearer {opened.json()['token']}"
    api.headers["Hoviat-Purpose"] = "audit; case=1"
    pages = stack.enter_context(httpx.Client(base_url=server, timeout=60))
    pages.get("/language/en")
    pages.cookies.set("hoviat-purpose", "audit:1")
    assert pages.post("/login", data=login).status_code == 303
    return Member(api, pages)
