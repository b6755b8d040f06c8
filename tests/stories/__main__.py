"""``python -m tests.stories``: the table of contents, as Markdown that the documents can show."""

from __future__ import annotations

from tests.stories.book import CHAPTERS, stories


def main() -> None:
    """Print each chapter's stories with what they hold."""
    found = stories()
    for chapter in CHAPTERS:
        mine = [story for story in found if story.chapter == chapter]
        print(f"## {chapter.capitalize()}: {len(mine)} stories\n")
        print("| story | what it holds |\n|---|---|")
        for story in mine:
            print(f"| {story.title} | {' '.join(story.holds.split())} |")
        print()


if __name__ == "__main__":
    main()
