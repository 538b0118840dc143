"""A symbol more or less: policy, discovery and feed follow, and nothing else."""

from __future__ import annotations

from pathlib import Path

from local.platform import Platform

FUNCTIONS = {"bars", "door", "feed", "ingest", "query", "status"}


def test_adding_a_symbol_changes_policy_discovery_and_the_functions_list_only(tmp_path: Path) -> None:
    """Nothing is made, replaced or deleted but for a policy that has to hold more; history stays."""
    settings = {"feedPaused": True, "symbols": ["AAPL", "MSFT"]}
    with Platform(state=tmp_path, keep=False, settings=settings, say=lambda _: None) as stage:
        done = stage.deploy(symbols=["AAPL", "MSFT", "TSLA"])
        changed = {name.rpartition(" ")[2] for name in done.updated}
        assert {name for name in changed if not name.startswith("identity-guest")} == {
            *FUNCTIONS,
            "tickwire.json",
        }
        assert any(name.startswith("identity-guest") for name in changed)
        assert (done.created, done.replaced, done.deleted) == ((), (), ())
        assert stage.discovery["symbols"] == ["AAPL", "MSFT", "TSLA"]
        again = stage.deploy()
        assert not again.changed
