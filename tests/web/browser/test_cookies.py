"""`__Host-` cookies in a real Chromium: over this machine's HTTP, and over TLS with a certificate of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import Browser

from gateway.config.load import load
from gateway.credentials import SiteKey
from gateway.people import PeopleTable
from tests.conftest import free_port
from tests.web.browser.serving import Serving, serving
from tests.web.office import write_office


def certificate(folder: Path) -> None:
    """web.pem and web.key of 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hadir test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "web.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "web.key").touch(0o600)
    (folder / "web.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@pytest.fixture(scope="module", params=["http", "https"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp(str(request.param))
    file = write_office(folder, port=1, web_port=free_port())
    if request.param == "https":
        certificate(folder)
        file.write_text(file.read_text().replace("web: {", "web: {tls: {certificate: web.pem, key: web.key}, "))
    with serving(file) as made:
        assert made.url.startswith(f"{request.param}://127.0.0.1:")
        yield made


def person(running: Serving) -> str:
    office = load(running.file)
    with PeopleTable(office.path(office.people.table), SiteKey.load(office.path(office.people.site_key))) as table:
        return table.enrol(unit="panrb", name="Uji Coba")


def test_a_browser_keeps_the_session_and_no_script_sees_it(chromium: Browser, running: Serving) -> None:
    context = chromium.new_context(ignore_https_errors=True)
    page = context.new_page()
    page.goto(f"{running.url}/akun")
    assert page.url == f"{running.url}/masuk?lanjut=/akun"
    page.fill("#kode", running.code(pid=person(running)))
    page.click("main button[type=submit]")
    page.wait_for_url(f"{running.url}/akun")
    (cookie,) = (one for one in context.cookies() if one["name"] == "__Host-hadir")
    assert (cookie["secure"], cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, True, "Lax", "/")
    assert cookie["domain"] == "127.0.0.1"  # no Domain attribute: this host alone
    assert "hadir" not in str(page.evaluate("document.cookie"))
    page.reload()
    assert page.locator("h1").inner_text() == "Akun saya"
    planted = "document.cookie = '__Host-hadir=planted; path=/'; document.cookie"
    assert "planted" not in str(page.evaluate(planted))
    page.click("text=Keluar dari semua peranti")
    page.wait_for_url("**/masuk?keluar=*")
    assert [one for one in context.cookies() if one["name"] == "__Host-hadir"] == []
    page.goto(f"{running.url}/akun")
    assert "/masuk" in page.url
    context.close()


def test_tls_is_of_today_and_says_to_stay(running: Serving) -> None:
    if not running.url.startswith("https"):
        with httpx.Client(base_url=running.url) as client:
            assert "strict-transport-security" not in client.get("/masuk").headers
        return
    import ssl

    trusted = ssl.create_default_context(cafile=str(running.file.parent / "web.pem"))
    with httpx.Client(base_url=running.url, verify=trusted) as client:
        assert client.get("/masuk").headers["strict-transport-security"] == "max-age=31536000"
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(cafile=str(running.file.parent / "web.pem"))
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with httpx.Client(base_url=running.url, verify=old) as client, pytest.raises(httpx.ConnectError):
        client.get("/masuk")
