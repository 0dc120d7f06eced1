"""The web's part of office.yaml: what is refused, with the line and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.cli import main
from gateway.config.load import load
from gateway.config.web_files import secret
from gateway.errors import ConfigError
from tests.web.office import write_office

GOOD = 'id: panrb, name: PANRB, url: "https://sso.panrb.example", client_id: hadir, unit: panrb'


def office(folder: Path, web: str) -> Path:
    file = write_office(folder, port=1883, web_port=8080)
    file.write_text(file.read_text().replace("web: {port: 8080}\n", f"web: {web}\n"))
    return file


@pytest.mark.parametrize(
    "web",
    [
        "{host: 127.0.0.1}",
        "{session_hours: 8, idle_minutes: 60, code_days: 90}",
        "{host: localhost, secure: false}",
        '{host: "::1"}',
        '{host: 0.0.0.0, url: "https://hadir.kantor.example"}',
        '{host: 0.0.0.0, url: "https://hadir.kantor.example/"}',
        "{host: 0.0.0.0, tls: {certificate: keys/web.pem, key: keys/web.key}}",
        '{url: "https://hadir.kantor.example", proxies: [127.0.0.1, "::1"]}',
        f"{{issuers: [{{{GOOD}}}]}}",
        f"{{issuers: [{{{GOOD.replace('https://sso.panrb.example', 'http://127.0.0.1:9000/realms/x')}}}]}}",
        f"{{issuers: [{{{GOOD.replace('unit: panrb', 'unit_claim: org, units: {PANRB: panrb}')}}}]}}",
    ],
)
def test_a_web_that_is_reached_safely_is_good(tmp_path: Path, web: str) -> None:
    load(office(tmp_path, web))


@pytest.mark.parametrize(
    ("web", "words"),
    [
        ("{host: 0.0.0.0}", "give web.tls, or a proxy with TLS and its address as web.url"),
        ('{host: "::"}', "give web.tls, or a proxy with TLS and its address as web.url"),
        ('{host: 192.168.1.5, url: "http://hadir.kantor.example"}', "without TLS"),
        ('{url: "http://hadir.kantor.example"}', "web.url begins with https://"),
        ('{url: "https://a.example/hadir"}', "scheme, host and port alone"),
        ('{url: "https://user@a.example"}', "scheme, host and port alone"),
        ('{url: "https://a.example", secure: false}', "leave web.secure out"),
        ("{broker: {embedded: true}}", "the site's: broker.embedded"),
        ("{broker: {password_file: x}}", "without web.broker.username"),
        ("{broker: {tls: {ca: x, key: y}}}", "give both or none"),
        ("{code_days: 0}", "web.code_days must be at least 1"),
        ("{proxies: [proxy.kantor.example]}", "no IP address"),
        (f"{{issuers: [{{{GOOD.replace('https:', 'http:')}}}]}}", "begins with https://"),
        (f"{{issuers: [{{{GOOD.replace('.example', '.example/?x=1')}}}]}}", "without ?"),
        (f"{{issuers: [{{{GOOD}}}, {{{GOOD}}}]}}", "stands twice"),
        (f"{{issuers: [{{{GOOD}, scopes: profile}}]}}", '"openid" among them'),
        (f"{{issuers: [{{{GOOD.replace(', unit: panrb', '')}}}]}}", "whose people"),
        (f"{{issuers: [{{{GOOD}, unit_claim: org, units: {{A: panrb}}}}]}}", "keep one"),
        (f"{{issuers: [{{{GOOD.replace('unit: panrb', 'unit_claim: org')}}}]}}", "go together"),
        (f"{{issuers: [{{{GOOD}, units: {{A: panrb}}}}]}}", "go together"),
        (f'{{issuers: [{{{GOOD}, person_claim: "a b"}}]}}', "no name of a claim"),
        (f"{{issuers: [{{{GOOD.replace('id: panrb', 'id: kode')}}}]}}", "a page of hadir is"),
    ],
)
def test_what_is_not_is_refused_with_its_line(tmp_path: Path, web: str, words: str) -> None:
    file = office(tmp_path, web)
    line = 1 + file.read_text().splitlines().index(f"web: {web}")
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert words in str(caught.value)
    assert f"{file}:{line}: " in str(caught.value)


def test_secrets_are_there_and_nobody_elses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    issuers = f"issuers: [{{{GOOD}, client_secret_file: keys/oidc}}]"
    file = office(tmp_path, f"{{tls: {{certificate: keys/web.pem, key: keys/web.key}}, {issuers}}}")

    def found() -> str:
        main(["check", str(file)])
        return capsys.readouterr().err

    missing = found()
    for name in ("web.tls.certificate", "web.tls.key", "web.issuers.client_secret_file"):
        assert f"{name}: there is no file" in missing
    for name in ("web.pem", "web.key", "oidc"):
        (tmp_path / "keys" / name).write_text("secret\n")
        (tmp_path / "keys" / name).chmod(0o644)
    assert found().count("may be read by others; run: chmod 600") == 2
    with pytest.raises(ConfigError, match="chmod 600"):
        secret(tmp_path / "keys" / "oidc")
    for name in ("web.key", "oidc"):
        (tmp_path / "keys" / name).chmod(0o600)
    assert "web." not in found()
    assert secret(tmp_path / "keys" / "oidc") == "secret"
    (tmp_path / "keys" / "oidc").write_text("\n")
    with pytest.raises(ConfigError, match="empty"):
        secret(tmp_path / "keys" / "oidc")
