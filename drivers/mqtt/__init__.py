"""What messages over MQTT mean: fields, ready profiles and mappings; drivers/occupancy/mqtt_json.py reads by them."""
