"""Which brakes are in force, asked before any resource exists, so that a deploy keeps them and says so.

In: the notes that `tickwire guests off`, `tickwire pause` or the guests' own alarm left. Out: the stage with
its brakes. What they did is no drift: the program wants it while its note is there.
"""

from __future__ import annotations

from dataclasses import replace

import pulumi
import pulumi_aws as aws

from tickwire.brakes import GUESTS, PAUSE, RELEASES, Note, folder
from tickwire.stage import Stage

SAYS = {GUESTS: "guest access is closed", PAUSE: "the stage is paused"}


def braked(stage: Stage) -> Stage:
    """The stage as it is to be deployed. Names that nobody knows are no brakes."""
    place = folder(stage.name)
    found = aws.ssm.get_parameters_by_path(path=place)
    notes = {
        name.removeprefix(f"{place}/"): Note.read(value)
        for name, value in zip(found.names, found.values, strict=True)
    }
    in_force = {brake: notes[brake] for brake in SAYS if brake in notes}
    for brake, note in in_force.items():
        pulumi.log.warn(
            f"{SAYS[brake]} since {note.since}, by {note.by}, and stays so; `{RELEASES[brake]}` ends it"
        )
    return replace(stage, brakes=frozenset(in_force))
