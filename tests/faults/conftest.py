"""One stage for all faults, deployed by the real program; a proxy stands before its table and broker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.platform import Platform
from tests.faults.lab import BARS, CONFLATED, FOLLOWERS, FUNCTION, UNIVERSE, Lab, until
from tests.faults.proxy import Proxy


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lanes = dict.fromkeys(CONFLATED, "1s")
    settings = {"feedPaused": True, "symbols": list(UNIVERSE), "priceLanes": lanes}
    state = tmp_path_factory.mktemp("faults")
    with (
        Platform(state=state, keep=False, settings=settings, say=lambda _: None) as platform,
        Proxy(port=platform.cloud.port, server=platform.cloud.pid) as proxy,
    ):
        functions = platform.client("lambda")
        through = {"AWS_ENDPOINT_URL_DYNAMODB": proxy.url, "IOT_ENDPOINT": proxy.url}
        for name in (FUNCTION, *FOLLOWERS):
            known = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
            functions.update_function_configuration(
                FunctionName=name, Environment={"Variables": {**known, **through}}
            )
        (bars,) = functions.list_event_source_mappings(FunctionName=BARS)["EventSourceMappings"]
        # In place of five seconds, so that ten kills don't take a minute.
        functions.update_event_source_mapping(UUID=bars["UUID"], MaximumBatchingWindowInSeconds=1)
        lab = Lab(platform, proxy)
        (symbol,) = lab.symbols(1)
        lab.send([(symbol, lab.ticks(symbol, 1))])
        until(lambda: lab.stored(symbol), "nothing came through")
        assert proxy.met, "the function doesn't call through the proxy"
        yield lab
