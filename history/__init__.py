"""History: where readings are kept, and what can be asked of them. A port with adapters."""
