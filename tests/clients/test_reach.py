"""What `tickwire doctor` says of a port and its certificate, with a server that has one."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tickwire_client.cli._reach import Doubt, Ill, encryption, resolve

x509 = pytest.importorskip("cryptography.x509")
hashes = pytest.importorskip("cryptography.hazmat.primitives.hashes")
serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
elliptic = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ec")

Made = Callable[..., Path]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    """Makes a certificate of its own signing, with its key, for 127.0.0.1."""

    def make(*, days: float) -> Path:
        key = elliptic.generate_private_key(elliptic.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tickwire")])
        host = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=30))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.SubjectAlternativeName([host]), critical=False)
            .sign(key, hashes.SHA256())
        )
        text = certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = tmp_path / "certificate.pem"
        path.write_bytes(text)
        return path

    return make


@contextmanager
def serving(certificate: Path) -> Iterator[str]:
    """A port of this machine that shakes hands with whoever comes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                context.wrap_socket(server.accept()[0], server_side=True).close()
            except ssl.SSLError:
                continue  # whoever came didn't like the certificate
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.getsockname()[1]}"
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


@pytest.fixture(autouse=True)
def without_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def test_a_trusted_certificate_says_until_when(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the site and of the broker alike."""
    certificate = made(days=90)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    until = (datetime.now(UTC) + timedelta(days=90)).date()
    with serving(certificate) as place:
        for scheme in ("https", "wss"):
            assert encryption(f"{scheme}://{place}", 5) == f"{place} by TLSv1.3, certificate until {until}"


def test_one_that_ends_soon_is_doubtful(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two weeks before, somebody should see to it."""
    certificate = made(days=5.5)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving(certificate) as place, pytest.raises(Doubt, match=r"days from now; see to its renewal"):
        encryption(f"https://{place}", 5)


@pytest.mark.parametrize(("days", "why"), [(90, "self.signed certificate"), (-1, "certificate has expired")])
def test_one_that_can_not_be_trusted_is_named(
    made: Made, monkeypatch: pytest.MonkeyPatch, days: float, why: str
) -> None:
    """Nobody's, or one that is over: with the reason."""
    certificate = made(days=days)
    if days < 0:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with serving(certificate) as place, pytest.raises(Ill, match=rf"{place} .*can't be trusted: {why}"):
        encryption(f"https://{place}", 5)


def test_a_proxy_answers_for_what_lies_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is one, this machine can't reach the port, and needn't. Its password stays out of sight."""
    monkeypatch.setenv("https_proxy", "http://me:secret@proxy:3128")
    assert encryption("https://prices.example", 5) == "left to the proxy proxy"


def test_a_name_without_an_address_is_named() -> None:
    """A typing mistake, or this machine's DNS."""
    with pytest.raises(Ill, match=r"prices\.invalid has no address"):
        resolve("https://prices.invalid/")
    assert resolve("http://127.0.0.1:8080") == "127.0.0.1 is 127.0.0.1"
