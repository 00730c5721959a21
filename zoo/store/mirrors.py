"""URLs of mirrors: which are allowed, and where a file lies on one."""

from __future__ import annotations

import ipaddress
from urllib.parse import quote, urljoin, urlsplit

from zoo.errors import ReleaseError

INDEX = "index.json"  # on every mirror: path of each release -> hash and size of its manifest
FLAT = "__"  # in place of "/" where a host knows no folders (Zenodo, GitHub releases)


def flat(path: str) -> str:
    """Name of a file on a mirror without folders."""
    return path.replace("/", FLAT)


def url(mirror: str, path: str) -> str:
    """Address of a file, by its path on a mirror.

    A mirror is a base URL, or a template with `{path}` or `{flat}`, such as
    `https://zenodo.org/records/1234/files/{flat}?download=1`.

    Raises
    ------
    ReleaseError
        If the mirror is neither https, nor a local folder, nor http on this machine.
    """
    allowed(mirror)
    if "{flat}" in mirror:
        return mirror.replace("{flat}", quote(flat(path)))
    if "{path}" in mirror:
        return mirror.replace("{path}", quote(path))
    return f"{mirror.rstrip('/')}/{quote(path)}"


def allowed(address: str) -> None:
    """Refuse addresses that anyone between us and the mirror could answer for."""
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
    except ValueError as error:
        raise ReleaseError(f"mirror {address!r} is no URL: {error}") from error
    good = (
        (parts.scheme == "https" and host)
        or (parts.scheme == "file" and host in ("", "localhost"))
        or (parts.scheme == "http" and loopback(host))
    )
    if not good:
        raise ReleaseError(
            f"mirror {address!r} is not allowed: give an https:// or file:// URL (http:// only for "
            "this machine)"
        )


def redirected(address: str, location: str) -> str:
    """The address that a redirect leads to.

    Raises
    ------
    ReleaseError
        If it leaves https, or leads to a file of this machine.
    """
    target = urljoin(address, location)
    before, after = urlsplit(address).scheme, urlsplit(target).scheme
    if after == "file" or (before == "https" and after != "https"):
        raise ReleaseError(f"redirect from {before} to {target!r} is not followed")
    allowed(target)
    return target


def loopback(host: str) -> bool:
    """Whether a host name means this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
