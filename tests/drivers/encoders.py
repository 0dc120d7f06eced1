"""Good frames of serial lines as the simulated devices send them: more than the drivers' vectors hold."""

from __future__ import annotations

from hypothesis import strategies as st

from firmware_sim import enocean, id12la, ld2410, ld2450, rdm6300
from firmware_sim.ld2410 import GATES, Seen, Target

tags = st.binary(min_size=5, max_size=5)
energies = st.lists(st.integers(0, 100), min_size=GATES, max_size=GATES)
seen = st.builds(
    Seen,
    st.sampled_from(Target),
    st.integers(0, 600),
    st.integers(0, 100),
    st.integers(0, 600),
    st.integers(0, 100),
)
radar = st.one_of(
    st.builds(ld2410.basic, seen),
    st.builds(ld2410.engineering, seen, energies, energies),
    st.builds(ld2410.acknowledgement, st.sampled_from((0xFF, 0xFE, 0x62, 0x63, 0xA0)), failed=st.booleans()),
)
people = st.lists(
    st.builds(ld2450.Target, st.integers(-4000, 4000), st.integers(0, 8000), st.integers(-200, 200), st.just(360)),
    max_size=ld2450.TARGETS,
)
tracker = st.one_of(
    st.builds(ld2450.report, people),
    st.builds(ld2450.acknowledgement, st.sampled_from((0xFF, 0xFE, 0x80, 0x90, 0xA0)), failed=st.booleans()),
)
enocean_ids = st.integers(0, 0xFFFFFFFF)
telegrams = st.one_of(
    st.builds(enocean.pir, enocean_ids, st.booleans(), st.sampled_from((None, 2.9, 3.2))),
    st.builds(enocean.contact, enocean_ids, st.booleans()),
    st.builds(enocean.rocker, enocean_ids, st.sampled_from(tuple(enocean.ROCKERS))),
    st.builds(enocean.response, st.integers(0, 5)),
)


def keeps_to_itself(packet: bytes) -> bool:
    """False for one that is right again when it loses its last bytes and the next packet's first stand in for them.

    One in 256 is; its single checksum byte tells nobody.
    """
    heads = [enocean.radio(rorg, bytes(size), 0)[:6] for rorg, size in ((0xD5, 1), (0xA5, 4), (0xD2, 9))]
    joined = [packet[:-lost] + head[:lost] for lost in range(1, 6) for head in (*heads, enocean.response()[:6])]
    return all(enocean.crc8(made[6:-1]) != made[-1] for made in joined)


FRAMES = {
    "rdm6300": st.builds(rdm6300.frame, tags),
    "id12la": st.builds(id12la.frame, tags),
    "ld2410": radar,
    "ld2450": tracker,
    "enocean_esp3": telegrams.filter(keeps_to_itself),
}
"""Devices of the simulator: more frames than their vectors hold."""
