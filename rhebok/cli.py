"""The words of the `rhebok` command: takes its flags from the table, and calls launch.

Called by command, mostly in a process of its own.
"""

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from rhebok import __version__, reporting
from rhebok.errors import EndedWith, ExitStatus, UserError
from rhebok.gunicorn import sources
from rhebok.gunicorn.command_line import Words
from rhebok.settings import dump as config_dump
from rhebok.settings.configuration import Config
from rhebok.settings.table import TABLE, Group, Setting

if TYPE_CHECKING:
    from rhebok.doctor.finding import Finding

Serve = Callable[[Config], None]

ELSEWHERE = "(docs/FROM-GUNICORN.md: what became of each option of gunicorn)"

USAGE = "[OPTIONS] [MODULE[:ATTRIBUTE]]"

DOCTOR_HELP = f"""\
Usage: rhebok doctor [--json] {USAGE}

Looks at this machine and at the configuration, as a server with these options
would find them, and says what to change: docs/DOCTOR.md. With --pid also at the
server that runs. Exit status 1 when something has to change, otherwise 0.

  --json  The findings as JSON."""


def main(arguments: Sequence[str] | None = None) -> int:
    """`arguments` is without the name of the command. Returns the exit status."""
    from rhebok import launch  # which a process that only reads does without

    return run(sys.argv[1:] if arguments is None else arguments, launch.serve, launch.check)


def run(arguments: Sequence[str], serve: Serve, check: Serve) -> int:
    """Parses the arguments and carries out the action. A test may replace `serve` and `check`."""

    def action() -> None:
        words = sources.read(arguments, sources.COMMAND_LINE)
        parsed = _parse([*words.positional[:1], *words.arguments])
        if isinstance(parsed, dict):
            _carry_out(parsed, words, serve, check)

    return run_reported(action)


def doctor(arguments: Sequence[str]) -> int:
    """`rhebok doctor`: examines the machine for a server with these arguments. 1: something has to change."""
    from rhebok.doctor import examination  # here: whoever serves does without
    from rhebok.doctor.finding import is_healthy

    def action() -> None:
        given = [word for word in arguments if word != "--json"]
        if {"-h", "--help"} & set(given):
            click.echo(DOCTOR_HELP)
            return
        findings = _examine(given)
        click.echo(examination.shown(findings, len(given) < len(arguments)), nl=False)
        if not is_healthy(findings):
            raise EndedWith(ExitStatus.FAILED)

    return run_reported(action)


def _examine(arguments: Sequence[str]) -> "list[Finding]":
    """What is wrong in the configuration is a finding too; then there is nothing else to look at."""
    from rhebok.doctor import examination
    from rhebok.doctor.finding import to_change
    from rhebok.doctor.system import System

    system = System()
    try:
        words = sources.read(arguments, sources.COMMAND_LINE)
        parsed = _parse([*words.positional[:1], *words.arguments])
        parsed.pop("action")
        config = sources.load(_given(parsed), words, os.environ, _parse_further)
        if config.settings.chdir:
            os.chdir(config.settings.chdir)
    except (UserError, OSError) as error:
        return [to_change("configuration", str(error), "the option, the variable or the file that it names")]
    except click.ClickException as error:
        return [to_change("configuration", error.format_message(), "rhebok --help has all options")]
    return examination.examine(config, arguments, system)


def run_reported(action: Callable[[], None]) -> int:
    """Returns the exit status. An error is reported in one line."""

    def translated() -> None:
        try:
            action()
        except click.NoSuchOption as error:
            raise UserError(f"{error.format_message()} {ELSEWHERE}", ExitStatus.USAGE) from None
        except click.ClickException as error:
            raise UserError(error.format_message(), ExitStatus.USAGE) from None
        except click.Abort:
            raise KeyboardInterrupt from None

    return reporting.run_reported(translated)


def values_to_serve(arguments: Sequence[str]) -> tuple[Any, ...] | None:
    """The fields of a Config that says to serve and is nothing but values; None for any other. Raises what
    run() would report. For command, which makes the Config in another process."""
    words = sources.read(arguments, sources.COMMAND_LINE)
    parsed = _parse([*words.positional[:1], *words.arguments])
    if not isinstance(parsed, dict) or parsed.pop("action"):
        return None
    try:
        config = sources.load(_given(parsed), words, os.environ, _parse_further, runs_python=False)
    except sources.NeedsPython:
        return None
    if config.hooks or config.logging:
        return None
    return (
        vars(config.settings),
        dict(config.sources),
        config.file,
        tuple(config.notes),
        {},
        None,
        dict(config.others),
    )


def _parse(arguments: list[str]) -> Any:
    """What click makes of them: a dictionary, or nothing when it has printed --help or --version."""
    return command().main(arguments, prog_name="rhebok", standalone_mode=False)


def _carry_out(parsed: dict[str, Any], words: Words, serve: Serve, check: Serve) -> None:
    action = parsed.pop("action")
    loaded = sources.load(_given(parsed), words, os.environ, _parse_further)
    if action == "print":
        click.echo(config_dump.dump(loaded), nl=False)
    elif action == "check":
        check(loaded)
        click.echo("rhebok: the configuration is valid")
    else:
        serve(loaded)


def _parse_further(arguments: list[str]) -> dict[str, object]:
    """Of another source than the command line."""
    parsed = _parse(arguments)
    values = _given(parsed) if isinstance(parsed, dict) else {}
    values.pop("action", None)
    return values


def _given(values: dict[str, Any]) -> dict[str, object]:
    """The values of the flags that were given."""
    return {name: value for name, value in values.items() if value is not None and value != ()}


class GroupedHelp(click.Command):
    """A command whose --help shows the groups of the table."""

    def format_options(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        for group in Group:
            with formatter.section(group.value):
                formatter.write_dl([_help_row(setting) for setting in TABLE if setting.group is group])
        with formatter.section("Command"):
            formatter.write_dl([(", ".join(flags), text) for flags, _, text in ACTIONS])


# The flags that are no settings: flags, value of `action` (or None), help.
ACTIONS = (
    (("-c FILE", "--config FILE"), None, "Read settings from this TOML file (also RHEBOK_CONFIG)."),
    (("--check-config",), "check", "Load configuration and application, and exit with 0 if both are valid."),
    (("--print-config",), "print", "Print the settings in force as TOML, with their sources, and exit."),
    (("-v", "--version"), None, "Print the version and exit."),
    (("-h", "--help"), None, "Print this help and exit."),
)


def _help_row(setting: Setting) -> tuple[str, str]:
    name = ", ".join(setting.flags).replace("/", " / ") or setting.kind.metavar
    metavar = f" {setting.kind.metavar}" if setting.flags and setting.kind.metavar else ""
    also = f" Also {', '.join(setting.aliases)}." if setting.aliases else ""
    default = "" if setting.default_text == "none" else f"  [{setting.default_text}]"
    return name + metavar, setting.help + also + default


def command() -> click.Command:
    """The table as a click command. Values stay text: config reads the values of all sources."""
    parameters: list[click.Parameter] = [_parameter(setting) for setting in TABLE]
    parameters.append(click.Option(["-c", "--config", "config"], metavar="FILE"))
    for flags, action, text in ACTIONS:
        if action:
            parameters.append(click.Option([*flags, "action"], flag_value=action, help=text, default=None))
    parameters.append(_version_option())
    return GroupedHelp(
        "rhebok",
        params=parameters,
        callback=lambda **values: values,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
        options_metavar=USAGE,
        help="Serve a WSGI application.",
    )


def _parameter(setting: Setting) -> click.Parameter:
    if not setting.flags:
        return click.Argument([setting.name], required=False, metavar="")
    names = [*setting.flags, *setting.aliases, setting.name]
    if setting.kind.bare:  # gunicorn.command_line has made a value of the other half
        names = [name.partition("/")[0] for name in names]
    if setting.kind.switch:
        return click.Option(names, is_flag=True, default=None)
    return click.Option(names, multiple=setting.kind.repeatable, type=click.UNPROCESSED)


def _version_option() -> click.Option:
    def show(context: click.Context, _option: click.Parameter, wanted: bool) -> None:
        if wanted and not context.resilient_parsing:
            click.echo(f"rhebok {__version__}")
            context.exit()

    names = ["-v", "--version", "version"]
    return click.Option(names, is_flag=True, is_eager=True, expose_value=False, callback=show)
