"""Screens for people: see gateway/web/app.py."""
