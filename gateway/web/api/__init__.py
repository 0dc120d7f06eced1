"""The resources of /api/v1, for programs. Every module here that has a `router` is part of the application."""
