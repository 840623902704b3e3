"""Registering sites, and recognising them by their keys."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from sqlalchemy import Row, Select, select

from pki.auditchain import append
from pki.clock import Clock
from pki.store.bulk import among, dialect_of, table_of
from verifier.audit import AuditEntry
from verifier.services.apikeys import ApiKey, RandomBytes, new_api_key, new_site_id, parse_api_key
from verifier.services.errors import (
    ApiKeyInvalidError,
    PolicyUnknownError,
    SiteMissingError,
    SiteNameError,
    SiteNameTakenError,
)
from verifier.services.models import NAME_LIMIT, Site
from verifier.services.origin import validate_origin
from verifier.store.sessions import Database, ReadSession, WriteSession

DEFAULT_POLICY = "national"
_ADMINISTRATOR = "administrator"


@dataclass(frozen=True)
class RelyingSite:
    """A registered site, as the rest of the verifier knows it."""

    site_id: str
    name: str
    origin: str
    policy: str


@dataclass(frozen=True)
class SiteCredentials:
    """What a site is given once, at registration or when its key is renewed."""

    site_id: str
    api_key: str = field(repr=False)


class SiteRegistry:
    """The relying sites of this verifier."""

    def __init__(
        self,
        database: Database,
        policies: tuple[str, ...],
        clock: Clock,
        random_bytes: RandomBytes = secrets.token_bytes,
    ) -> None:
        """`policies` are the names that a site may be registered with."""
        self._database = database
        self._policies = policies
        self._clock = clock
        self._random_bytes = random_bytes

    def register_site(self, name: str, origin: str, policy: str = DEFAULT_POLICY) -> SiteCredentials:
        """Adds a site and gives its credentials, the only time they are known.

        Raises SiteNameError, SiteNameTakenError, OriginInvalidError or PolicyUnknownError.
        """
        _validate_name(name)
        validate_origin(origin)
        if policy not in self._policies:
            raise PolicyUnknownError(policy, self._policies)
        key = new_api_key(new_site_id(self._random_bytes), self._random_bytes)
        with self._database.write() as session:
            if session.scalar(select(Site.site_id).where(Site.name == name)) is not None:
                raise SiteNameTakenError(name)
            session.add(
                Site(
                    site_id=key.site_id,
                    name=name,
                    origin=origin,
                    policy=policy,
                    key_hash=key.digest(),
                    created_at=self._clock(),
                )
            )
            self._audit(session, "site.register", key.site_id, {"origin": origin, "policy": policy})
        return SiteCredentials(key.site_id, key.reveal())

    def renew_key(self, name: str, origin: str | None = None) -> SiteCredentials:
        """Gives a site a new key, which ends the old one, and a new origin if one is given."""
        if origin is not None:
            validate_origin(origin)
        with self._database.write() as session:
            site = session.scalar(select(Site).where(Site.name == name))
            if site is None:
                raise SiteMissingError(name)
            key = new_api_key(site.site_id, self._random_bytes)
            site.key_hash = key.digest()
            site.origin = origin or site.origin
            self._audit(session, "site.renew-key", site.site_id, {"origin": site.origin})
        return SiteCredentials(key.site_id, key.reveal())

    def sites(self) -> list[RelyingSite]:
        """All sites by name."""
        with self._database.read() as session:
            return [_to_value(site) for site in session.scalars(select(Site).order_by(Site.name))]

    def authenticate(self, presented_key: str) -> RelyingSite:
        """The site to which the key belongs; raises ApiKeyInvalidError."""
        key: ApiKey = parse_api_key(presented_key)
        with self._database.read() as session:
            [site] = recognise(session, [key])
        if isinstance(site, ApiKeyInvalidError):
            raise site
        return site

    def _audit(self, session: WriteSession, action: str, site_id: str, details: dict[str, str]) -> None:
        append(
            session,
            AuditEntry,
            time=self._clock(),
            actor=_ADMINISTRATOR,
            action=action,
            subject=site_id,
            details=details,
        )


def recognise(
    session: ReadSession | WriteSession, keys: Sequence[ApiKey]
) -> list[RelyingSite | ApiKeyInvalidError]:
    """For each key, in their order, the site to which it belongs now."""
    ids = {"ids": list({key.site_id for key in keys})}
    rows = session.connection().execute(_find(dialect_of(session)), ids)
    sites = {row.site_id: row for row in rows}
    return [_whose(key, sites.get(key.site_id)) for key in keys]


def _whose(key: ApiKey, row: Row[str, str, str, str, str] | None) -> RelyingSite | ApiKeyInvalidError:
    if row is None or not key.is_known_by(row.key_hash):
        return ApiKeyInvalidError()
    return RelyingSite(row.site_id, row.name, row.origin, row.policy)


@cache
def _find(dialect: str) -> Select[str, str, str, str, str]:
    columns = table_of(Site).c
    query = select(columns.site_id, columns.name, columns.origin, columns.policy, columns.key_hash)
    return query.where(among(dialect, columns.site_id, "ids"))


def _validate_name(name: str) -> None:
    if not 1 <= len(name) <= NAME_LIMIT or not name.replace("\u200c", "").isprintable() or name.isspace():
        raise SiteNameError(NAME_LIMIT)


def _to_value(site: Site) -> RelyingSite:
    return RelyingSite(site.site_id, site.name, site.origin, site.policy)
