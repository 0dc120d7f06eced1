"""Slips with a sign-in code, and the question before a known person is given one, or a card: is it this one?

What was found and why goes to the browser and back sealed: nobody is given anything but whom the operator was shown.
"""

from __future__ import annotations

import io

import segno
from fastapi import Request
from fastapi.responses import Response
from markupsafe import Markup

from gateway.clock import SECOND
from gateway.errors import HadirError
from gateway.people import Person
from gateway.web.accounts import CODE_S, Accounts
from gateway.web.privacy_words import CONSENT
from gateway.web.site import Site
from gateway.web.viewer import EVERYWHERE, Role, Viewer

ASKED_S = 300
"""How long the question waits for its answer."""
REASON = "reason"


def ask(
    request: Request, site: Site, viewer: Viewer, person: Person, purpose: str, *, action: str, values: dict[str, str]
) -> Response:
    """The page that asks. `action`: where the answer goes; `values`: what it is to know, with the REASON."""
    kept = {**values, "account": viewer.account, "pid": person.pid}
    return site.pages.page(
        request,
        "operator/benar.html",
        viewer,
        person=person,
        reason=values[REASON],
        action=action,
        purpose=purpose,
        with_code=purpose == "kode" or bool(values.get("code")),
        kept=site.sealer.seal(f"slip-{purpose}", kept, ASKED_S),
    )


def answered(site: Site, viewer: Viewer, purpose: str, kept: str) -> dict[str, str]:
    """`values` and the pid to which the operator said yes: `lookups.look_up` is next; empty: another's, or too late."""
    values = dict(site.sealer.open(f"slip-{purpose}", kept) or {})
    return values if values.get("account") == viewer.account else {}


def code_of(site: Site, viewer: Viewer, person: Person) -> str:
    """A code that signs them in; empty: the operator may not print it. Of who was known before, look_up comes first."""
    if person.pid == viewer.pid:
        return ""  # a session that is found open would never end
    try:
        return code_by(site.accounts, viewer, site.accounts.of_person(person.pid, person.unit))
    except HadirError:  # an account that may more than this operator, or that is disabled
        return ""


def code_by(accounts: Accounts, viewer: Viewer, account: str) -> str:
    """A code that an operator prints: of accounts that may no more than they may themselves.

    Raises HadirError: with the code of an account that may more, its printer could sign in as that; or it is disabled.
    """
    known = accounts.account(account)
    if known is not None and known.roles - {Role.EMPLOYEE}:
        within = EVERYWHERE in viewer.units or known.units <= viewer.units
        if not within or not known.roles - {Role.EMPLOYEE} <= viewer.roles:
            raise HadirError(f"{account} may more than whoever prints its code: `hadir accounts` prints it")
    return accounts.new_code(account)


def slip(
    request: Request, site: Site, viewer: Viewer, person: Person, *, code: str | None, card: bool = True
) -> Response:
    """The page to print. `code`: None: none was asked for; empty: none may be printed. `card`: one was given."""
    language = site.pages.language(request, viewer)
    return site.pages.page(
        request,
        "operator/slip.html",
        viewer,
        person=person,
        code=code,
        card=card,
        until=site.wall.office() + CODE_S * SECOND,
        url=f"{site.office.web.address}/masuk",
        qr=_qr(f"{site.office.web.address}/masuk"),
        kept_days=site.office.archive.retain_people_days,
        **CONSENT,
        word=lambda table, key: language.word(table, key),
    )


def _qr(text: str) -> Markup:
    """A drawing without styles: the policy of the site allows none."""
    out = io.BytesIO()
    segno.make(text, error="m").save(
        out, kind="svg", xmldecl=False, svgns=True, svgclass="qr", lineclass=None, omitsize=True, border=2
    )
    return Markup(out.getvalue().decode())  # noqa: S704 made of squares only
