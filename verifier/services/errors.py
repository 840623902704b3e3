"""Why a site can't be registered or is not let in."""


class SiteError(Exception):
    """Something about a relying site. Base of:

    SiteError
    ├── OriginInvalidError      not the ASCII serialisation of an https origin
    ├── SiteNameError           empty, too long or with control characters
    ├── SiteNameTakenError      a site of this name is registered
    ├── SiteMissingError        no site of this name is registered
    ├── PolicyUnknownError      no policy of this name is configured
    ├── ApiKeyInvalidError      the request carries no key, or none of a registered site
    └── OriginForeignError      a site asked for a challenge in the name of another origin
    """


class OriginInvalidError(SiteError):
    """`origin` is refused; `why` says what is wrong with it."""

    def __init__(self, origin: str, why: str) -> None:
        super().__init__(f"origin {origin!a}: {why}")
        self.origin = origin
        self.why = why


class SiteNameError(SiteError):
    """The name is empty, too long or not printable."""

    def __init__(self, maximum: int) -> None:
        super().__init__(f"a site's name has 1 to {maximum} printable characters")
        self.maximum = maximum


class SiteNameTakenError(SiteError):
    """Names are unique, so that people can tell sites apart."""

    def __init__(self, name: str) -> None:
        super().__init__(f"a site named {name!r} is registered already")
        self.name = name


class SiteMissingError(SiteError):
    """No such site."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no site named {name!r} is registered")
        self.name = name


class PolicyUnknownError(SiteError):
    """The policy is not configured here; `known` lists those that are."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"unknown policy {name!r}; known: {', '.join(sorted(known))}")
        self.name = name
        self.known = known


class ApiKeyInvalidError(SiteError):
    """Deliberately says nothing more."""

    def __init__(self) -> None:
        super().__init__("no valid API key")


class OriginForeignError(SiteError):
    """A site asked for a challenge in the name of another origin."""

    def __init__(self) -> None:
        super().__init__("this site is registered for another origin")
