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
    known = Accounts(office.path(office.web.data) / "web.sqlite", SystemClock())
    try:
        sys.stdout.write(_done(arguments, office, known))
    finally:
        known.close()
    return 0


def _done(arguments: argparse.Namespace, office: Office, known: Accounts) -> str:
    match arguments.action:
        case "list":
            return "".join(
                f"{account.id} {' '.join(sorted(account.roles))}"
                f"{' of ' + ','.join(sorted(account.units)) if account.units else ''}"
                f" {account.pid or account.place or '-'} {account.label}\n"
                for account in known.all()
            )
        case "disable":
            if not arguments.account or known.account(arguments.account) is None:
                raise HadirError("which account? give --account, as `hadir accounts office.yaml list` says it")
            known.disable(arguments.account)
            return f"{arguments.account} cannot sign in any more\n"
        case "code":
            code = known.new_code(_account(arguments, office, known))
            return f"{code}  signs in once within {CODE_S // 86_400} days at {office.web.address}/masuk\n"
        case _:
            account = _account(arguments, office, known)
            return f"{known.new_token(account, arguments.label)}\n"


def _account(arguments: argparse.Namespace, office: Office, known: Accounts) -> str:
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
        with PeopleTable(office.path(office.people.table), SiteKey.load(office.path(office.people.site_key))) as table:
            person = table.person(arguments.pid)
        if person is None:
            raise HadirError(f"nobody has the pid {arguments.pid}; `hadir people office.yaml list` says who there is")
        account = known.of_person(person.pid, person.unit)
    elif roles:
        return known.create(roles=roles, units=arguments.unit, place=place, label=arguments.label)
    else:
        raise HadirError("for whom? give --pid, --account or --role")
    if roles:
        known.grant(account, roles, arguments.unit)
    return account
