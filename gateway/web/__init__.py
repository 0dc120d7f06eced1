"""The web application: pages, the API and streams of events; one process beside the archive."""
