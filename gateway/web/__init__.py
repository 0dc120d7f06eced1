"""The web application: screens, API, hooks."""
