"""The scripts behind `make`: they find Python, install once, and leave the system as it was.

The programs they call are stand-ins here, small scripts on a PATH of the test's own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

# What the scripts call of a plain system; everything else has to come from the test.
PLAIN = (
    "sh", "bash", "env", "cat", "cut", "sha256sum", "dirname", "find", "grep", "rm", "tail",
    "mktemp", "chmod", "tee", "mkdir", "cp", "printf", "touch", "ls",
)  # fmt: skip

# A Python that writes down how it was called, and makes environments of itself.
FAKE_PYTHON = """\
#!/bin/sh
printf '%s\\n' "$*" >>"$CALLS"
case "$*" in
*"--version"*) echo "Python 3.13.0" ;;
*"-venv"*) echo python3.13-venv ;;
*"import ensurepip"*) [ -e "$HAS_PIP" ] ;;
"-m venv .venv") mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
esac
"""


@pytest.fixture
def stage(tmp_path: Path, house: Path) -> Any:
    """A copy of the checkout's scripts beside a PATH of stand-ins; returns a way to run them."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in PLAIN:
        found = shutil.which(name)
        assert found, name
        (programs / name).symlink_to(found)
    copy = tmp_path / "checkout"
    (copy / "requirements").mkdir(parents=True)
    shutil.copytree(house / "tools", copy / "tools")
    (copy / "pyproject.toml").write_text("[project]\n")
    (copy / "requirements" / "dev.txt").write_text("a==1 --hash=sha256:00\n")
    return _Stage(copy, programs, tmp_path)


class _Stage:
    """Where the scripts run in these tests."""

    def __init__(self, checkout: Path, programs: Path, root: Path) -> None:
        self.checkout = checkout
        self.programs = programs
        self.policy = root / "policy-rc.d"
        self.calls_file = root / "calls"
        self.has_pip = root / "has-pip"
        self.has_pip.touch()

    def program(self, name: str, text: str) -> None:
        """Put a program on the PATH."""
        path = self.programs / name
        path.write_text(text)
        path.chmod(0o755)

    def run(self, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of the scripts and return what came of it."""
        return subprocess.run(
            [str(self.checkout / "tools" / script), *arguments],
            env={
                "PATH": str(self.programs),
                "CALLS": str(self.calls_file),
                "HAS_PIP": str(self.has_pip),
                "COLDWATCH_POLICY_RC_D": str(self.policy),
            },
            cwd="/",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def calls(self) -> list[str]:
        """Return how the stand-ins were called since the last time."""
        lines = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        self.calls_file.unlink(missing_ok=True)
        return lines


class TestEnvironment:
    def test_no_python_is_one_clear_line(self, stage: Any) -> None:
        """Without a Python that serves, it says what is missing and what to do."""
        done = stage.run("environment.sh")

        assert done.returncode == 1
        assert done.stderr.startswith(
            "coldwatch: no Python 3.11 or newer with venv, ssl and sqlite3"
        )
        assert "no python3 at all" in done.stderr
        assert done.stderr.count("\n") == 1

    def test_a_name_that_only_complains_is_passed_over(self, stage: Any) -> None:
        """The names that version managers leave on PATH are tried, and not believed."""
        stage.program("python3.14", "#!/bin/sh\necho not set up >&2\nexit 127\n")
        stage.program("python3.12", FAKE_PYTHON)

        assert stage.run("environment.sh").returncode == 0
        assert (stage.checkout / ".venv" / "bin" / "python").exists()

    def test_packages_come_with_hashes_and_the_project_without_the_net(self, stage: Any) -> None:
        """Everything foreign is checked against its hash; the project brings nothing along."""
        stage.program("python3.13", FAKE_PYTHON)

        done = stage.run("environment.sh")

        assert (done.returncode, done.stdout) == (0, "")
        installs = [call for call in stage.calls() if " install " in call]
        assert len(installs) == 2
        assert "--require-hashes --requirement requirements/dev.txt" in installs[0]
        assert "--no-deps --no-build-isolation --editable ." in installs[1]

    def test_the_second_run_installs_nothing_and_says_nothing(self, stage: Any) -> None:
        """What was made from the same lock is used as it is."""
        stage.program("python3.13", FAKE_PYTHON)
        stage.run("environment.sh")
        stage.calls()

        done = stage.run("environment.sh")

        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert not [call for call in stage.calls() if "install" in call]

    def test_a_changed_lock_is_installed(self, stage: Any) -> None:
        """The stamp is of the lock: when that changes, the environment follows."""
        stage.program("python3.13", FAKE_PYTHON)
        stage.run("environment.sh")
        stage.calls()
        (stage.checkout / "requirements" / "dev.txt").write_text("a==2 --hash=sha256:00\n")

        stage.run("environment.sh")

        assert [call for call in stage.calls() if "--require-hashes" in call]

    def test_a_failed_install_leaves_no_stamp(self, stage: Any) -> None:
        """After a failure the next run tries again, and does not trust half an environment."""
        failing = FAKE_PYTHON.replace("esac", '*" install "*) exit 1 ;;\nesac')
        stage.program("python3.13", failing)

        assert stage.run("environment.sh").returncode != 0
        assert not (stage.checkout / ".venv" / "made-from").exists()

    def test_a_python_without_ensurepip_asks_for_its_package(self, stage: Any) -> None:
        """On Debian, venv is a package of its own: without the right to bring it, it is named."""
        stage.program("python3.13", FAKE_PYTHON)
        stage.has_pip.unlink()

        done = stage.run("environment.sh")

        assert done.returncode == 1
        assert (
            "python3.13 has no ensurepip; run: sudo apt-get install python3.13-venv" in done.stderr
        )

    def test_a_python_without_ensurepip_gets_its_package(self, stage: Any) -> None:
        """Where apt may run, it brings ensurepip and the work goes on."""
        stage.program("python3.13", FAKE_PYTHON)
        stage.program("id", "#!/bin/sh\necho 0\n")
        stage.program("apt-get", f'#!/bin/sh\necho "apt $*" >>"$CALLS"\n: >"{stage.has_pip}"\n')
        stage.has_pip.unlink()

        assert stage.run("environment.sh").returncode == 0
        assert any(re.search("^apt .* install python3.13-venv$", call) for call in stage.calls())


class TestSystemPackages:
    def test_an_unknown_purpose_is_refused(self, stage: Any) -> None:
        """A purpose that does not exist is no reason to install nothing in silence."""
        assert (
            "unknown purpose tset; write demo, test or uml"
            in stage.run("system-packages.sh", "tset").stderr
        )

    def test_without_the_right_it_prints_the_line_and_goes_on(self, stage: Any) -> None:
        """Who may not install is told what to run, and is not stopped."""
        stage.program("id", "#!/bin/sh\necho 1000\n")
        stage.program("apt-get", '#!/bin/sh\necho "apt $*" >>"$CALLS"\n')

        done = stage.run("system-packages.sh", "demo")

        assert (done.returncode, done.stdout) == (0, "")
        said = (
            r"coldwatch: missing, and only root may bring them: sudo apt-get install .*sqlite3.*\n"
        )
        assert re.fullmatch(said, done.stderr)
        assert stage.calls() == []

    def test_without_apt_it_names_the_programs(self, stage: Any) -> None:
        """On a system without apt the names are what can be said."""
        done = stage.run("system-packages.sh", "demo")

        assert done.returncode == 0
        assert re.search("these programs are missing: .*sqlite3", done.stderr)

    def test_nothing_missing_is_silent(self, stage: Any) -> None:
        """What is there already is neither installed nor spoken of."""
        for name in ("mosquitto", "gammu-smsd", "sqlite3"):
            stage.program(name, "#!/bin/sh\n")
        # The file that no program shows: this find has it.
        (stage.programs / "find").unlink()
        stage.program("find", "#!/bin/sh\necho /usr/lib/dbd/libdbdsqlite3.so\n")

        done = stage.run("system-packages.sh", "demo")

        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")

    @pytest.mark.parametrize("fails", [False, True])
    def test_no_service_is_started_while_apt_runs(self, stage: Any, fails: bool) -> None:
        """Nothing is started while apt runs, and what came along stays switched off after it."""
        stage.program("id", "#!/bin/sh\necho 0\n")
        stage.program("systemctl", '#!/bin/sh\necho "systemctl $*" >>"$CALLS"\n')
        stage.program(
            "apt-get",
            '#!/bin/sh\n"$COLDWATCH_POLICY_RC_D"\necho "apt $* policy=$?" >>"$CALLS"\n'
            f"exit {int(fails)}\n",
        )

        done = stage.run("system-packages.sh", "demo")

        calls = stage.calls()
        assert done.returncode == 0
        assert not stage.policy.exists()
        # 101 is what invoke-rc.d takes for "this action is forbidden".
        assert all(call.endswith("policy=101") for call in calls if call.startswith("apt"))
        install = next(call for call in calls if " install " in call)
        assert "gammu-smsd" in install
        if fails:
            assert "to try again by hand: sudo apt-get install" in done.stderr
        else:
            assert "systemctl --quiet disable gammu-smsd" in calls

    def test_a_policy_that_was_there_is_left_alone(self, stage: Any) -> None:
        """An administrator's own policy is neither replaced nor removed."""
        stage.policy.write_text("#!/bin/sh\nexit 104\n")
        stage.program("id", "#!/bin/sh\necho 0\n")
        stage.program("apt-get", "#!/bin/sh\n")

        stage.run("system-packages.sh", "demo")

        assert stage.policy.read_text() == "#!/bin/sh\nexit 104\n"

    def test_a_policy_that_a_killed_run_left_is_removed(self, stage: Any) -> None:
        """What an earlier run left behind does not forbid services for ever."""
        mark = re.search(r"mark='(.+)'", (stage.checkout / "tools/system-packages.sh").read_text())
        assert mark
        stage.policy.write_text(f"#!/bin/sh\n{mark[1]}\nexit 101\n")
        stage.program("id", "#!/bin/sh\necho 0\n")
        stage.program("apt-get", "#!/bin/sh\n")

        stage.run("system-packages.sh", "demo")

        assert not stage.policy.exists()


class TestMake:
    def test_the_menu_shows_every_target(self, house: Path) -> None:
        """`make` alone prints each target that a person may ask for, with its line."""
        menu = subprocess.run(
            ["make", "--no-print-directory"],
            cwd=house,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout

        shown = re.findall(r"(?m)^  ([a-z-]+) +\S", menu)
        for target in ("demo", "test", "check", "bench", "soak", "docs", "clean", "lock"):
            assert target in shown
        phony = re.search(r"(?m)^\.PHONY: (.+)$", (house / "Makefile").read_text())
        assert phony
        assert set(phony[1].split()) - {"environment"} == set(shown)

    @pytest.mark.parametrize("name", ["environment.sh", "system-packages.sh", "lock.sh"])
    def test_the_scripts_are_plain_sh(self, house: Path, name: str) -> None:
        """Debian's sh can read each script, and may run it."""
        script = house / "tools" / name

        subprocess.run(["sh", "-n", str(script)], check=True, timeout=60)
        assert os.access(script, os.X_OK)
