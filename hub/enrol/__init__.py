"""Enrolment on the hub: its CA, who was given a certificate, and what the broker knows of it."""
