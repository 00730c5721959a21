"""One file from one address, as a stream of checked length."""

from __future__ import annotations

import email.utils
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from zoo.errors import ReleaseError
from zoo.store import mirrors, places
from zoo.version import __version__

CHUNK = 2**18
REDIRECTS = 5
SLOWEST = 1024  # bytes per second over more than the timeout: below it a mirror counts as dead
LONGEST_WAIT = 60.0  # seconds of Retry-After that we wait; beyond it another mirror is better
AGENT = f"zoo-astro/{__version__} (Python {platform.python_version()}; model zoo for astronomy)"


class FailureError(Exception):
    """Why an address did not give the file.

    Attributes
    ----------
    again : bool
        Whether it may work later.
    wait : float
        Seconds that the server asked us to wait.
    """

    def __init__(self, reason: str, again: bool = False, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.again, self.wait = again, wait


def stream(session: Any, address: str, limit: int, size: int | None = None) -> Iterator[bytes]:
    """Chunks of a file.

    Parameters
    ----------
    session : requests.Session
        See `session`; not used for local files.
    address : str
        https, file, or http on the loopback.
    limit : int
        Bytes after which reading stops with an error.
    size : int, optional
        Exact length.

    Raises
    ------
    FailureError
        If the answer is no, late, compressed, or of another length.
    """
    if urlsplit(address).scheme == "file":
        chunks = _local(Path(url2pathname(urlsplit(address).path)))
    else:
        chunks = _http(session, address, size)
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > (limit if size is None else size):
            raise FailureError(f"sends more than the {limit if size is None else size} bytes")
        yield chunk
    if size is not None and total < size:
        raise FailureError(f"sent {total} of {size} bytes", again=True)


def session() -> Any:
    """A requests session: proxies of the environment, our User-Agent, nothing compressed."""
    import requests

    made = requests.Session()
    made.headers.update({"User-Agent": AGENT, "Accept-Encoding": "identity"})
    return made


def _local(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except OSError as error:
        raise FailureError(str(error)) from error


def _http(session: Any, address: str, size: int | None) -> Iterator[bytes]:
    from requests import RequestException
    from urllib3.exceptions import HTTPError

    try:
        with _open(session, address) as answer:
            _check_headers(answer, size)
            start, total = time.monotonic(), 0
            # read1 returns what has arrived, so that a dripping server is noticed
            while chunk := answer.raw.read1(CHUNK, decode_content=False):
                total += len(chunk)
                elapsed = time.monotonic() - start
                if elapsed > places.timeout() and total < SLOWEST * elapsed:
                    raise FailureError(f"sent {total} bytes in {elapsed:.0f} s")
                yield chunk
    except (RequestException, HTTPError, OSError, ValueError) as error:
        reason = str(error).replace("\n", " ") or type(error).__name__
        raise FailureError(reason, again=True) from error


def _open(session: Any, address: str) -> Any:
    for _ in range(REDIRECTS + 1):
        answer = session.get(
            address, stream=True, allow_redirects=False, timeout=(min(10, places.timeout()),
                                                                  places.timeout())
        )  # fmt: skip
        if not answer.is_redirect:
            return answer
        answer.close()
        try:
            address = mirrors.redirected(address, answer.headers["Location"])
        except ReleaseError as error:
            raise FailureError(str(error)) from error
    raise FailureError(f"redirects more than {REDIRECTS} times")


def _check_headers(answer: Any, size: int | None) -> None:
    status = answer.status_code
    if status != 200:
        again = status == 429 or status >= 500
        wait = _seconds(answer.headers.get("Retry-After", ""))
        if wait > LONGEST_WAIT:
            raise FailureError(f"answers {status} and asks to wait {wait:.0f} s")
        raise FailureError(f"answers {status} {answer.reason}", again, wait)
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise FailureError("sends compressed data, which nobody asked for")
    length = answer.headers.get("Content-Length", "")
    if size is not None and length.isdecimal() and int(length) != size:
        kind = answer.headers.get("Content-Type", "unknown type")
        raise FailureError(f"announces {length} bytes of {kind}, expected {size}")


def _seconds(text: str) -> float:
    """Retry-After, which is a number of seconds or a date."""
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):  # nonsense is no wish
        return 0.0
