"""Pure: the bytes of one device family become measurements."""
