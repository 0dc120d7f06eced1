"""The web application: pages, the interface for other programs, and reports."""
