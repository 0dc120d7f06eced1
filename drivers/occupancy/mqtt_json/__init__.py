"""What messages over MQTT mean: fields, ready profiles and mappings; messages.py reads by them."""
