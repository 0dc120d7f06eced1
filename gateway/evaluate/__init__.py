"""Measures the rules on recorded rooms: `hadir evaluate`, `hadir learn`."""
