"""Signatures, against those of AWS's own code."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from awscrt import auth, http

from tickwire_client._sign import presign
from tickwire_client.identity import Credentials

NOW = datetime(2026, 11, 21, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize("host", ["abc-ats.iot.eu-west-1.amazonaws.com", "127.0.0.1:4566", "ABC.example.org"])
@pytest.mark.parametrize("token", ["to+ken/with=signs", None])
def test_the_address_is_the_one_that_aws_own_code_signs(host: str, token: str | None) -> None:
    """Same credentials, host and time: the same address, the token appended and not signed."""
    credentials = Credentials(access_key="ASIAEXAMPLE", secret_key="se/cr+et", token=token)
    signed = presign(
        "wss://example.org/mqtt",
        host=host,
        region="eu-west-1",
        service="iotdevicegateway",
        credentials=credentials,
        now_s=NOW.timestamp(),
    )
    request = http.HttpRequest("GET", "/mqtt", http.HttpHeaders([("Host", host.lower())]))
    config = auth.AwsSigningConfig(
        signature_type=auth.AwsSignatureType.HTTP_REQUEST_QUERY_PARAMS,
        credentials_provider=auth.AwsCredentialsProvider.new_static("ASIAEXAMPLE", "se/cr+et", token),
        region="eu-west-1",
        service="iotdevicegateway",
        date=NOW,
        omit_session_token=True,
    )
    theirs = auth.aws_sign_request(request, config).result(5).path
    assert _parts(signed.removeprefix("wss://example.org")) == _parts(theirs)
    assert ("X-Amz-Security-Token" in signed.rpartition("&")[2]) is (token is not None)


def _parts(path: str) -> list[str]:
    return sorted(path.replace("?", "&").split("&"))


def test_secrets_do_not_show_when_credentials_are_printed() -> None:
    """Logs and tracebacks print values; these stay out of them."""
    assert "hush" not in repr(Credentials(access_key="A", secret_key="hush", token="hush"))
