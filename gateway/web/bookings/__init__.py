"""Desks that are booked elsewhere: that system is the master, and what it holds is mirrored as reservations here."""
