"""The AWS calls of one deploy: boto3 clients of the local cloud, made once each and shared by all threads.

A client costs some 20 ms to make and isn't safe to make in two threads at once; using one is safe.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.model import StructureShape

from local.engine.deployment import DeployError

ACCESS_KEY, SECRET_KEY = "test", "test"
"""The local cloud's root, as which the engine acts."""
DEFAULT_REGION = "us-east-1"

# One attempt beyond the first: the local cloud doesn't throttle, so a second failure is an answer.
_CONFIG = Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 2})
_MISSING = ("NotFound", "NoSuch", "NonExistent", "DoesNotExist")
_TAKEN = ("AlreadyExist", "Duplicate")


class Clients:
    """Every client of one endpoint, by service and region."""

    def __init__(self, endpoint: str, session: Any = None) -> None:
        self.endpoint = endpoint
        self._session: Any = session or boto3.Session(ACCESS_KEY, SECRET_KEY)
        self._made: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()
        self.of_thread = threading.local()

    def at(self, endpoint: str) -> Clients:
        """The clients of another endpoint, which share what was read of the services' models."""
        return self if endpoint == self.endpoint else Clients(endpoint, self._session)

    def get(self, service: str, region: str) -> Any:
        with self._lock:
            if (service, region) not in self._made:
                self._made[service, region] = self._session.client(
                    service, region_name=region, endpoint_url=self.endpoint, config=_CONFIG
                )
            return self._made[service, region]


class Aws:
    """The local cloud seen from one region."""

    def __init__(self, clients: Clients, region: str = DEFAULT_REGION, account: str = "") -> None:
        self.clients = clients
        self.region = region
        self.account = account or str(self.call("sts", "GetCallerIdentity")["Account"])

    def at(self, region: str) -> Aws:
        return self if region == self.region else Aws(self.clients, region, self.account)

    def client(self, service: str) -> Any:
        return self.clients.get(service, self.region)

    def form(self, service: str, operation: str) -> StructureShape:
        """What the call takes."""
        shape: StructureShape = self.client(service).meta.service_model.operation_model(operation).input_shape
        return shape

    def call(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(self.client(service), xform_name(operation))(**arguments)
        answer.pop("ResponseMetadata", None)
        self.clients.of_thread.answers = self.answers + 1
        return answer

    @property
    def answers(self) -> int:
        """How many calls of this thread have succeeded."""
        return getattr(self.clients.of_thread, "answers", 0)

    def items(
        self, service: str, operation: str, path: str, arguments: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """All entries of a listing, over its pages."""
        client, name = self.client(service), xform_name(operation)
        pages = client.get_paginator(name).paginate(**arguments) if client.can_paginate(name) else None
        found: list[dict[str, Any]] = []
        for page in pages or [getattr(client, name)(**arguments)]:
            for step in path.split("."):
                page = page.get(step) or {}
            found.extend(page or [])
        return found


def is_missing(error: Exception) -> bool:
    """Whether the call failed because the thing isn't there."""
    return isinstance(error, ClientError) and (
        _code(error) == "404" or any(one in _code(error) for one in _MISSING)
    )


@contextmanager
def tolerating(is_harmless: Callable[[Exception], bool]) -> Iterator[None]:
    """Go on after an error that says no more than that the work is done already."""
    try:
        yield
    except Exception as error:
        if not is_harmless(error):
            raise


def is_taken(error: Exception) -> bool:
    """Whether a creation failed because something of that name is there already."""
    return isinstance(error, ClientError) and any(one in _code(error) for one in _TAKEN)


def is_unreachable(error: Exception) -> bool:
    return isinstance(error, NoConnectionError | HTTPClientError)


def sentence(error: Exception) -> str:
    """What AWS said, without boto3's preamble."""
    if isinstance(error, ClientError):
        return f"{_code(error)}: {error.response['Error'].get('Message', 'no reason given')}"
    if is_unreachable(error):
        return f"the local cloud doesn't answer ({error})"
    if isinstance(error, BotoCoreError | DeployError):
        return " ".join(str(error).split())
    return f"{type(error).__name__}: {error}"


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
