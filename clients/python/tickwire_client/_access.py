"""A platform as one identity may use it. Its methods block, as the identity may have to be fetched.

In: a platform and an identity. Out: client ids and signed addresses. Made anew when the platform refuses it.
"""

from __future__ import annotations

import secrets
import time

from tickwire_client._platform import Platform
from tickwire_client._sign import presign
from tickwire_client.identity import Credentials, Identity


class Access:
    """Remembers what it used last, so that exactly that is forgotten when it was refused."""

    def __init__(self, platform: Platform, identity: Identity) -> None:
        self.platform, self.identity = platform, identity
        self._used: Credentials | None = None

    def client_id(self) -> str:
        """One of its own at each call, from the discovery document's template."""
        template = self.platform.client_id
        if "{identityId}" in template:
            template = template.replace("{identityId}", self.identity.name())
        return template.replace("{random}", secrets.token_hex(8))

    def signed_url(self) -> str:
        """The broker's address, signed now."""
        platform, self._used = self.platform, self.identity.credentials()
        return presign(
            platform.iot_url,
            host=platform.signing_host,
            region=platform.region,
            service=platform.signing_service,
            credentials=self._used,
            now_s=time.time(),
        )

    def refused(self) -> None:
        """The platform refused what this gave."""
        if self._used is not None:
            self.identity.forget(self._used)
