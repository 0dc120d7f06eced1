"""Xiaomi MiBeacon: how a frame is built, and what its objects mean."""
