"""Rules, the excursion engine and what people are told.

Agent and hub run the same engine on the same records; nothing here knows either of them.
"""
