"""What is wrong with how the web application is to be reached and who signs people in: found in the file alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from gateway.config.document import Where, short
from gateway.config.sources import Broker
from gateway.config.web import Issuer, Web

HERE: Where = ("web",)
LOOPBACK = ("127.0.0.1", "localhost", "::1")
CLAIM = re.compile(r"[A-Za-z0-9_:./-]{1,128}")
RESERVED = ("kode",)
"""Names of sign-in pages, which an issuer cannot have."""
Mistake = tuple[Where, str]


def mistakes(web: Web) -> Iterator[Mistake]:
    """Every mistake: (where, what to do)."""
    yield from _reached(web)
    for i, proxy in enumerate(web.proxies):
        try:
            ip_address(proxy)
        except ValueError:
            yield (*HERE, "proxies", i), f'proxy "{short(proxy)}" is no IP address; names are not looked up here'
    if web.broker is not None:
        yield from _broker(web.broker)
    seen: set[str] = set()
    for i, issuer in enumerate(web.issuers):
        here: Where = (*HERE, "issuers", i)
        if issuer.id in seen:
            yield (*here, "id"), f'issuer "{issuer.id}" stands twice; ids are unique and never change'
        seen.add(issuer.id)
        yield from _issuer(here, issuer)


def _broker(broker: Broker) -> Iterator[Mistake]:
    here: Where = (*HERE, "broker")
    if broker.embedded:
        yield (*here, "embedded"), "the embedded broker is the site's: broker.embedded"
    if broker.tls is not None and (broker.tls.certificate is None) != (broker.tls.key is None):
        yield (*here, "tls"), "web.broker.tls: certificate and key go together; give both or none"
    if broker.password_file is not None and broker.username is None:
        yield (*here, "password_file"), "web.broker.password_file without web.broker.username"


def _reached(web: Web) -> Iterator[Mistake]:
    url = None
    if web.url is not None:
        url = urlsplit(web.url)
        if url.username or url.query or url.fragment or url.path.strip("/"):
            text = "web.url is scheme, host and port alone: https://hadir.kantor.example"
            yield (*HERE, "url"), text
    if web.host not in LOOPBACK and not web.encrypted:
        text = f'host "{short(web.host)}" can be reached by others, and without TLS their cookies and codes can be read'
        yield (*HERE, "host"), f"{text}; give web.tls, or a proxy with TLS and its address as web.url: https://..."
    elif url is not None and url.scheme == "http" and url.hostname not in LOOPBACK:
        yield (*HERE, "url"), "people come over the network: web.url begins with https://"
    if not web.secure and (web.encrypted or web.host not in LOOPBACK):
        yield (*HERE, "secure"), "cookies without TLS are for a test on this machine alone; leave web.secure out"


def _issuer(here: Where, issuer: Issuer) -> Iterator[Mistake]:
    if issuer.id in RESERVED:
        yield (*here, "id"), f'an issuer cannot be called "{issuer.id}": a page of hadir is'
    url = urlsplit(issuer.url)
    if url.scheme != "https" and url.hostname not in LOOPBACK:
        yield (*here, "url"), f'issuer "{issuer.id}" is asked over the network: its url begins with https://'
    if url.query or url.fragment or url.username:
        yield (*here, "url"), f'the url of issuer "{issuer.id}" is its issuer, without ?, # or @'
    if "openid" not in issuer.scopes.split():
        yield (*here, "scopes"), f'the scopes of issuer "{issuer.id}" have "openid" among them'
    if issuer.unit is None and issuer.unit_claim is None:
        text = f'whose people does issuer "{issuer.id}" sign in? give unit, or unit_claim and units'
        yield here, text
    if issuer.unit is not None and issuer.unit_claim is not None:
        yield (*here, "unit_claim"), f'issuer "{issuer.id}" has a unit and a unit_claim; keep one'
    if (issuer.unit_claim is None) != (not issuer.units):
        name = "units" if issuer.units else "unit_claim"
        yield (*here, name), f'issuer "{issuer.id}": unit_claim and units go together; give both or none'
    for name in ("unit_claim", "person_claim"):
        claim = getattr(issuer, name)
        if claim is not None and not CLAIM.fullmatch(claim):
            yield (*here, name), f'"{short(claim)}" is no name of a claim'
