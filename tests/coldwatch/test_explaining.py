"""`coldwatch check --explain` says who would be told of what, and what nobody would be told of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from alerts.profiles import rules_for, storage_of
from coldwatch import cli
from coldwatch.explain_words import PHRASES, Say
from coldwatch.explained import lines
from coldwatch.explaining import explain_agent, explain_hub
from config.agent import AgentSettings
from config.hub import HubSettings

MINUTE = 60_000

PEOPLE = """
[[people]]
id = "li"
name = "Li"
phone = "+8613900000001"
[[people]]
id = "wang"
name = "Wang"
phone = "+8613900000002"
[[people]]
id = "amy"
name = "Amy"
phone = "+8613900000003"
[[people]]
id = "chen"
name = "Chen"
phone = "+8613900000004"
"""
HUB = (
    """
way_test = "10:00"
[[channels]]
id = "modem"
kind = "gammu-smsd"
smsd = { database = "/var/lib/coldwatch-hub/smsd.db" }
[[channels]]
id = "second"
kind = "gammu-smsd"
smsd = { database = "/var/lib/coldwatch-hub/second.db" }
"""
    + PEOPLE
    + """
[[escalations]]
id = "county"
steps = [
  { after = "0min", to = ["li", "wang", "amy"], repeat = "10min" },
  { after = "15min", to = ["manager"] },
]
[[sites]]
id = "east-gate"
name = { zh = "柳河县三源浦朝鲜族镇中心卫生院预防接种门诊", en = "East Gate" }
kind = "fixed"
devices = ["pi-1"]
escalation = "county"
all_well = "08:00"
[[sites.duty]]
role = "manager"
person = "chen"
[[sites.assets]]
id = "fridge-3"
name = { zh = "3号冰箱", en = "Fridge 3" }
"""
)
AGENT = """
site = "east-gate"
device = "pi-1"
[[assets]]
id = "fridge-3"
profiles = ["cn-gsp"]
[[assets.points]]
name = "center"
decides = true
[assets.points.driver]
kind = "ds18b20"
id = "28-0316a2794fff"
[[assets.points]]
name = "mains"
quantity = "present"
[assets.points.driver]
kind = "gpio"
line = 17
[[assets.points]]
name = "door"
quantity = "open"
[assets.points.driver]
kind = "gpio"
line = 27
"""
MODEM = """
[modem]
database = "/var/lib/coldwatch/smsd.db"
site_name = { zh = "东门", en = "East Gate" }
tell = [{ id = "li", name = "Li", phone = "+8613900000001" }]
"""


MODEMS = HUB[HUB.index("[[channels]]") : HUB.index("[[people]]")]
CHEN = 'role = "manager"\nperson = "chen"'
WEEKDAYS = """
days = ["mon", "tue", "wed", "thu", "fri"]
from = "08:00"
until = "18:00"
"""
WEEKENDS = (
    "nobody is manager mon 18:00 to tue 08:00, tue 18:00 to wed 08:00, wed 18:00 to thu 08:00,"
    " thu 18:00 to fri 08:00, fri 18:00 to mon 08:00: the next step's people are told then"
)


@pytest.fixture
def explain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """A function that explains a hub's settings, with or without an agent's."""

    def explain(hub: str = HUB, agent: str | None = AGENT, *arguments: str) -> tuple[int, str, str]:
        (tmp_path / "hub.toml").write_text(hub)
        more = []
        if agent is not None:
            (tmp_path / "agent.toml").write_text(agent)
            more = ["--agent", str(tmp_path / "agent.toml")]
        code = cli.main(["check", str(tmp_path / "hub.toml"), "--explain", *more, *arguments])
        out, err = capsys.readouterr()
        return code, out.replace(f"{tmp_path}/", ""), err

    return explain


def test_who_is_told_after_how_long(explain: Any) -> None:
    """The sentence of the issue: SMS to whom after how long, then whom, when it sounds and holds."""
    code, out, err = explain()

    assert (code, err) == (0, "")
    said = out.splitlines()
    assert said[0] == "hub.toml: good settings for the hub"
    assert said[1] == "East Gate (east-gate), escalation county"
    assert said[2] == "  Fridge 3 (fridge-3): cn-gsp"
    tells = "SMS to Li, Wang, Amy after {}, again every 10 min until somebody answers; to Chen (manager) after {}"
    hot = tells.format("10 min", "25 min")
    assert said[3] == (
        f"    fridge-3 at 9 degC or 1 degC or -2 degC: {hot}; sounds at once; batches on hold after 30 min"
    )
    lost = tells.format("2 s", "15 min")
    assert f"    fridge-3 mains lost: {lost}; sounds after 2 s" in said
    silent = tells.format("15 min", "30 min")
    assert f"    nothing heard from pi-1: {silent}" in said
    assert "  on duty as manager: Chen daily 00:00 to 24:00" in said


def test_nothing_is_left_untold_here(explain: Any) -> None:
    """Where everything is set up, no line says that somebody would not be told."""
    assert "NOT TOLD" not in explain()[1]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (MODEMS, "", "nobody gets an SMS: they are only written into the log"),
        (MODEMS, MODEMS.partition('[[channels]]\nid = "second"')[0],
         "when modem fails nobody is told: it is the only way out of this hub"),
        ('all_well = "08:00"', "", "nobody is told each day that all is well"),
        ('way_test = "10:00"', "", "the way of the alarms is never tested"),
        (
            'to = ["li", "wang", "amy"]',
            'to = ["li"]',
            "a single person is told first: whoever sleeps through it is the only one",
        ),
        (
            'to = ["li", "wang", "amy"]',
            'to = ["li", "wang"]',
            "the first step of site east-gate reaches 2 telephone numbers",
        ),
        (
            '  { after = "15min", to = ["manager"] },\n',
            "",
            "nobody else is told when nobody answers: there is a single step",
        ),
        (CHEN, CHEN + WEEKDAYS, WEEKENDS),
    ],
)  # fmt: skip
def test_what_would_not_be_told(explain: Any, old: str, new: str, said: str) -> None:
    """Each gap in the chain of people is a line."""
    assert old in HUB
    out = explain(HUB.replace(old, new))[1]

    assert any("NOT TOLD: " in line and said in line for line in out.splitlines()), out


def test_by_which_channels(explain: Any) -> None:
    """A step that names its channels says in which order they are tried."""
    named = HUB.replace('repeat = "10min"', 'repeat = "10min", channels = ["second", "modem"]')

    assert (
        "SMS to Li, Wang, Amy after 10 min by second, then modem, again every" in explain(named)[1]
    )


def test_a_single_person_at_night(explain: Any) -> None:
    """A roster that leaves one person alone at some hour says at which."""
    night = HUB.replace('to = ["li", "wang", "amy"]', 'to = ["nurse", "li"]').replace(
        "[[sites.assets]]",
        '[[sites.duty]]\nrole = "nurse"\nperson = "amy"\nfrom = "08:00"\nuntil = "20:00"\n'
        "[[sites.assets]]",
        1,
    )
    out = explain(night)[1]

    assert "NOT TOLD: a single person is told first (mon 00:00)" in out
    assert "nobody is nurse mon 20:00 to tue 08:00, " in out
    assert ": only Li of that step is told then" in out


def test_what_is_not_measured_is_not_told(explain: Any) -> None:
    """A fridge without a mains probe gets no message about mains, and that is said."""
    bare = AGENT.partition('[[assets.points]]\nname = "mains"')[0]
    out = explain(agent=bare)[1]

    assert "mains lost" not in out
    assert "NOT TOLD: fridge-3: its mains are not measured" in out
    assert "NOT TOLD: fridge-3: its door is not measured" in out
    undecided = explain(agent=AGENT.replace("decides = true", ""))[1]
    assert "batches on hold" not in undecided
    assert "degC" not in undecided
    assert "NOT TOLD: fridge-3: no point decides, so nobody is told that it is too hot" in undecided


def test_without_the_agents_file_profiles_are_assumed_and_that_is_said(explain: Any) -> None:
    """The hub's file alone does not know the rules: what is assumed is no secret."""
    out = explain(agent=None)[1]

    assert "Fridge 3 (fridge-3): cn-gsp, assumed: give the agent's file with --agent" in out
    known = HUB.replace('id = "fridge-3"', 'id = "fridge-3"\nprofiles = ["who-pqs"]')
    out = explain(known, None)[1]
    assert "Fridge 3 (fridge-3): who-pqs\n" in out
    assert "at 9 degC: SMS to Li, Wang, Amy after 10 h" in out


def test_json(explain: Any) -> None:
    """--json gives the same facts, in milliseconds."""
    answer = json.loads(explain(HUB, AGENT, "--json")[1])

    assert answer["ok"] is True
    (site,) = answer["explained"]["sites"]
    case = site["assets"][0]["cases"][0]
    assert case["holds_ms"] == 30 * MINUTE
    assert case["sounds_ms"] == 0
    assert [telling["after_ms"] for telling in case["tells"]] == [10 * MINUTE, 25 * MINUTE]
    assert case["tells"][0] == {
        "after_ms": 10 * MINUTE, "to": ["Li", "Wang", "Amy"], "repeat_ms": 10 * MINUTE,
        "channels": [],
    }  # fmt: skip
    assert site["not_told"] == []


def test_a_wrong_agents_file_is_a_problem(explain: Any) -> None:
    """Nothing is explained of settings that are wrong."""
    code, out, err = explain(agent=AGENT.replace('"cn-gsp"', '"cn-gps"'))

    assert code == 1
    assert out.startswith('agent.toml:6: assets[1].profiles[1]: there is no profile "cn-gps"')
    assert "1 problem" in err


def test_an_agent_of_another_hub(explain: Any) -> None:
    """A file that belongs to no device of this hub is told, and explains nothing."""
    out = explain(agent=AGENT.replace('device = "pi-1"', 'device = "pi-9"'))[1]

    assert "NOT TOLD: pi-9 of east-gate is no device of this hub" in out
    assert "cn-gsp, assumed" in out


def test_an_agent_by_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of an agent it says when the hub tells, and when its own modem does."""
    path = tmp_path / "agent.toml"
    path.write_text(AGENT + MODEM)
    assert cli.main(["check", str(path), "--explain"]) == 0
    out = capsys.readouterr().out

    assert (
        "    fridge-3 at 9 degC or 1 degC or -2 degC: the hub tells people after 10 min; where it has"
        " not, SMS by the own modem to Li after 12 min; sounds at once; batches on hold after 30 min"
    ) in out
    assert "mains lost: the hub tells people after 2 s; where it has not, SMS by the own" in out
    assert "to Li after 5 s" in out
    path.write_text(AGENT)
    assert cli.main(["check", str(path), "--explain"]) == 0
    assert "NOT TOLD: this agent has no modem of its own" in capsys.readouterr().out


BY_DAY_EN = (
    "  by day only: the first step's people, once; what comes by night waits for the morning, and"
    " nothing is sent if it is over by then; no own modem tells of it"
)
SILENT = "door contact silent or mains input silent"
LAMP = """
[[sites.assets]]
id = "lamp-1"
kind = "lamp"
name = { zh = "1号紫外线灯", en = "Lamp 1" }
"""
SWITCHED = """
[lamp]
[[lamp.lamps]]
id = "lamp-1"
relay = { line = 23 }
pulse = { line = 24 }
door = { line = 5 }
presence = { line = 6 }
beacon = { line = 25 }
"""
LAMP_CURRENT = """
[[assets]]
id = "lamp-1"
profiles = ["cn-gsp"]
[[assets.points]]
name = "tube"
quantity = "current"
driver = { kind = "simulated" }
"""
CARD = """
[[assets.points]]
name = "card"
quantity = "card_worn"
driver = { kind = "pi" }
"""
CERTIFICATE = (
    'calibration = { certificate = "T-1", date = "2026-03-02", due = "2027-03-01",'
    ' points = [{ reference = 2.0, reading = 2.1 }] }\n[assets.points.driver]\nkind = "ds18b20"'
)


def test_what_waits_for_the_day(explain: Any) -> None:
    """Told once, to the first step, between these hours; what hurts people or stock is not among it."""
    agent = AGENT.replace('[assets.points.driver]\nkind = "ds18b20"', CERTIFICATE) + CARD
    said = explain(HUB + LAMP, agent + SWITCHED, "--lang", "en")[1].splitlines()
    once = "one SMS to Li, Wang, Amy{}, by day only (08:00 to 18:00)"

    for line in (
        f"fridge-3 reading stuck: {once.format(' after 12 h')}; sounds after 12 h",
        f"fridge-3 memory card worn out: {once.format(' after 1 h')}; sounds after 1 h",
        f"fridge-3 {SILENT}: {once.format(' after 30 min')}; sounds after 30 min",
        f"lamp-1 needs somebody (a fault, wiping, a new tube): {once.format('')}",
        f"a probe's certificate overdue: {once.format('')}",
    ):
        assert f"    {line}" in said
    assert BY_DAY_EN in said
    (welded,) = [line for line in said if "cannot be switched off" in line]
    assert "SMS to Li, Wang, Amy at once, again every 10 min" in welded
    assert sum("by day" in line for line in said) == 6
    assert not any("certificate" in line for line in explain()[1].splitlines())


def test_what_waits_is_in_json(explain: Any) -> None:
    """With the first step alone, and nobody told again."""
    (site,) = json.loads(explain(HUB, AGENT, "--json")[1])["explained"]["sites"]
    (stuck,) = [each for each in site["assets"][0]["cases"] if each["what"] == "reading stuck"]

    assert (stuck["by_day"], stuck["own"], stuck["opens_ms"]) == (True, [], 720 * MINUTE)
    assert [(each["after_ms"], each["repeat_ms"]) for each in stuck["tells"]] == [
        (720 * MINUTE, None)
    ]


def test_the_own_modems_part(explain: Any) -> None:
    """The hub's explanation says whom the modem beside a fridge tells; of what waits it tells nobody."""
    said = explain(HUB, AGENT + MODEM)[1].splitlines()
    own = "; where the hub has not, SMS by the own modem of pi-1 to Li after "

    assert any(
        line.startswith("    fridge-3 at 9 degC") and f"{own}12 min" in line for line in said
    )
    assert any("fridge-3 mains lost" in line and f"{own}5 s" in line for line in said)
    assert not any("by day" in line and own in line for line in said)
    assert own not in "".join(explain()[1])


FREEZER = """
[[sites.assets]]
id = "freezer-1"
kind = "freezer"
profiles = ["freezer"]
name = { zh = "1号冷柜", en = "Freezer 1" }
"""
# What is the Pi's own, on an asset of its own.
ONLY_PI = """
[[assets]]
id = "pi"
profiles = ["cn-gsp"]
[[assets.points]]
name = "sd"
quantity = "card_worn"
driver = { kind = "pi" }
"""


def about(asset: str, out: str) -> list[str]:
    """Return the lines of an asset."""
    return [line.strip() for line in out.splitlines() if asset in line]


def test_what_no_agent_measures_is_not_told(explain: Any) -> None:
    """With every file given, what no agent has is watched by nobody, whatever hub.toml calls it."""
    out = explain(HUB + FREEZER + LAMP)[1]

    assert about("freezer-1", out) == [
        "Freezer 1 (freezer-1)", "NOT TOLD: freezer-1: no agent measures it",
    ]  # fmt: skip
    assert about("lamp-1", out) == ["Lamp 1 (lamp-1)", "NOT TOLD: lamp-1: no agent switches it"]
    out = explain(HUB + FREEZER + LAMP, AGENT, "--lang", "zh")[1]
    assert "无人得知：freezer-1：没有采集端测量" in out
    assert "无人得知：lamp-1：没有采集端控制" in out


def test_an_agent_whose_file_is_not_given_may_measure_it(explain: Any) -> None:
    """With the file of one of two agents, the other one may measure the rest, with a certificate."""
    out = explain(HUB.replace('["pi-1"]', '["pi-1", "pi-2"]') + FREEZER)[1]

    assert "no agent" not in out
    assert "    freezer-1 at -14 degC" in out
    assert "    a probe's certificate overdue: one SMS to Li, Wang, Amy" in out


def test_what_the_hubs_settings_lack(explain: Any) -> None:
    """Told by its id; a fridge that has two ids is found by the two lines about it."""
    other = AGENT.replace('"fridge-3"', '"fridge3"')
    out = explain(agent=other + SWITCHED + ONLY_PI)[1]

    assert "NOT TOLD: fridge-3: no agent measures it" in out
    assert "fridge-3 at" not in out
    assert "    fridge3 at 9 degC or 1 degC or -2 degC: SMS to Li, Wang, Amy after 10 min" in out
    assert (
        "NOT TOLD: fridge3 of pi-1 is not in the hub's settings: messages call it by that id, and the"
        " daily one that all is well leaves it out; add it to [[sites.assets]], with the same id"
    ) in out
    assert "    lamp-1 cannot be switched off: SMS to Li, Wang, Amy at once" in out
    assert "NOT TOLD: lamp-1 of pi-1 is not in the hub's settings" in out
    # The Pi's own points need no name there, and have no mains, door or stock.
    assert "    pi memory card worn out: one SMS to" in out
    assert "NOT TOLD: pi" not in out
    out = explain(HUB, other, "--lang", "zh")[1]
    assert "无人得知：fridge3（pi-1）不在中心端设置中：短信只写这个编号" in out


def test_a_lamp_whose_current_is_measured_is_a_lamp_all_the_same(explain: Any) -> None:
    """Its own alarms are told, and it has no door and no stock to measure."""
    out = explain(HUB + LAMP, AGENT + LAMP_CURRENT + SWITCHED)[1]

    heading, welded, needs = about("lamp-1", out)
    assert heading == "Lamp 1 (lamp-1): cn-gsp"
    assert welded.startswith("lamp-1 cannot be switched off: SMS to Li, Wang, Amy at once")
    assert needs.startswith("lamp-1 needs somebody")


def test_an_agent_that_says_another_site(explain: Any) -> None:
    """A site that is misspelt in the agent's file: the hub takes nothing of it, so nothing is watched."""
    wrong = AGENT.replace('"east-gate"', '"east-gat"')
    out = explain(agent=wrong)[1]

    assert (
        "NOT TOLD: pi-1 says site east-gat, and this hub has it at east-gate: the hub refuses every"
        " record of it; write the same site in both files"
    ) in out
    assert about("fridge-3", out) == [
        "Fridge 3 (fridge-3)", "NOT TOLD: fridge-3: no agent measures it",
    ]  # fmt: skip
    assert (
        "pi-1 的设置写的站点是 east-gat，本中心端设置的是 east-gate"
        in (explain(HUB, wrong, "--lang", "zh")[1])
    )


def test_nobody_is_a_word(explain: Any) -> None:
    """Where a site has nobody to tell, no line ends in nothing."""
    begin, end = HUB.index("[[escalations]]"), HUB.index("[[sites]]")
    alone = (HUB[:begin] + HUB[end:]).replace('escalation = "county"', "tell = []")
    agent = AGENT.replace('[assets.points.driver]\nkind = "ds18b20"', CERTIFICATE)
    said = explain(alone, agent)[1].splitlines()

    assert "    nothing heard from pi-1: nobody is told" in said
    assert "    a probe's certificate overdue: nobody is told" in said
    assert "    fridge-3 mains lost: nobody is told; sounds after 2 s" in said
    assert not any("by day" in line for line in said)
    assert "    收不到 pi-1 的任何消息：不通知任何人" in explain(alone, agent, "--lang", "zh")[1]


def test_in_chinese(explain: Any) -> None:
    """The same facts, for the other half of the readers."""
    said = explain(HUB + LAMP, AGENT + MODEM, "--lang", "zh")[1].splitlines()

    assert said[0] == "hub.toml：设置无误"
    assert said[1] == "柳河县三源浦朝鲜族镇中心卫生院预防接种门诊（east-gate），通知方案 county"
    assert said[3] == (
        "    fridge-3 在 9 ℃或1 ℃或-2 ℃ 时：10分钟后发短信给Li、Wang、Amy，每10分钟重复，直到有人回复；"
        "25分钟后再通知Chen（manager）；中心端未能通知时，pi-1 自带的调制解调器12分钟后发短信给Li；"
        "立即鸣响；30分钟后批次停用"
    )
    assert (
        "    fridge-3 读数不变：12小时后发一次短信给Li、Wang、Amy，只在白天（08:00 至 18:00）；12小时后鸣响"
    ) in said
    assert "  值班 manager：Chen 每天 00:00 至 24:00" in said
    assert any(line.startswith("  “只在白天”：只通知第一步的人，只发一次") for line in said)
    bare = explain(HUB.replace('way_test = "10:00"', "").replace(CHEN, CHEN + WEEKDAYS), None,
                   "--lang", "zh")[1]  # fmt: skip
    assert "无人得知：从不测试通知通道（`way_test`）" in bare
    assert "无人得知：周一 18:00 至 周二 08:00、" in bare
    assert "无人担任 manager：届时改由下一步的人" in bare


def test_both_languages_have_the_same_fields() -> None:
    """What one language says of an asset, a person or a time, the other one says as well."""
    import string

    def fields(text: str) -> set[str | None]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    own = {"kind", "verb"}  # English grammar; whose file it is stands in its name
    for zh, en in PHRASES.values():
        assert fields(zh) == fields(en) - own


def test_what_has_nothing_to_explain(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A watcher's file tells nobody of fridges; one line says so."""
    path = tmp_path / "watch.toml"
    path.write_text(Path("docs/settings/watch.toml").read_text())

    assert cli.main(["check", str(path), "--explain"]) == 1
    assert "--explain is for settings of a hub or an agent" in capsys.readouterr().out


@pytest.mark.parametrize("profile", ["cn-gsp", "who-pqs", "cdc-vfc", "freezer", "ultra-cold"])
def test_every_rule_of_a_profile_is_explained(profile: str) -> None:
    """No rule of any profile is left out of what is said of a fridge."""
    import tomllib

    low, high = (limit / 1000 for limit in storage_of(profile))
    lines = f'profiles = ["{profile}"]\nstorage = [{low}, {high}]'
    text = AGENT.replace('profiles = ["cn-gsp"]', lines)
    agent = AgentSettings.model_validate(tomllib.loads(text))
    measured = ("temperature", "present", "open")
    rules = {rule.id for quantity in measured for rule in rules_for(profile, quantity)}
    (site,) = explain_agent(agent).sites

    assert {rule for case in site.assets[0].cases for rule in case.rules} >= rules


def test_the_sample_settings_are_explained(house: Path) -> None:
    """What docs/settings holds can be explained."""
    import tomllib

    hub = HubSettings.model_validate(
        tomllib.loads((house / "docs" / "settings" / "hub.toml").read_text())
    )

    assert list(lines(explain_hub(hub), Say("en")))
