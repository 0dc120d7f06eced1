"""Milesight LoRaWAN sensors: how a payload is cut into fields, and what the fields of each model mean."""
