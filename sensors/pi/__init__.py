"""The Raspberry Pi itself: its heat, its power, its room, its clock."""
