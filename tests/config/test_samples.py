"""The samples in docs/settings are what the models give, and good settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from config import spelling
from config.loading import load
from config.samples import SAMPLES, main, sample


@pytest.mark.parametrize("name", SAMPLES)
def test_the_written_sample_is_what_the_model_gives(house: Path, name: str) -> None:
    """docs/settings does not drift from the models; `make docs` writes it anew."""
    assert sample(SAMPLES[name]) == (house / "docs" / "settings" / name).read_text()


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("uncomment", [False, True])
def test_a_sample_is_good_as_it_stands_and_with_every_setting(
    tmp_path: Path, name: str, uncomment: bool
) -> None:
    """A copy of a sample loads, and so does one in which every default is written out."""
    text = sample(SAMPLES[name])
    if uncomment:
        text, settings = re.subn(r"(?m)^#(?! )", "", text)
        assert settings >= 8
    path = tmp_path / name
    path.write_text(text)

    load(path, SAMPLES[name])


# Settings whose default is None, or no rule changed: a sample shows an example in their place. A modem has no default
# database, the hub's [sms] has.
LEFT_OUT = (
    "all_well", "broker_dir", "broker_reload", "calibration", "chip", "database = .*/coldwatch-hub/",
    "escalation", "folder", "max_gap", "passphrase_file", "repeat", "rules = ", "stand_in", "state_file", "tls",
    "token_file", "way_test", "smsd = ", "aliyun = ", "tencent = ", "http = ", "apprise = ",
    "password_file", "url = .postgresql",
)  # fmt: skip


@pytest.mark.parametrize("name", SAMPLES)
def test_defaults_are_written_as_they_are(tmp_path: Path, name: str) -> None:
    """What a sample shows as the default is the default; only a None has an example instead."""
    short, full = tmp_path / "short.toml", tmp_path / "full.toml"
    text = sample(SAMPLES[name])
    short.write_text(text)
    full.write_text(
        re.sub(
            rf"(?m)^#(?! )(?!{'|'.join(LEFT_OUT)})",
            "",
            text,
        )
    )

    left_out = {
        key: None
        for key, field in SAMPLES[name].model_fields.items()
        if field.default is None and spelling.is_table(spelling.field_shape(field))
    }
    every = load(full, SAMPLES[name])
    assert all(getattr(every, key) is not None for key in left_out)
    assert load(short, SAMPLES[name]) == every.model_copy(update=left_out)


def test_check_tells_drift(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--check writes nothing, and exits 1 with the remedy for a sample that drifted."""
    monkeypatch.chdir(tmp_path)
    assert main(["--check"]) == 1
    assert not (tmp_path / "docs").exists()

    assert main([]) == 0
    assert main(["--check"]) == 0

    with (tmp_path / "docs/settings/hub.toml").open("a") as file:
        file.write("# by hand\n")
    capsys.readouterr()
    assert main(["--check"]) == 1
    assert "hub.toml" in capsys.readouterr().err
