"""Doses: what stood where and when, what it went through there, and whether it may leave.

Double entry: every movement takes from one place and gives to another, as a journal entry;
everything else here is a projection of those entries or is worked out from them and the history.
"""
