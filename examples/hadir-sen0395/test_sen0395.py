"""The laws that every driver keeps, for this one."""

from pathlib import Path

from hadir_sen0395 import DRIVER

from gateway.conformance import suite

TestSen0395 = suite(DRIVER, Path(__file__).with_name("sen0395.jsonl"))
