"""What leaves a gateway: envelope, event types, topics and retained payloads (see docs/contract)."""
