"""What a guest may do: decided by an evaluator of our own on the generated documents, at every size."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from components import guest
from tests.components.iam import allows, statements
from tickwire.errors import ConfigError
from tickwire.topic import Topics

OWN = "us-east-1:11111111-2222-3333-4444-555555555555"
OTHER = "us-east-1:99999999-2222-3333-4444-555555555555"
ME = {"cognito-identity.amazonaws.com:sub": OWN}
SYMBOLS = ("AAPL", "BRK.B", "BTC-USD")


def arn(region: str = "us-east-1", partition: str = "aws") -> Callable[[str], str]:
    return lambda resource: f"arn:{partition}:iot:{region}:123456789012:{resource}"


def documents(topics: Topics, symbols: tuple[str, ...] = SYMBOLS) -> list[str]:
    return [guest.general(topics, arn()), *guest.by_symbol(topics, symbols, arn()).values()]


def may(action: str, resource: str, *, prefix: str = "") -> bool:
    return allows(documents(Topics(prefix)), f"iot:{action}", arn()(resource), ME)


@pytest.mark.parametrize("prefix", ["", "dev", "a/b/c/d"])
@pytest.mark.parametrize(
    "lane",
    ["prices/AAPL", "prices/BRK.B", "alerts/BTC-USD", "bars/1m/AAPL", "bars/15m/AAPL", "board", "status"],
)
def test_a_guest_subscribes_to_each_lane_and_receives_it(lane: str, prefix: str) -> None:
    """Both rights are needed: Subscribe on the filter, Receive on the topic."""
    topic = f"{prefix}/{lane}" if prefix else lane
    assert may("Subscribe", f"topicfilter/{topic}", prefix=prefix)
    assert may("Receive", f"topic/{topic}", prefix=prefix)


@pytest.mark.parametrize(
    "pattern",
    [
        "#",
        "+",
        "+/+",
        "+/AAPL",
        "prices",
        "prices/",
        "prices/#",
        "prices/+",
        "prices/*",
        "prices/?",
        "prices/A*",
        "prices/AAPL/#",
        "prices/AAP",
        "prices/AAPLX",
        "prices/aapl",
        "prices/BRKxB",
        "prices/MSFT",
        "alerts/+",
        "bars/#",
        "bars/1m/#",
        "bars/1m/+",
        "bars/+/+",
        "bars/1m/MSFT",
        "board/#",
        "$share/all/prices/#",
        "$share/all/prices/AAPL",
        "$aws/events/presence/connected/+",
        "$aws/things/x/shadow/update",
        "dev/prices/AAPL",
    ],
)
def test_a_guest_can_not_subscribe_to_anything_else(pattern: str) -> None:
    """Wildcards, unknown symbols, parts of known ones, shared subscriptions, reserved topics."""
    assert not may("Subscribe", f"topicfilter/{pattern}")


def test_one_filter_may_cover_all_intervals_of_one_symbol_and_no_other_symbol() -> None:
    """`*` stands for the interval, so `+` in its place is a filter that a guest may use."""
    assert may("Subscribe", "topicfilter/bars/+/AAPL")
    assert not may("Subscribe", "topicfilter/bars/+/MSFT")


@pytest.mark.parametrize("topic", ["prices/MSFT", "prices", "other", "dev/prices/AAPL", "$aws/things/x"])
def test_a_guest_does_not_receive_what_it_can_not_subscribe_to(topic: str) -> None:
    """Receive is checked at each delivery, so a widened subscription alone would bring nothing."""
    assert not may("Receive", f"topic/{topic}")


@pytest.mark.parametrize("client", [f"{OWN}-1", f"{OWN}-", f"{OWN}-a/b"])
def test_a_guest_connects_under_ids_that_begin_with_its_own_identity(client: str) -> None:
    """Every tab has an id of its own, and all of them are the guest's."""
    assert may("Connect", f"client/{client}")


@pytest.mark.parametrize(
    "client", [OWN, f"{OTHER}-1", "x", "*", "", f"{OWN}x-1", "${cognito-identity.amazonaws.com:sub}-1"]
)
def test_a_guest_can_not_connect_as_somebody_else(client: str) -> None:
    """Taking another's client id would throw that client off."""
    assert not may("Connect", f"client/{client}")


def test_a_guest_without_an_identity_can_not_connect() -> None:
    """The variable has no value then, and matches nothing."""
    assert not allows(documents(Topics()), "iot:Connect", arn()("client/-1"), {})


@pytest.mark.parametrize(
    "action", ["Publish", "RetainPublish", "GetRetainedMessage", "UpdateThingShadow", "SendDirectMessage"]
)
@pytest.mark.parametrize(
    "resource", ["topic/prices/AAPL", "topic/board", "topicfilter/prices/AAPL", "client/" + OWN + "-1", "*"]
)
def test_a_guest_can_do_nothing_but_listen(action: str, resource: str) -> None:
    """No action but Connect, Subscribe and Receive is granted on anything."""
    assert not may(action, resource)


def names(count: int, length: int) -> tuple[str, ...]:
    return tuple(f"{number:0{length}d}" for number in range(count))


WORST = names(100, 12)
LONGEST_PREFIX = "abcdefghijklmnopqrstuvwx"
LONGEST_REGION = "ap-southeast-1"


def test_the_largest_universe_fits_the_policies_of_a_role() -> None:
    """100 symbols of 12 characters, the longest prefix and region: 10 documents of 6,144 characters."""
    found = guest.by_symbol(Topics(LONGEST_PREFIX), WORST, arn(LONGEST_REGION))
    assert len(found) <= guest.DOCUMENTS_MAX
    assert max(map(len, found.values())) <= guest.DOCUMENT_CHARS_MAX
    resources = [
        one
        for document in found.values()
        for statement in statements(document)
        for one in statement["Resource"]
    ]
    assert len(resources) == len(set(resources)) == 100 * 6


def test_the_smallest_universe_needs_one_policy() -> None:
    """One symbol, one document."""
    assert list(guest.by_symbol(Topics(), ("A",), arn())) == [0]


def test_a_universe_that_no_role_can_hold_is_refused_in_one_sentence() -> None:
    """Where ARNs are longer than in any commercial region, the largest universe doesn't fit."""
    with pytest.raises(ConfigError, match=r"100 entries.*10 policies.*expected fewer symbols"):
        guest.by_symbol(Topics(LONGEST_PREFIX), WORST, arn("us-gov-west-1", "aws-us-gov"))


@pytest.mark.parametrize("count", [1, 2, 8, 20, 50, 100])
def test_every_symbol_is_granted_exactly_once_at_any_size(count: int) -> None:
    """Splitting drops nothing and doubles nothing."""
    symbols = names(count, 5)
    found = guest.by_symbol(Topics("dev"), symbols, arn())
    for symbol in symbols:
        assert sum(f'topicfilter/dev/prices/{symbol}"' in document for document in found.values()) == 1


@pytest.mark.parametrize("count", [8, 20, 50, 80])
def test_removing_a_symbol_changes_only_the_policy_that_named_it(count: int) -> None:
    """The others stay as they are, so no guest loses another symbol meanwhile."""
    symbols = names(count, 5)
    before = guest.by_symbol(Topics(), symbols, arn())
    for removed in symbols:
        after = guest.by_symbol(Topics(), [symbol for symbol in symbols if symbol != removed], arn())
        changed = [slot for slot in before if before[slot] != after.get(slot)]
        assert len(changed) == 1, (removed, changed)
        assert removed in before[changed[0]]


def test_the_order_of_symbols_changes_nothing() -> None:
    """Sorting a stage's file isn't a change of rights."""
    symbols = names(50, 5)
    assert guest.by_symbol(Topics(), symbols, arn()) == guest.by_symbol(Topics(), symbols[::-1], arn())
