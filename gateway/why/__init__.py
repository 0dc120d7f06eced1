"""`hadir why`: what the system held of a place or a person at a time, and why."""
