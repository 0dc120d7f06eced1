"""Occupancy and motion sensors."""
