"""GPIO lines: door contacts, mains, buttons, presence; and the outputs of panel and lamp."""
