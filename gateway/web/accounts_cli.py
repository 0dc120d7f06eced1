"""`hadir accounts`: sign-in codes for people, tokens for backends, kiosks and displays."""

from __future__ import annotations

import argparse
import sys

from gateway.clock import SystemClock
from gateway.config.load import load
from gateway.config.model import Office
from gateway.config.places import Places
from gateway.credentials import SiteKey
from gateway.errors import HadirError
from gateway.people import PeopleTable
from gateway.web.accounts import CODE_S, Accounts
from gateway.web.viewer import Role


def accounts(arguments: argparse.Namespace) -> int:
    """Run one action; 0. Raises HadirError, which says what to do."""
    office = load(arguments.file)
    with PeopleTable(office.path(office.people.table), SiteKey.load(office.path(office.people.site_key))) as people:
        known = Accounts(office.path(office.web.data) / "web.sqlite", SystemClock(), people=people)
        try:
            known.forget_erased()
            sys.stdout.write(_done(arguments, office, known, people))
        finally:
            known.close()
    return 0


def _done(arguments: argparse.Namespace, office: Office, known: Accounts, people: PeopleTable) -> str:
    match arguments.action:
        case "list":
            return "".join(
                f"{account.id} {' '.join(sorted(account.roles))}"
                f"{' of ' + ','.join(sorted(account.units)) if account.units else ''}"
                f" {account.pid or account.place or '-'} {account.label}\n"
                for account in known.all()
            )
        case "disable":
            account = _known(arguments, known)
            known.disable(account)
            return f"{account} cannot sign in any more, and is signed out everywhere\n"
        case "enable":
            account = _known(arguments, known)
            known.enable(account)
            return f"{account} may sign in again; print a code for it\n"
        case "unlink":
            account = _known(arguments, known)
            return f"{account}: {known.identities.unlink(account)} of its links with a provider ended\n"
        case "revoke":
            account = _known(arguments, known)
            return f"{account}: {known.revoke(account)} of its tokens ended\n"
        case "code":
            code = known.new_code(_account(arguments, office, known, people))
            return f"{code}  signs in once within {CODE_S // 86_400} days at {office.web.address}/masuk\n"
        case _:
            account = _account(arguments, office, known, people)
            return f"{known.new_token(account, arguments.label)}\n"


def _known(arguments: argparse.Namespace, known: Accounts) -> str:
    """An account that there is, disabled or not."""
    account = str(arguments.account or known.holder(arguments.pid or ""))
    if not account:
        raise HadirError("which account? give --account, as `hadir accounts office.yaml list` says it, or --pid")
    if known.known(account) is None:
        raise HadirError(f"there is no account {account}")
    return account


def _account(arguments: argparse.Namespace, office: Office, known: Accounts, people: PeopleTable) -> str:
    """The account that is meant; it is made where there is none."""
    roles = [Role(role) for role in arguments.role]
    place = ""
    if arguments.place:
        found = Places(office).full(arguments.place)
        if found is None:
            raise HadirError(f'there is no place "{arguments.place}"; write building/floor/zone, as office.yaml does')
        place = found
    if arguments.account:
        account = str(arguments.account)
        if known.account(account) is None:
            raise HadirError(f"there is no account {account}")
    elif arguments.pid:
        unit = people.unit_of(arguments.pid)
        if unit is None:
            raise HadirError(f"nobody has the pid {arguments.pid}; `hadir people office.yaml list` says who there is")
        account = known.of_person(arguments.pid, unit)
    elif roles:
        return known.create(roles=roles, units=arguments.unit, place=place, label=arguments.label)
    else:
        raise HadirError("for whom? give --pid, --account or --role")
    if roles:
        known.grant(account, roles, arguments.unit)
    return account
