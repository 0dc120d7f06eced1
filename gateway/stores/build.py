"""The store behind one line of `archive.stores`; a database's library is imported when it is needed."""

from __future__ import annotations

from gateway.config.model import EmbeddedStore, Office
from gateway.config.model import Store as Settings
from gateway.stores.base import Store


def build(settings: Settings, office: Office) -> Store:
    """Nothing is sent yet. Raises HadirError."""
    if isinstance(settings, EmbeddedStore):
        from gateway.stores.embedded import EmbeddedStore as Embedded

        return Embedded(office.path(settings.path))
    token_file = None if settings.token_file is None else office.path(settings.token_file)
    if settings.kind == "influx1":
        from gateway.stores.influx1 import Influx1Store

        return Influx1Store(settings, token_file=token_file)
    from gateway.stores.influx2 import Influx2Store

    return Influx2Store(settings, token_file=token_file)
