"""A settings file is loaded, or refused with file, line, key, what is wrong and what to write."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import spelling
from config.agent import AgentSettings
from config.hub import HubSettings
from config.loading import MAX_BYTES, SettingsError, SettingsFile, load, validate

GOOD = """\
site = "east-gate"
device = "pi-1"

[sampling]
every = "10s"

[[assets]]
id = "fridge-1"
profiles = ["cn-gsp"]

[[assets.points]]
name = "center"
driver = { kind = "ds18b20" }
"""

HUB = """\
[[people]]
id = "li"
name = "Li"
phone = "+8613800000001"

[[sites]]
id = "east-gate"
name = { zh = "东门", en = "East Gate" }
kind = "fixed"
devices = ["pi-1"]
tell = ["li"]
[[sites.assets]]
id = "fridge-1"
name = { zh = "1号", en = "Fridge 1" }
"""


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """A function that writes a settings file and returns its path."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / "agent.toml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def problems(path: Path, model: Any = AgentSettings) -> list[tuple[int | None, str | None, str]]:
    """Return line, key and words of each problem of a file that must be refused."""
    with pytest.raises(SettingsError) as caught:
        load(path, model)
    return [(p.line, p.key, f"{p.message}; {p.remedy}") for p in caught.value.problems]


class TestGood:
    def test_good_settings_become_the_model(self, write: Any) -> None:
        """Durations are milliseconds, decimals thousandths, and what is left out has its default."""
        settings = load(write(GOOD), AgentSettings)

        assert settings.site == "east-gate"
        assert settings.sampling.every == 10_000
        assert settings.sampling.max_gap_ms == 180_000
        assert settings.assets[0].storage == (2_000, 8_000)

    @pytest.mark.parametrize(
        "change", [lambda b: b"\xef\xbb\xbf" + b, lambda b: b.replace(b"\n", b"\r\n")]
    )
    def test_a_file_saved_on_windows_is_good(self, write: Any, change: Any) -> None:
        """A byte order mark and CRLF change nothing, for Notepad writes both."""
        assert load(write(change(GOOD.encode())), AgentSettings).device == "pi-1"


class TestUnreadable:
    def test_missing_file(self, tmp_path: Path) -> None:
        """A path that does not exist is said so, with the path."""
        path = tmp_path / "no.toml"

        with pytest.raises(SettingsError, match=r"no\.toml: this file does not exist; "):
            load(path, AgentSettings)

    def test_folder(self, tmp_path: Path) -> None:
        """A folder is said to be one."""
        with pytest.raises(SettingsError, match="this is a folder; name the settings file in it"):
            load(tmp_path, AgentSettings)

    def test_nul_in_the_path(self) -> None:
        """Even a path that no system call takes is a refusal, and no traceback."""
        with pytest.raises(SettingsError, match="cannot be read"):
            load("a\0b", AgentSettings)

    def test_unreadable(self, write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """A file without the right to read it names who lacks the right."""

        def refuse(*_: object) -> None:
            # Root, as whom CI runs, may read a file of any mode.
            raise PermissionError(errno.EACCES, "Permission denied")

        path = write(GOOD)
        monkeypatch.setattr(Path, "open", refuse)

        with pytest.raises(SettingsError, match=r"this file may not be read; let \w+ read it"):
            load(path, AgentSettings)

    @pytest.mark.parametrize("content", ["", "\n\n# nothing but this\n", "[table-only]\n"[:0]])
    def test_empty(self, write: Any, content: str) -> None:
        """A file without settings says which ones it needs at least."""
        said = "the file holds no settings; it needs at least site, device, assets"
        assert [(None, None, said)] == problems(write(content))

    def test_not_utf8(self, write: Any) -> None:
        """Bytes of another encoding (here GB 18030) are found on their line."""
        content = GOOD.replace("east-gate", "东门").encode("gb18030")

        assert [(1, None, "byte 0xb6 is not UTF-8; save the file as UTF-8")] == problems(
            write(content)
        )

    def test_utf16(self, write: Any) -> None:
        """What Notepad calls Unicode is refused for what it is."""
        assert [(1, None, "byte 0xff is not UTF-8; save the file as UTF-8")] == problems(
            write(GOOD.encode("utf-16"))
        )

    def test_huge(self, write: Any) -> None:
        """A file that can be no settings file is not parsed."""
        [(_, _, said)] = problems(write(b"#" * (MAX_BYTES + 1)))

        assert "MB are no settings" in said

    def test_an_endless_file(self) -> None:
        """A device file that never ends is refused like a huge one."""
        [(_, _, said)] = problems(Path("/dev/zero"))

        assert "MB are no settings" in said


class TestSyntax:
    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("site: x", "write key = value"),
            ("site = east-gate", 'put text into quotes, such as site = "east-gate"'),
            ('site = "east-gate', "close the quotes"),
            ('device = "pi-2"', "this key is there already"),
            ('site2 = "C:\\data"', "write \\\\ for \\"),
            ("x = [1, 2", "close the list with ]"),
            ("x = { a = 1", "close the table with }"),
            ("[sampling", "write [table]"),
            ("[[sampling]", "write [[table]]"),
            ("a = 1 b = 2", "begin a new line for each key"),
            ("= 3", "write key = value"),
            ("a.-. = 3", "write a key of letters"),
            ("x = 2026-02-30", "not TOML: Invalid date or datetime"),
            ("x = " + "9" * 5000, "a number is too long"),
            ("x = " + "[" * 100_000, ""),
        ],
    )
    def test_broken_toml_names_line_and_remedy(self, write: Any, line: str, said: str) -> None:
        """What is no TOML is refused on its line, with what to write."""
        [(number, key, words)] = problems(write(f'device = "pi-1"\n{line}\n'))

        assert said in words
        assert key is None
        # Of an unclosed bracket and of a number that is too long the parser tells no line.
        assert number in ({None} if words.startswith(("a number", "tables")) else {2, 3})

    def test_a_table_given_twice(self, write: Any) -> None:
        """A second [table] is on its own line, with the way to make a list."""
        [(number, _, words)] = problems(write("[sampling]\n[sampling]\n"))

        assert number == 2
        assert "this table is there already" in words


def edit(old: str, new: str, text: str = GOOD) -> str:
    """Replace one line of a good file."""
    assert old in text
    return text.replace(old, new)


class TestMeaning:
    @pytest.mark.parametrize(
        ("content", "line", "key", "words"),
        [
            (
                edit('device = "pi-1"\n', ""), 1, "device",
                'this setting is missing; write device = "pi-1"',
            ),
            (
                edit('name = "center"\n', ""), 11, "assets[1].points[1].name",
                'this setting is missing; write name = "center"',
            ),
            (
                edit("every", "evry"), 5, "sampling.evry",
                "there is no such setting; write every if that is meant",
            ),
            (
                edit('id = "fridge-1"', 'id = "fridge-1"\nstate_dir = "/var"'), 9,
                "assets[1].state_dir",
                ("there is no such setting here; "
                "state_dir belongs at the top of the file, above the first [table]"),
            ),
            (
                edit('device = "pi-1"', 'device = "pi-1"\nmax_gap = "1h"'), 3, "max_gap",
                "there is no such setting here; max_gap belongs below [sampling]",
            ),
            (
                edit("[sampling]", "[sampling]\nzzz = 1"), 5, "sampling.zzz",
                "there is no such setting; remove it, or write one of: every, record_every, max_gap, max_gap_reason",
            ),
            (
                edit('"10s"', "10"), 5, "sampling.every",
                '10 is not a duration; write a number with its unit, such as "10s", "15min" or "24h"',
            ),
            (
                edit('"10s"', '"200ms"'), 5, "sampling.every",
                '"200ms" is out of range; write at least "1s"',
            ),
            (
                edit('"10s"', '"9999999999d"'), 5, "sampling.every",
                '"9999999999d" is out of range; write at most "36525d"',
            ),
            (
                edit('"east-gate"', "7"), 1, "site",
                '7 stands where text in quotes belongs; write site = "east-gate"',
            ),
            (
                edit('"east-gate"', '"East Gate"'), 1, "site",
                ('"East Gate" is not possible here; '
                'write lower-case letters, digits, -, _ and ., such as "east-gate"'),
            ),
            (
                edit('profiles = ["cn-gsp"]', 'profiles = "cn-gsp"'), 9, "assets[1].profiles",
                '"cn-gsp" stands where a list belongs; write profiles = ["cn-gsp", "who-pqs"]',
            ),
            (
                edit('profiles = ["cn-gsp"]', "profiles = []"), 9, "assets[1].profiles",
                'this must not be empty; write profiles = ["cn-gsp", "who-pqs"]',
            ),
            (
                edit('profiles = ["cn-gsp"]', 'profiles = [\n  "cn-gsp",\n  3,\n]'), 11,
                "assets[1].profiles[2]",
                '3 stands where text in quotes belongs; write profiles = ["cn-gsp", "who-pqs"]',
            ),
            (
                edit("[[assets]]", "[[assets]]\nstorage = [8.0, 2.0]"), 8, "assets[1].storage",
                "`storage` is not [lower, upper]; write for example [2.0, 8.0]",
            ),
            (
                edit("[[assets]]", "[[assets]]\nstorage = [2.0, nan]"), 8,
                "assets[1].storage[2]", "nan is not a number; write for example 8.0",
            ),
            (
                edit("[[assets]]", "[[assets]]\nstorage = [2.0, inf]"), 8,
                "assets[1].storage[2]", "inf is not a number; write for example 8.0",
            ),
            (
                edit("[[assets]]", "[[assets]]\nstorage = [2.0001, 8]"), 8,
                "assets[1].storage[1]",
                "2.0001 is finer than a thousandth; write for example 8.0",
            ),
            (
                edit("[[assets]]", "[[assets]]\nstorage = [2.0]"), 8, "assets[1].storage[2]",
                "this setting is missing; write storage = [2.0, 8.0]",
            ),
            (
                edit('every = "10s"', 'every = "10s"\nrecord_every = "5s"'), 6,
                "sampling.record_every",
                ("`record_every` is shorter than `every`, and no reading is recorded before it is "
                "taken; write a longer `record_every` or a shorter `every`"),
            ),
            (
                GOOD + '[[assets.points]]\nname = "center"\ndriver = {}\n', 15,
                "assets[1].points[2].name",
                "point center/temperature is given twice; give one another name",
            ),
            (
                edit("[sampling]", "[mqtt]\nport = 0\n[sampling]"), 5, "mqtt.port",
                "0 is out of range; write at least 1",
            ),
            (
                edit("[sampling]", 'mqtt = "localhost"\n[sampling]'), 4, "mqtt",
                '"localhost" stands where a table belongs; write [mqtt]',
            ),
            (
                edit("[sampling]", '[clock]\ntrust = "npt"\n[sampling]'), 5, "clock.trust",
                '"npt" is none of the choices; write "ntp" if that is meant',
            ),
            (
                edit("[sampling]", '[clock]\ntrust = "gps!"\n[sampling]'), 5, "clock.trust",
                '"gps!" is none of the choices; write "ntp" or "always"',
            ),
        ],
    )  # fmt: skip
    def test_agent(self, write: Any, content: str, line: int, key: str, words: str) -> None:
        """Each mistake in the agent's settings is shown where it stands, with what to write."""
        assert [(line, key, words)] == problems(write(content))

    @pytest.mark.parametrize(
        ("content", "line", "key", "words"),
        [
            (
                edit('tell = ["li"]', 'tell = ["wang"]', HUB), 11, "sites[1].tell[1]",
                ("site east-gate tells wang, who is in no [[people]]; "
                "add the person there, or write another id"),
            ),
            (
                HUB + '[[sites.assets]]\nid = "fridge-1"\nname = {zh = "", en = ""}\n', 16,
                "sites[1].assets[2].id",
                "asset of site east-gate fridge-1 is given 2 times; give each another id",
            ),
            (
                edit("+8613800000001", "138 0000 0001", HUB), 4, "people[1].phone",
                ('"138 0000 0001" is not possible here; '
                "write 5 to 15 digits, such as +8613800000001"),
            ),
            (
                edit(', en = "East Gate"', "", HUB), 8, "sites[1].name.en",
                'this setting is missing; write en = "text"',
            ),
            (
                '[console]\nhost = "0.0.0.0"\n' + HUB, 2, "console.host",
                '"0.0.0.0" is none of the choices; write "127.0.0.1" or "::1"',
            ),
            (
                '[sms]\nchannel = "gammu-smsd"\n' + HUB, 1, "sms",
                "`database` is missing; write the path of gammu-smsd's SQLite file",
            ),
        ],
    )  # fmt: skip
    def test_hub(self, write: Any, content: str, line: int, key: str, words: str) -> None:
        """Each mistake in the hub's settings is shown where it stands, with what to write."""
        assert [(line, key, words)] == problems(write(content), HubSettings)

    def test_all_mistakes_at_once_in_the_order_of_the_file(self, write: Any) -> None:
        """A person mends a file in one go: every problem is listed, from the top down."""
        content = GOOD.replace('"pi-1"', "1").replace('"10s"', "10").replace('"center"', "[]")

        assert [2, 5, 12] == [line for line, _, _ in problems(write(content))]

    def test_one_line_for_each_problem(self, write: Any) -> None:
        """The text of the error is one line a problem, with file and line in front."""
        path = write(edit('"10s"', "10"))

        with pytest.raises(SettingsError) as caught:
            load(path, AgentSettings)

        assert str(caught.value).startswith(
            f"{path}:5: sampling.every: 10 is not a duration; write"
        )
        assert "\n" not in str(caught.value)

    def test_a_long_value_is_cut(self, write: Any) -> None:
        """A value that would fill the screen is shown by its beginning."""
        [(_, _, words)] = problems(write(edit('"east-gate"', f'"{"X" * 500}"')))

        assert len(words) < 200


TOML_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


@st.composite
def spoilt(draw: Any, model: Any) -> Any:
    """Settings for ``model`` of which some are missing, strange, or of another shape."""
    result: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        inner = spelling.inner_model(spelling.field_shape(field))
        choice = draw(st.integers(0, 9))
        if choice == 0:
            continue
        if choice == 1:
            result[draw(st.sampled_from([name, name + "x", "kind"]))] = draw(TOML_VALUES)
        elif inner is not None:
            one = draw(spoilt(inner))
            result[name] = [one] if spelling.is_table_list(spelling.field_shape(field)) else one
        elif field.examples:
            result[name] = field.examples[0]
    return result


@given(
    st.sampled_from([AgentSettings, HubSettings]).flatmap(
        lambda model: st.tuples(st.just(model), spoilt(model))
    )
)
def test_no_settings_whatever_end_in_a_traceback(case: tuple[Any, dict[str, Any]]) -> None:
    """Whatever stands in the file: good settings, or problems that each say what to write."""
    model, data = case
    try:
        validate(SettingsFile(Path("x.toml"), "", data), model)
    except SettingsError as error:
        for problem in error.problems:
            assert problem.message
            assert problem.remedy
            assert "\n" not in str(problem)
