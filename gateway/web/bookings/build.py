"""The mirror that office.yaml asks for."""

from __future__ import annotations

import apsw

from gateway.clock import Clock
from gateway.config.model import Office
from gateway.config.owners import Owners
from gateway.config.web_files import secret
from gateway.people import PeopleTable
from gateway.web.asking import Asker
from gateway.web.bookings.mapping import People, spaces
from gateway.web.bookings.mirror import Mirror
from gateway.web.bookings.seatsurfing import Client


def mirrored(
    office: Office, connection: apsw.Connection, table: PeopleTable, asker: Asker, clock: Clock
) -> Mirror | None:
    """None: desks are booked here. Raises ConfigError: spaces without a place, a secret that is not there."""
    settings = office.web.bookings
    if settings is None:
        return None
    return Mirror(
        Client(settings, secret(office.path(settings.secret_file))),
        settings,
        spaces(office),
        People(None if settings.people_file is None else office.path(settings.people_file)),
        table,
        connection,
        asker,
        Owners(office),
        clock,
    )
