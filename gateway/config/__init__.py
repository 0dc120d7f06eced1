"""The configuration: choices live in office.yaml, defaults in model.py, secrets in neither."""
