"""One file from mirrors that misbehave in every way: the right bytes appear, or nothing does."""

import email.utils
import gzip
import hashlib
import shutil
import ssl
import subprocess
import time

import pytest

from zoo.errors import ReleaseError
from zoo.store import download, mirrors, remote

CONTENT = bytes(range(256)) * 400
DIGEST = hashlib.sha256(CONTENT).hexdigest()
PATH = "jam_cyl/1/file.bin"


@pytest.fixture
def target(tmp_path):
    return tmp_path / "store" / "file.bin"


@pytest.fixture
def server(tmp_path, serve, fast, target):  # noqa: ARG001 (short waits)
    folder = tmp_path / "mirror"
    (folder / PATH).parent.mkdir(parents=True)
    (folder / PATH).write_bytes(CONTENT)
    target.parent.mkdir()
    return serve(folder)


def get(target, *sources):
    download.to_file(list(sources), PATH, target, DIGEST, len(CONTENT))


def send(content, status=200, length=None, **headers):
    """An answer, with a Content-Length that may lie; the connection closes after it."""

    def rule(handler, _):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        if length is not None:
            handler.send_header("Content-Length", str(length))
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(content)
        handler.close_connection = True

    return rule


def drip(handler, _):
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(CONTENT)))
    handler.end_headers()
    for byte in CONTENT[:40]:
        handler.wfile.write(bytes([byte]))
        handler.wfile.flush()
        time.sleep(0.02)


def raw(text):
    def rule(handler, _):
        handler.wfile.write(text)
        handler.close_connection = True

    return rule


HTML = b"<html><body>Please log in</body></html>"
ALTERED = CONTENT[:-1] + b"!"
MESSAGES = {
    "truncated": (send(CONTENT[:-9], length=len(CONTENT)), "IncompleteRead|sent .* of"),
    "truncated, no length": (send(CONTENT[:-9]), rf"sent {len(CONTENT) - 9} of {len(CONTENT)}"),
    "extra bytes": (send(CONTENT + b"x"), f"sends more than the {len(CONTENT)} bytes"),
    "extra, announced": (send(CONTENT + b"x", length=len(CONTENT) + 1), "announces 102401 bytes"),
    "wrong hash": (send(ALTERED, length=len(CONTENT)), f"has sha256 .*, expected {DIGEST}"),
    "length too small": (send(CONTENT, length=10), "announces 10 bytes"),
    "length too large": (send(CONTENT, length=10**12), "announces 1000000000000 bytes"),
    "html with 200": (send(HTML, length=39, Content_Type="text/html"), "39 bytes of text/html"),
    "html, no length": (send(HTML, Content_Type="text/html"), "sent 39 of"),
    "endless": (send(CONTENT * 3), "sends more than"),
    "compressed": (send(gzip.compress(CONTENT), Content_Encoding="gzip"), "sends compressed data"),
    "403": (send(b"", 403, 0), "answers 403 Forbidden"),
    "404": (send(b"", 404, 0), "answers 404 Not Found"),
    "429 for an hour": (send(b"", 429, 0, Retry_After="3600"), "429 and asks to wait 3600 s"),
    "500": (send(b"", 500, 0), "answers 500"),
    "503": (send(b"", 503, 0), "answers 503"),
    "206": (send(CONTENT[:10], 206, 10), "answers 206"),
    "no http": (raw(b"SSH-2.0-OpenSSH_9.6\r\n"), "BadStatusLine|Connection aborted|SSH"),
    "nothing": (raw(b""), "Connection aborted|RemoteDisconnected"),
    "drip": (drip, "sent .* bytes in 0 s"),
    "redirect to a file": (send(b"", 302, 0, Location="file:///etc/passwd"), "is not followed"),
    "redirect to plain http": (send(b"", 302, 0, Location="http://example.org/x"), "not allowed"),
    "redirect to nonsense": (send(b"", 302, 0, Location="http://[::1"), "no URL|Invalid"),
    "redirect in a circle": (send(b"", 302, 0, Location=f"/{PATH}"), "redirects more than 5 times"),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_a_bad_mirror_alone(name, server, target):
    rule, message = MESSAGES[name]
    server.rules[f"/{PATH}"] = rule
    with pytest.raises(ReleaseError, match=message) as error:
        get(target, server.url)
    assert f"{PATH} could not be fetched: {server.url}/{PATH} " in str(error.value)
    assert "\n" not in str(error.value)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("name", MESSAGES)
def test_a_bad_mirror_before_a_good_one(name, server, target, serve, tmp_path):
    bad = serve(tmp_path)
    bad.rules[f"/{PATH}"] = MESSAGES[name][0]
    get(target, bad.url, server.url)
    assert target.read_bytes() == CONTENT
    assert list(target.parent.iterdir()) == [target]
    assert len(server.seen) == 1
    assert bad.seen


def test_a_server_that_stalls(server, target, stall):
    server.rules[f"/{PATH}"] = stall
    start = time.monotonic()
    with pytest.raises(ReleaseError, match=r"timed out|timeout"):
        get(target, server.url)
    assert len(server.seen) == download.ROUNDS
    assert time.monotonic() - start < 10
    assert list(target.parent.iterdir()) == []


def test_nobody_listens(server, target):
    with pytest.raises(ReleaseError, match="Connection refused"):
        get(target, "http://127.0.0.1:1")
    get(target, "http://127.0.0.1:1", server.url)


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_retry_after_is_respected(form, server, target):
    """One mirror only, which wants to be left alone for a second."""
    at = email.utils.formatdate(time.time() + 2, usegmt=True)
    first = send(b"", 429, 0, Retry_After="1" if form == "seconds" else at)

    def rule(handler, content):
        server.rules.pop(f"/{PATH}")
        first(handler, content)

    server.rules[f"/{PATH}"] = rule
    start = time.monotonic()
    get(target, server.url)
    assert time.monotonic() - start > 0.9
    assert len(server.seen) == 2
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("text", ["soon", "-3", "", "Fri, 99 Zzz 99999 25:61:61", "\u0663"])
def test_retry_after_that_says_nothing(text):
    assert 0 <= remote._seconds(text) <= 3


def test_another_mirror_is_asked_before_waiting(server, target, serve, tmp_path):
    busy = serve(tmp_path)
    busy.rules[f"/{PATH}"] = send(b"", 429, 0, Retry_After="50")
    start = time.monotonic()
    get(target, busy.url, server.url)
    assert time.monotonic() - start < 5


def test_errors_that_pass_are_tried_again(server, target):
    answers = [send(b"", 503, 0), send(CONTENT[:5], length=len(CONTENT))]

    def rule(handler, content):
        if len(answers) == 1:
            server.rules.pop(f"/{PATH}")
        answers.pop(0)(handler, content)

    server.rules[f"/{PATH}"] = rule
    get(target, server.url)
    assert target.read_bytes() == CONTENT
    assert len(server.seen) == 3


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_to_another_host(status, server, target, serve, tmp_path, answer):
    """As GitHub and Hugging Face do it; the hash decides, not the host."""
    other = serve(tmp_path)
    where = f"http://localhost:{server.port}/{PATH}"
    other.rules[f"/{PATH}"] = lambda handler, _: answer(handler, b"", status, Location=where)
    get(target, other.url)
    assert target.read_bytes() == CONTENT


def test_chunked_answers(server, target):
    def rule(handler, content):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for start in range(0, len(content), 5000):
            part = content[start : start + 5000]
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        handler.wfile.write(b"0\r\n\r\n")

    server.rules[f"/{PATH}"] = rule
    get(target, server.url)
    assert target.read_bytes() == CONTENT


def test_what_a_server_is_told(server, target):
    get(target, server.url)
    ((_, headers),) = server.seen
    assert headers["User-Agent"] == remote.AGENT
    assert remote.AGENT.startswith("zoo-astro/")
    assert headers["Accept-Encoding"] == "identity"
    assert "Cookie" not in headers
    assert "Range" not in headers


def test_proxies_of_the_environment(server, target, serve, tmp_path, answer, monkeypatch):
    proxy = serve(tmp_path)
    whole = f"{server.url}/{PATH}"
    proxy.rules[whole] = lambda handler, _: answer(handler, CONTENT)
    monkeypatch.setenv("http_proxy", proxy.url)
    get(target, server.url)
    assert proxy.hits() == [whole]
    assert server.seen == []
    target.unlink()
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    get(target, server.url)
    assert len(proxy.seen) == 1
    assert len(server.seen) == 1


# --- https


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that nobody trusts by itself."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
               "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=127.0.0.1",
               "-addext", "subjectAltName=IP:127.0.0.1"]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context


def test_https(server, target, certificate, monkeypatch):
    cert, context = certificate
    server.secure(context)
    with pytest.raises(ReleaseError, match="certificate verify failed"):
        get(target, server.url)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(cert))
    get(target, server.url)
    assert target.read_bytes() == CONTENT


def test_https_does_not_become_http(server, target, serve, tmp_path, certificate, answer,
                                    monkeypatch):  # fmt: skip
    """Not even on this machine, where plain http would be allowed."""
    cert, context = certificate
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(cert))
    secure = serve(tmp_path)
    secure.secure(context)
    secure.rules[f"/{PATH}"] = lambda handler, _: answer(
        handler, b"", 302, Location=f"{server.url}/{PATH}"
    )
    with pytest.raises(ReleaseError, match=r"redirect from https to 'http://127.0.0.1"):
        get(target, secure.url)
    assert server.seen == []
    get(target, secure.url, server.url)


# --- addresses


@pytest.mark.parametrize(
    ("mirror", "address"),
    [
        ("https://h/zoo", "https://h/zoo/a/1/b%20c"),
        ("https://h/zoo/", "https://h/zoo/a/1/b%20c"),
        ("https://h/r/{path}?download=1", "https://h/r/a/1/b%20c?download=1"),
        ("https://z.org/1/files/{flat}", "https://z.org/1/files/a__1__b%20c"),
        ("http://localhost:80", "http://localhost:80/a/1/b%20c"),
        ("http://[::1]:80", "http://[::1]:80/a/1/b%20c"),
        ("file:///mnt/zoo", "file:///mnt/zoo/a/1/b%20c"),
    ],
)  # fmt: skip
def test_addresses(mirror, address):
    assert mirrors.url(mirror, "a/1/b c") == address


@pytest.mark.parametrize(
    "mirror",
    ["http://example.org", "ftp://h/x", "//h/x", "/mnt/zoo", "", "https://", "javascript:1",
     "http://127.0.0.1.example.org", "http://localhost.example.org", "file://host/x",
     "http://0x7f.1/", "https://[::1"],
)  # fmt: skip
def test_addresses_that_anyone_could_answer_for(mirror):
    with pytest.raises(ReleaseError, match=r"mirror .* is (not allowed|no URL)"):
        mirrors.url(mirror, "x")


def test_a_folder_as_mirror(server, target, tmp_path):
    get(target, (tmp_path / "mirror").as_uri())
    assert target.read_bytes() == CONTENT
    (tmp_path / "mirror" / PATH).write_bytes(CONTENT[:-1])
    with pytest.raises(ReleaseError, match=f"sent {len(CONTENT) - 1} of"):
        get(target, (tmp_path / "mirror").as_uri())
    with pytest.raises(ReleaseError, match="No such file"):
        get(target, (tmp_path / "other").as_uri())
    assert server.seen == []
