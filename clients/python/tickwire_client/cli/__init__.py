"""The `tickwire` command: its commands, its exit codes, and what a person sees when something goes wrong.

In: arguments. Out: text, or with --json one JSON object a line; errors as one line on standard error. A
reader that closes the pipe ends any command quietly and with success.
"""

from __future__ import annotations

import os
import sys
from typing import NoReturn

import click

from tickwire_client import errors
from tickwire_client.cli._shared import Setting, platform_options
from tickwire_client.cli.cost import cost
from tickwire_client.cli.dead import dead
from tickwire_client.cli.doctor import doctor
from tickwire_client.cli.guests import guests
from tickwire_client.cli.history import history
from tickwire_client.cli.limits import limits
from tickwire_client.cli.pause import pause, resume
from tickwire_client.cli.publish import publish
from tickwire_client.cli.record import record
from tickwire_client.cli.replay import replay
from tickwire_client.cli.url import url
from tickwire_client.cli.watch import watch

USAGE, UNREACHABLE, REFUSED, INTERRUPTED = 2, 3, 4, 130
EXIT_CODES = """\b
Exit codes:
  0    done, or the reader closed the pipe
  1    the platform answered with an error, or doctor found one
  2    wrong usage: an unknown option or symbol, a price or an address that can't be
  3    no answer, or no Tickwire at that address
  4    identity or key refused
  130  interrupted
"""


@click.group(epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tickwire-client", prog_name="tickwire")
@platform_options
@click.pass_context
def cli(context: click.Context, setting: Setting) -> None:
    """Live prices from a Tickwire platform, named by --url or TICKWIRE_URL."""
    context.obj = setting


for command in (
    cost,
    dead,
    doctor,
    guests,
    history,
    limits,
    pause,
    publish,
    record,
    replay,
    resume,
    url,
    watch,
):
    command.epilog = EXIT_CODES
    cli.add_command(command)


def main() -> NoReturn:
    """Run the command that the arguments name, and exit."""
    try:
        code = cli.main(prog_name="tickwire", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has what they wanted. The interpreter flushes once more at exit: let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        code = USAGE
    except click.ClickException as error:
        click.echo(f"tickwire: {error.format_message()}", err=True)
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        code = INTERRUPTED
    except errors.TickwireError as error:
        click.echo(f"tickwire: {error}", err=True)
        code = exit_code(error)
    sys.exit(code if isinstance(code, int) else 0)


def exit_code(error: errors.TickwireError) -> int:
    """What a script may tell apart."""
    match error:
        case (
            errors.AddressError()
            | errors.UnknownSymbolError()
            | errors.LaneError()
            | errors.LaneOffError()
            | errors.RecordingError()
            | errors.TickError()
            | errors.TooManyTopicsError()
        ):
            return USAGE
        case errors.UnreachableError() | errors.NotTickwireError():
            return UNREACHABLE
        case errors.UnauthorizedError() | errors.TopicRefusedError() | errors.RejectedError(status=401 | 403):
            return REFUSED
    return 1
