"""The shape of a unit's day, for the OpenAPI document. attendance_files.py makes it; a test holds the two together."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Record(BaseModel):
    """Base of these."""

    model_config = ConfigDict(extra="forbid")


class CompleteGateway(Record):
    """How far one gateway is known to have told everything."""

    gateway: str
    until: str | None
    cause: str = Field(
        description="told, ledger, never_heard, not_heard, waiting, returned, others, clock, alarm, source, boot_open,"
        " hole, replaced"
    )
    why: str


class MissingNumbers(Record):
    """Numbers of a boot that are not in the archive: refused, lost, or on their way."""

    gateway: str
    boot: str
    first: int
    last: int
    declared_lost: bool
    between: list[str | None] = Field(description="what is here on both sides was recorded then")


class WithoutTime(Record):
    """Events that are here, and whose time nobody knows: their box had no clock."""

    gateway: str
    boot: str
    events: int


class Replacement(Record):
    """The archive was put back from an older copy: what it had been told between these may be gone."""

    since: str = Field(description="when the last was recorded that is here as it was; 1970: nothing is")
    until: str = Field(description="when it was noticed")


class Complete(Record):
    """How far the record is complete."""

    until: str | None = Field(description="the earliest of all gateways; null: of one of them nothing is known")
    why: str
    gateways: list[CompleteGateway]
    missing: list[MissingNumbers]
    without_time: list[WithoutTime]
    replaced: list[Replacement] = Field(description="no day is complete of which one of these has a part")


class Fix(Record):
    """What was put right."""

    field: str
    old: Any = Field(description="what the record said before")
    new: Any
    reason: str | None
    by: str = Field(description="in what role: operator, ...")
    at: str


class Act(Record):
    """One check-in."""

    kind: str = Field(description="workplace, desk")
    checkin_id: str
    pid: str
    unit: str
    place: str
    reader: str | None
    gateway: str
    started: str | None = Field(description="null: its beginning is not in the archive")
    ended: str | None = Field(description="null: open, or its end is not here yet; inferred: the last evidence")
    method: str | None
    assurance: str | None = Field(description="claimed, fresh, bound")
    arrangement: str | None = Field(description="home_unit, other_office, visitor")
    ended_by: str | None = Field(description="act, inferred")
    ended_by_whom: str | None = Field(description="person, operator, system; of a corrected end: who corrected it")
    reason: str | None
    outage_min: float = Field(description="minutes of that day in which this could not be taken there")
    outage_work_min: float = Field(description="of them, within working time")
    void: bool = Field(description="corrected: it never happened")
    corrections: list[Fix]
    staff_number: str | None = Field(None, description="only where it was asked for by a credential that may")


class Claim(Record):
    """What an operator approved and the record has nothing of."""

    pid: str
    kind: str
    field: str = Field(description="start, last_evidence, note")
    new: str = Field(description="a time, or of a note the day")
    approved: str
    staff_number: str | None = None


class Outage(Record):
    """When something of the site was not there."""

    about: str
    kind: str = Field(description="gateway, reader, place")
    from_: str = Field(alias="from")
    to: str
    minutes: float
    cause: str


class Day(Record):
    """A unit's day. Not the official attendance record, and no measure or score of anybody's work."""

    note: str
    site: str
    unit: str
    date: str
    timezone: str
    from_: str = Field(alias="from")
    to: str
    complete_until: str | None
    complete_day: bool
    completeness: Complete
    kept_since: str
    staff_numbers: bool
    acts: list[Act]
    approved_without_record: list[Claim]
    outages: list[Outage]
