"""Passwords in the addresses of storages: what is shown of an address, and what never leaves the program."""

import logging
import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import unquote

MASK: Final = "***"
STORAGE: Final = "DSE_STORAGE"
"""Environment variable that holds the address of a storage."""
OURS: Final = (STORAGE, "PGPASSWORD", "REDISCLI_AUTH", "MYSQL_PWD")
"""Environment variables that hold passwords; processes that need no storage are started without them."""

_SHOWN: Final = frozenset(
    {
        "application_name",
        "charset",
        "connect_timeout",
        "db",
        "dbname",
        "host",
        "hostaddr",
        "mode",
        "passfile",
        "port",
        "sslcert",
        "sslcrl",
        "sslkey",
        "sslmode",
        "sslrootcert",
        "target_session_attrs",
        "user",
    }
)
"""Settings behind the question mark whose values are no secret."""
_LONG: Final = 6
"""Characters from which a password is masked inside of other words too."""
_SHORT: Final = 3
"""Characters below which a part of a password is no secret."""
_SPLIT: Final = re.compile(r"[@:/#?&,\[\]]")
_SECRETS: set[str] = set()
_LOGS_MASKED: list[bool] = []


def hidden(url: str) -> str:
    """The address without its password, whatever its form; where that is not sure, its scheme alone.

    >>> hidden("postgresql://me:s3cret@db:5432/dse?sslmode=require&sslpassword=x")
    'postgresql://me:***@db:5432/dse?sslmode=require&sslpassword=***'
    >>> hidden("redis://:p/a?s#s@db")
    'redis://***'
    """
    scheme, rest = _parts(url)
    if rest is None:
        return url if not any(c in url for c in "@=?#") else MASK
    if _is_file(scheme):
        return url
    if "@" not in rest:
        return f"{scheme}{_without_values(rest)}"
    login, _, place = rest.rpartition("@")
    # the last @ may belong to a password in the part behind a question mark, and ends no login then
    if any(c in login for c in "?#"):
        return f"{scheme}{MASK}"
    name, colon, _ = login.partition(":")
    # Redis takes a login without a colon for a name, people write the password there
    shown = f"{name}:{MASK}" if colon else MASK if scheme.startswith("redis") else name
    return f"{scheme}{shown}@{_without_values(place)}"


def _parts(url: str) -> tuple[str, str | None]:
    """Scheme with its colon and slashes, and the rest; None as the rest where there is no scheme."""
    if "://" in url:
        scheme, mark, rest = url.partition("://")
        return scheme + mark, rest
    scheme, mark, rest = url.partition(":")
    # without slashes only files are known; anything else may be a login
    if not mark or ("@" in url and not _is_file(f"{scheme}:")):
        return "", None
    return scheme + mark, rest


def _is_file(scheme: str) -> bool:
    """Whether an address names a file, which has no password but may have any name."""
    return scheme in ("journal:", "sqlite://", "sqlite:", "memory:")


def _without_values(place: str) -> str:
    """Hosts, path and settings, of these only the values that are no secret."""
    place, _, settings = place.partition("#")[0].partition("?")
    if not settings:
        return place
    pairs = (setting.partition("=") for setting in settings.split("&"))
    shown = (f"{k}={v if k.lower() in _SHOWN else MASK}" if mark else MASK for k, mark, v in pairs)
    return f"{place}?{'&'.join(shown)}"


def secrets_in(url: str) -> Iterator[str]:
    """Every text of an address that may be a password or a part of one, as written and as meant.

    A driver that takes an address apart in another way, as at a slash inside a password, names the pieces.
    """
    scheme, rest = _parts(url)
    if rest is None:
        rest = url
    elif _is_file(scheme):
        return
    login, at, place = rest.rpartition("@")
    found = [login.partition(":")[2] or (login if scheme.startswith("redis") else "")] if at else []
    # the part behind a question mark begins before the last @ where a value there has one
    whole = not at or any(c in login for c in "?#")
    settings = (rest if whole else place).partition("?")[2] or (url if "://" not in url else "")
    # by spaces too, as in the form KEY=VALUE KEY=VALUE, which only some drivers take
    for key, _, value in (s.partition("=") for s in re.split(r"[&\s]", settings)):
        found += [] if key.lower() in _SHOWN else [value]
    for text in found:
        whole_ones = {text, unquote(text)} - {""}
        # names of settings are no secrets
        pieces = (piece.rpartition("=")[2] for one in whole_ones for piece in _SPLIT.split(one))
        # with a piece such as `a` masked no message could be read
        yield from whole_ones | {t for piece in pieces for t in (piece, unquote(piece)) if len(t) >= _SHORT}


def remember(url: str) -> None:
    """Let `masked` hide what this address holds, in this process, and all that is logged from now on."""
    fresh = set(secrets_in(url)) - _SECRETS
    if fresh and not _LOGS_MASKED:
        _mask_logs()
    _SECRETS.update(fresh)


def forget() -> None:
    """Forget all passwords, as before the first address."""
    _SECRETS.clear()


def masked(text: str) -> str:
    """The text without the passwords that this process knows."""
    for secret in sorted(_SECRETS, key=len, reverse=True):
        if len(secret) >= _LONG:
            text = text.replace(secret, MASK)
        elif secret in text:
            # as a word only: a password of one letter would leave nothing readable
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", MASK, text)
    return text


def _mask_logs() -> None:
    """Make every record that is logged from now on without passwords."""
    make = logging.getLogRecordFactory()

    def without(*args: object, **named: object) -> logging.LogRecord:
        record = make(*args, **named)
        record.msg, record.args = masked(record.getMessage()), None
        return record

    logging.setLogRecordFactory(without)
    _LOGS_MASKED.append(True)


def without_passwords(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment for a process that opens no storage."""
    return {name: value for name, value in environment.items() if name not in OURS}
