"""Whom a provider's claims stand for here.

A provider signs in people of its own units only: whatever it claims of a person of another unit is refused. A subject
that is linked stays with its account, also when its staff number changes: then it is refused, and the operator looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.config.web import Issuer
from gateway.people import PeopleTable
from gateway.web.accounts import Accounts
from gateway.web.rendering import N_

MOST_LETTERS = 64
"""Of a claim's value."""
REFUSALS: Mapping[str, str] = {
    "unit": N_("Instansi Anda mengenal Anda, tetapi unit pada akun itu tidak terdaftar di kantor ini."),
    "person": N_("Nomor pegawai pada akun itu tidak terdaftar di kantor ini."),
    "other_unit": N_("Akun itu milik unit lain daripada pegawai yang terdaftar di sini."),
    "changed": N_("Akun itu terhubung dengan pegawai lain. Hanya operator gedung yang dapat mengubahnya."),
    "disabled": N_("Akun Anda di sini dinonaktifkan."),
}
"""Cause -> what the person is told; none of it says who is registered."""


class NotHere(Exception):
    """Signed in at the provider, and nobody here; `cause` is one of REFUSALS."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """Who came."""

    subject: str
    unit: str
    account: str
    """Empty: a code must link this subject first."""


def arrive(issuer: Issuer, claims: Mapping[str, Any], accounts: Accounts, people: PeopleTable) -> Arrived:
    """The account that these claims, which were verified, stand for. Raises NotHere."""
    subject, unit = str(claims["sub"]), _unit(issuer, claims)
    linked = accounts.identities.account(issuer.id, subject)
    pid = _person(issuer, claims, unit, people)
    if pid and not linked:
        linked = accounts.of_person(pid, unit)
        if accounts.identities.subject(issuer.id, linked):
            raise NotHere("changed")
        if accounts.account(linked) is None:
            raise NotHere("disabled")
        accounts.identities.link(issuer.id, subject, linked)
    if not linked:
        return Arrived(subject=subject, unit=unit, account="")
    known = accounts.account(linked)
    if known is None:
        raise NotHere("disabled")
    if pid and known.pid != pid:
        raise NotHere("changed")
    may_link(known.pid, unit, people)
    return Arrived(subject=subject, unit=unit, account=linked)


def may_link(pid: str, unit: str, people: PeopleTable) -> None:
    """Whether a provider of `unit` may sign this person in; an account that is nobody's may be. Raises NotHere."""
    if pid and people.unit_of(pid) != unit:
        raise NotHere("other_unit")


def _unit(issuer: Issuer, claims: Mapping[str, Any]) -> str:
    if issuer.unit_claim is None:
        if issuer.unit is None:
            raise NotHere("unit")
        return issuer.unit
    unit = issuer.units.get(_text(claims.get(issuer.unit_claim)))
    if unit is None:
        raise NotHere("unit")
    return unit


def _person(issuer: Issuer, claims: Mapping[str, Any], unit: str, people: PeopleTable) -> str:
    """The pid of the staff number; empty: this provider tells none."""
    if issuer.person_claim is None:
        return ""
    number = _text(claims.get(issuer.person_claim))
    pid = people.by_staff_number(number, unit) if number else None
    if pid is None:
        raise NotHere("person")
    return pid


def _text(claim: object) -> str:
    """A claim's value as text; empty: it is none that could be in a table."""
    if isinstance(claim, bool) or not isinstance(claim, str | int):
        return ""
    text = str(claim).strip()
    return text if len(text) <= MOST_LETTERS else ""
