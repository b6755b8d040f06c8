"""The demo's broker: mosquitto where it is installed, else an embedded one in Python."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

from coldwatch.demo.processes import Processes, wait_for_port

MOSQUITTO = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 0
message_size_limit 2000000
"""


def mosquitto_path() -> str | None:
    """Return where mosquitto is; Debian keeps it out of a user's PATH."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def start_broker(processes: Processes, folder: Path, port: int) -> str:
    """Start a broker on a loopback port; return the protocol version that it speaks."""
    path = mosquitto_path()
    if path is not None:
        file = folder / "mosquitto.conf"
        file.write_text(MOSQUITTO.format(port=port))
        processes.start("broker", [path, "-c", str(file)])
        protocol = "5"
    else:
        processes.python("broker", "coldwatch.demo.broker", str(port))
        protocol = "3.1.1"
    wait_for_port(port, "the broker")
    return protocol


async def _serve(port: int) -> None:
    """Serve MQTT 3.1.1 with amqtt, for a trial on a machine where nothing may be installed."""
    from amqtt.broker import Broker

    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
            "plugins": {
                "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}
            },
        }
    )
    await broker.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
