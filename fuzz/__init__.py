"""`make fuzz`: bytes that no device should send, for every driver and framer."""
