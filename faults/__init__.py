"""Proof of delivery: what is accepted is stored once, whatever is killed, cut, frozen, filled or damaged."""
