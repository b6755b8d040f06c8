"""Settings: pydantic models, profiles and samples. This package knows no other of ours but protocol."""
