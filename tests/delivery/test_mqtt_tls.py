"""The link over TLS, with certificates on both sides."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.config.sources import Tls
from gateway.mqtt import Note
from tests.delivery.links import READS_OURS, MakeBroker, Reader, linked, make_link
from tests.delivery.world import running, until


def certificate(folder: Path, name: str, issuer: tuple[Any, Any] | None = None) -> tuple[Any, Any]:
    """A key and a certificate as PEM files; signed by itself where there is no issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer, authority = issuer or (key, None)
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if authority is None else authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    (folder / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return key, made


def tls(**files: str) -> Tls:
    return Tls(**{what: Path(file) for what, file in files.items()})


OWN = {"certificate": "gw-1.pem", "key": "gw-1.key"}


@pytest.fixture
def port(make_mosquitto: MakeBroker, tmp_path: Path) -> int:
    """Of a broker that wants to know everybody."""
    ca = certificate(tmp_path, "ca")
    for name in ("broker", "gw-1"):
        certificate(tmp_path, name, ca)
    certificate(tmp_path, "stranger")
    files = f"cafile {tmp_path}/ca.pem\ncertfile {tmp_path}/broker.pem\nkeyfile {tmp_path}/broker.key\n"
    return make_mosquitto(extra=f"{READS_OURS}{files}require_certificate true\nuse_identity_as_username true\n").port


async def test_what_is_larger_than_a_record_arrives_whole(port: int, tmp_path: Path) -> None:
    link = make_link(port, tls=tls(ca="ca.pem", **OWN), base=tmp_path, farewell=Note("s", b"bye"))
    reader = Reader(link, "t")
    payloads = [bytes([n]) * 40_000 for n in range(100)]
    async with linked(link):
        # what is decrypted and not yet read makes no socket readable
        await asyncio.gather(*(link.deliver("t", payload) for payload in payloads))
        await until(lambda: len(reader.messages) == 100)
    assert reader.payloads() == payloads


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"ca": "stranger.pem", **OWN}, "not trusted"),
        ({"ca": "absent.pem", **OWN}, "absent.pem No such file"),
        ({"ca": "ca.pem", "certificate": "absent.pem", "key": "gw-1.key"}, "absent.pem No such file"),
        ({"ca": "ca.pem"}, "certificate required"),
    ],
    ids=["another authority", "no authority", "no certificate", "anonymous"],
)
async def test_what_does_not_fit_is_a_reason(port: int, tmp_path: Path, files: dict[str, str], said: str) -> None:
    link = make_link(port, tls=tls(**files), base=tmp_path)
    async with running(link):
        await until(lambda: said in link.state.reason)
        assert link.state.connects == 0
