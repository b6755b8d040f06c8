"""The daemon beside the fridges: it samples, records, judges, sounds and sends.

It knows protocol, config, sensors and alerts, and never the hub. The process that samples loads no
pydantic: settings are checked by a short-lived one (firmware_agent/settings.py).
"""
