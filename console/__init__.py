"""Web pages and a JSON API over what the hub has written. They only read.

The console opens both databases for reading, beside a hub that writes, and shows them also when
there is no hub, or nothing yet.
"""
