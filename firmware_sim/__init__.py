"""The devices' side of the wire: a simulated office to run everything without hardware."""
