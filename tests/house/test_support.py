"""The helpers of the tests themselves do what they promise."""

from __future__ import annotations

from tests.support.mosquitto import Mosquitto
from tests.support.ports import answers


def test_mosquitto_stops_and_comes_back_on_the_same_port(mosquitto: Mosquitto) -> None:
    """A broker can be stopped, killed and started again, at one address, within a test."""
    port = mosquitto.port
    assert answers(mosquitto.host, port)

    mosquitto.stop()
    assert not answers(mosquitto.host, port)

    mosquitto.start()
    assert mosquitto.port == port
    assert answers(mosquitto.host, port)

    mosquitto.kill()
    assert not mosquitto.running
    assert not answers(mosquitto.host, port)

    mosquitto.start()
    assert answers(mosquitto.host, port)
