"""The resource monitor: what Pulumi's runtime calls for each resource, look-up and export of a program.

In: requests of the runtime, from several threads, each resource after all that it needs. Out: its id and
properties. Options become a `Wanted`; `local.engine.work` does the rest. A resource that fails is reported as
failed, so that the program goes on with whatever doesn't need it, and every failure is told at once; nothing
that needs it is tried.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, resource_pb2

from local.engine.aws import DEFAULT_REGION, is_unreachable, sentence
from local.engine.deployment import DeployError, Say
from local.engine.invokes import look_up
from local.engine.values import Inputs, answered, has_unknown, provider_settings, received, without_unknown
from local.engine.work import Wanted, Work

_STACK = "pulumi:pulumi:Stack"
_PROVIDER = "pulumi:providers:aws"
# What a provider may be told that makes no difference here: there is one cloud, and it is given.
_IDLE_SETTINGS = frozenset(
    [
        "accessKey",
        "secretKey",
        "token",
        "profile",
        "endpoints",
        "s3UsePathStyle",
        "skipCredentialsValidation",
        "skipMetadataApiCheck",
        "skipRegionValidation",
        "skipRequestingAccountId",
        "version",
    ]
)

SECRET_LENGTH_MIN = 8
"""A shorter secret isn't blotted out of messages: it may be a word that they need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Where resources go, and the tags that they all get."""

    region: str = DEFAULT_REGION
    tags: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Provider:
        for name in settings.keys() - _IDLE_SETTINGS - {"region", "defaultTags"}:
            raise DeployError(f"the local engine doesn't know the provider's setting {name}")
        default_tags = settings.get("defaultTags") or {}
        return cls(region=settings.get("region") or DEFAULT_REGION, tags=default_tags.get("tags") or {})


class Monitor:
    """Answers one evaluation of one program."""

    def __init__(
        self, *, project: str, stage: str, provider: Provider, secret_texts: Iterable[str], work: Work
    ) -> None:
        self.outputs: dict[str, Any] = {}
        self.secret_outputs: frozenset[str] = frozenset()
        self.errors: list[str] = []
        self.registered: set[str] = set()
        self._prefix = f"urn:pulumi:{stage}::{project}::"
        self._work = work
        self._providers = {"": provider}
        self._failed: set[str] = set()
        self._secret_texts: set[str] = set(secret_texts)
        self._lock = threading.Lock()

    # ---- called by the runtime; the names are Pulumi's -----------------------------------------------------

    def GetDeploymentInfo(self, request: Any) -> resource_pb2.DeploymentInfo:  # noqa: N802
        return resource_pb2.DeploymentInfo(
            supportedFeatures=[
                resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
                resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
            ]
        )

    def RegisterResource(self, request: Any) -> resource_pb2.RegisterResourceResponse:  # noqa: N802
        urn = self._urn(request)
        label = f"{request.type} {request.name}"
        try:
            self._claim(urn)
            if self._failed.intersection([*request.dependencies, request.parent]):
                return self._failure(urn)
            inputs = received(request.object)
            with self._lock:
                self._secret_texts |= inputs.secret_texts
            if request.type.startswith("pulumi:providers:"):
                return self._provider(urn, request, inputs)
            if not request.custom:
                return resource_pb2.RegisterResourceResponse(urn=urn, object=request.object)
            if has_unknown(inputs.values) and not self._work.preview:
                return self._failure(urn)  # something that failed is in there, and it was told
            self._adopt_alias(urn, request)
            ref, outputs = self._work.bring(self._wanted(urn, request, inputs))
        except Exception as error:
            return self._failure(urn, f"{label}: {sentence(error)}", error)
        return resource_pb2.RegisterResourceResponse(
            urn=urn, id=ref, object=answered(outputs, inputs, request.additionalSecretOutputs)
        )

    def RegisterResourceOutputs(self, request: Any) -> empty_pb2.Empty:  # noqa: N802
        if f"::{_STACK}::" in request.urn:
            exports = received(request.outputs)
            self.outputs = without_unknown(exports.values)
            self.secret_outputs = frozenset(exports.secret)
        return empty_pb2.Empty()

    def Invoke(self, request: Any) -> resource_pb2.ResourceInvokeResponse:  # noqa: N802
        try:
            provider = self._providers[request.provider]
            found = look_up(request.tok, self._work.aws.at(provider.region), received(request.args).values)
        except Exception as error:
            self._stop(f"{request.tok}: {sentence(error)}", error)
            raise DeployError(self.errors[0]) from None
        return resource_pb2.ResourceInvokeResponse(**{"return": answered(found, Inputs(values={}))})

    def ReadResource(self, request: Any) -> Any:  # noqa: N802
        raise self._unsupported(f"{request.type} {request.name}: reading what another program made (.get)")

    def Call(self, request: Any) -> Any:  # noqa: N802
        raise self._unsupported(f"{request.tok}: calling a method of a resource")

    def RegisterStackTransform(self, request: Any) -> Any:  # noqa: N802
        raise self._unsupported("a transform")

    def SignalAndWaitForShutdown(self, request: Any) -> empty_pb2.Empty:  # noqa: N802
        return empty_pb2.Empty()

    # ---- helpers -------------------------------------------------------------------------------------------

    def without_secrets(self, text: str) -> str:
        """The text with every secret that the program uses blotted out."""
        with self._lock:
            secrets = sorted(self._secret_texts, key=len, reverse=True)
        for secret in (one for one in secrets if len(one) >= SECRET_LENGTH_MIN):
            text = text.replace(secret, "[secret]")
        return text

    def _urn(self, request: Any) -> str:
        parent_type = request.parent.split("::")[2] if request.parent else ""
        chain = f"{parent_type}$" if parent_type and parent_type != _STACK else ""
        return f"{self._prefix}{chain}{request.type}::{request.name}"

    def _claim(self, urn: str) -> None:
        with self._lock:
            if urn in self.registered:
                raise DeployError("the program makes two resources of this type, name and parent; rename one")
            self.registered.add(urn)

    def _provider(self, urn: str, request: Any, inputs: Inputs) -> resource_pb2.RegisterResourceResponse:
        if request.type != _PROVIDER:
            raise DeployError("the local engine has no other provider than aws")
        ref = str(uuid.uuid5(uuid.NAMESPACE_URL, urn))
        self._providers[f"{urn}::{ref}"] = Provider.of(provider_settings(inputs.values))
        return resource_pb2.RegisterResourceResponse(urn=urn, id=ref, object=request.object)

    def _wanted(self, urn: str, request: Any, inputs: Inputs) -> Wanted:
        if request.importId:
            raise DeployError(
                "importing isn't possible in the local cloud: there is nothing that it didn't make"
            )
        provider = self._providers[request.provider]
        return Wanted(
            urn=urn,
            type=request.type,
            values=inputs.values,
            region=inputs.values.get("region") or provider.region,
            default_tags=provider.tags,
            needs=[*request.dependencies, *([request.parent] if request.parent else [])],
            needs_by_property={name: list(one.urns) for name, one in request.propertyDependencies.items()},
            protect=request.protect,
            retain=request.retainOnDelete,
            deleted_with=request.deletedWith,
            delete_first=request.deleteBeforeReplace,
            ignored=list(request.ignoreChanges),
            replaced_on=list(request.replaceOnChanges),
        )

    def _adopt_alias(self, urn: str, request: Any) -> None:
        state = self._work.state
        with state.lock:
            for alias in request.aliasURNs:
                if urn not in state.resources and alias in state.resources and alias not in self.registered:
                    resource = state.resources.pop(alias)
                    resource.urn = urn
                    state.resources[urn] = resource

    def _failure(
        self, urn: str, message: str = "", error: Exception | None = None
    ) -> resource_pb2.RegisterResourceResponse:
        if message:
            self._stop(message, error)
        with self._lock:
            self._failed.add(urn)
        return resource_pb2.RegisterResourceResponse(urn=urn, result=resource_pb2.FAIL)

    def _stop(self, message: str, error: Exception | None) -> None:
        message = self.without_secrets(message)
        # With the cloud gone every other resource fails alike: once is enough.
        is_echo = error is not None and is_unreachable(error) and bool(self.errors)
        with self._lock:
            if message not in self.errors and not is_echo:
                self.errors.append(message)

    def _unsupported(self, what: str) -> DeployError:
        self._stop(f"{what} isn't supported by the local engine", None)
        return DeployError(self.errors[-1])


class Log:
    """The runtime's log: what the program says to a person is said, the runtime's own chatter isn't."""

    def __init__(self, say: Say) -> None:
        self._say = say

    def Log(self, request: Any) -> None:  # noqa: N802
        if request.severity == engine_pb2.ERROR:
            self._say(f"error: {request.message}")
        elif request.severity == engine_pb2.WARNING:
            self._say(f"warning: {request.message}")
        elif request.severity == engine_pb2.INFO:
            self._say(request.message)

    def RequirePulumiVersion(self, request: Any) -> None:  # noqa: N802
        """Whatever version the program asks for, the SDK that it runs on is the one installed."""
