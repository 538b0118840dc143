"""`tickwire url`: a signed address for any MQTT client."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable

import click

from tickwire.topic import INTERVALS
from tickwire_client._client import Client, SignedAddress
from tickwire_client._lanes import BAR_LANES
from tickwire_client._platform import Platform
from tickwire_client.cli._shared import Setting, platform_options, run

EXAMPLE = """\
from urllib.parse import urlsplit
import paho.mqtt.client as mqtt
address = urlsplit({url!r})
version = mqtt.CallbackAPIVersion.VERSION2
client = mqtt.Client(version, {client_id!r}, transport="websockets", protocol=mqtt.MQTTv5)
client.ws_set_options(address.path + "?" + address.query, headers={{"Host": {host!r}}})
if address.scheme == "wss": client.tls_set()
client.on_connect = lambda *_: client.subscribe({topics!r})
client.on_message = lambda client, data, message: print(message.topic, message.payload.decode())
client.connect(address.hostname, address.port or {{"ws": 80, "wss": 443}}[address.scheme])
client.loop_forever()
"""


@click.command()
@click.option(
    "--topic", "topics", multiple=True, help="A topic you want; may be repeated.  [default: all prices]"
)
@platform_options
def url(setting: Setting, topics: tuple[str, ...]) -> None:
    """Print a signed address for any MQTT client.

    Only the address goes to standard output. It opens one connection within five minutes; connect with the
    client id that is shown beside it, and with the Host header that the signature covers.
    """
    run(_url(setting, topics))


async def _url(setting: Setting, topics: tuple[str, ...]) -> None:
    async with Client(setting.url) as client:
        platform = client.platform
        wanted = _checked(platform, topics)
        signed = await client.signed_address()
    if setting.as_json:
        click.echo(json.dumps(_facts(signed, wanted)))
        return
    click.echo(signed.url)
    click.echo(f"client id  {signed.client_id}", err=True)
    click.echo(f"Host       {signed.host}", err=True)
    click.echo(f"topics     {' '.join(wanted)}", err=True)
    click.echo(
        f"valid      {signed.valid_s // 60} minutes, for one connection (--json adds an example)", err=True
    )


def _facts(signed: SignedAddress, topics: list[str]) -> dict[str, object]:
    return {
        "url": signed.url,
        "clientId": signed.client_id,
        "host": signed.host,
        "topics": topics,
        "validSeconds": signed.valid_s,
        "example": EXAMPLE.format(
            url=signed.url,
            client_id=signed.client_id,
            host=signed.host,
            topics=[(topic, 0) for topic in topics[:8]],  # one SUBSCRIBE holds eight
        ),
    }


def _checked(platform: Platform, topics: tuple[str, ...]) -> list[str]:
    if not topics:
        return [platform.price_topic(symbol) for symbol in platform.symbols]
    known, nameable = _topics(platform, BAR_LANES), _topics(platform, INTERVALS)
    for topic in topics:
        if topic in nameable and topic not in known:
            reason = f"{topic!r}; expected 1m or 1d on the bar lane: `tickwire history --bars` has the others"
            raise click.BadParameter(reason, param_hint="--topic")
        if topic not in known:
            near = difflib.get_close_matches(topic, known, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else f"expected one such as {known[0]}"
            raise click.UsageError(f"topic is {topic!r}, which this stage doesn't have; {hint}")
    return list(topics)


def _topics(platform: Platform, intervals: Iterable[str]) -> list[str]:
    return [
        template.replace("{interval}", interval).replace("{symbol}", symbol)
        for template in platform.topics.values()
        for interval in (intervals if "{interval}" in template else ("",))
        for symbol in (platform.symbols if "{symbol}" in template else ("",))
    ]
