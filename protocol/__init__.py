"""What crosses the wire: records, messages, topics, the hash chain and the schemas made from them.

This package knows no other of ours. The agent and the hub both build on it.
"""
