"""The web application: employees find a desk and check in, operators see what is broken, backends ask.

serve.py      the daemon: link, live picture, server
app.py        routes, middleware, errors
site.py       what every page may use
live.py       what places, gateways and devices are now: a fold of retained messages
stream.py     changes to browsers: server-sent events
asking.py     commands to gateways, and their answers
reading.py    the archive's ledger and points, read beside their writer
accounts.py   who may sign in; viewer.py  what they may see
rendering.py  templates, languages, times
pages/ api/   one file a page or resource
"""
