"""The command `verifai`: its subcommands by name, and exit codes for everything that can happen.

Each subcommand lives in a module of its own that is imported when it is called, so that
`verifai verify` on a small network pays for nothing that it does not use.

May import: click, exits, ending, streams; the subcommands on demand. Must not know: what they do.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from types import ModuleType
from typing import NoReturn

import click

from verifai import __version__
from verifai.bounds.memory import keep_memory
from verifai.bounds.threads import start_with_one_thread
from verifai.cli.ending import hear_signals, interrupted_by_sigterm, leave
from verifai.cli.exits import SCHEMA, Exit, OutOfTime, near, sentence
from verifai.kernel.errors import InputError, Unable
from verifai.streams import leave_output, own_output

_COMMANDS = {
    "verify": "Decide a VNN-LIB property of an ONNX network.",
    "robust": "Decide whether a model's answer stays the same around an input.",
    "range": "Decide whether an output stays within limits on a box.",
    "monotone": "Decide whether raising an input never lowers an output.",
    "equivalent": "Decide whether two models agree up to a tolerance.",
    "check": "Re-check a certificate against the original files.",
    "supports": "Say what is supported, as the VNN-LIB standard asks.",
    "solve": "Ask SMT solvers about a property; their models are replayed exactly.",
    "export": "Write a network or a query as SMT-LIB 2 or as SymPy expressions.",
    "inspect": "Show an ONNX network's operators and what blocks it, if anything does.",
    "certify": "Measure certified accuracy on a data set, with all evidence in a folder.",
    "ci": "Re-check the kept proofs of a project's properties.",
    "bench": "Run a list of instances, one process each, and compare.",
    "vnncomp": "Answer one instance as VNN-COMP asks.",
    "report": "Show results as one HTML page.",
    "theorem": "Check statements about the mathematics of deep learning.",
    "claim": "Decide one statement over numbers, truth values or matrices.",
    "demo": "Verify and refute robustness of a small digit classifier.",
}


class _Commands(click.Group):
    """A group that knows its commands' names and imports only the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command = _module(f"verifai.cli.{cmd_name}").command
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in _COMMANDS and not name.startswith("-"):
            raise click.UsageError(f"no command {name!r}{near(name, _COMMANDS)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


def _module(name: str) -> ModuleType:
    """The module; what it imports for the first time stays, so nobody looks for garbage in it."""
    if name in sys.modules or not gc.isenabled():
        return importlib.import_module(name)
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        gc.freeze()
        gc.enable()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(version)s")
@click.version_option("", "--name", message="verifai", help="Show the solver's name and exit.")
def group() -> None:
    """Verify neural networks; a small exact kernel checks every answer.

    Exit codes of verify: 0 verified, 1 falsified, 2 unknown, 3 time-out, 4 usage or error.
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and leave the process with its exit code.

    BLAS is kept to one thread (unless the environment says otherwise): the search's own workers
    use the cores, and starting a thread pool costs more than a small network needs. Freed memory
    is kept, because clearing its pages again costs more than the arithmetic on them. Standard
    output is the command's alone, and SIGTERM ends it as Ctrl-C does.
    """
    start_with_one_thread()
    keep_memory()
    code = None
    try:
        with own_output(for_good=arguments is None), interrupted_by_sigterm():
            code = run(sys.argv[1:] if arguments is None else arguments)
            leave_output()
    finally:  # an exception (of memory, while another is told) would leave with 1
        if code is None:
            os._exit(Exit.ERROR)
    if arguments is None:
        leave(code)
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run the command; the exit code, whatever happens. No exception leaves this function."""
    try:
        hear_signals()
        with group.make_context("verifai", list(arguments)) as context:
            code = group.invoke(context)
        sys.stdout.flush()
        return int(code or 0)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        _say(error.format_message(), err=True)
        return Exit.ERROR
    except click.ClickException as error:
        asked = error.ctx if isinstance(error, click.UsageError) else None
        hint = f" (see {asked.command_path} --help)" if asked else ""
        return _fail(error.format_message() + hint, arguments)
    except OutOfTime as late:
        return _late(str(late), arguments)
    except (KeyboardInterrupt, click.Abort):
        return _interrupted(arguments)
    except (InputError, Unable, OSError, ImportError) as error:
        if isinstance(error, BrokenPipeError) and error.filename is None:
            return Exit.ERROR  # nobody reads standard output any more
        return _fail(sentence(error), arguments)
    except MemoryError:
        return _fail("memory ran out; nothing was decided", arguments)
    except (Exception, SystemExit) as error:  # Python may leave with 1, which says "falsified"
        traceback.print_exc()
        return _fail(f"internal error: {error!r}", arguments)


def _interrupted(arguments: Sequence[str]) -> int:
    _say("interrupted", err=True)
    _say_json({"verdict": "unknown", "reason": "interrupted"}, arguments)
    return Exit.UNKNOWN


def _late(reason: str, arguments: Sequence[str]) -> int:
    _say(f"time-out: {reason}", err=True)
    _say_json({"verdict": "timeout", "reason": reason}, arguments)
    return Exit.TIMEOUT


def _fail(message: str, arguments: Sequence[str]) -> int:
    _say(f"error: {message}", err=True)
    _say_json({"verdict": "error", "error": message}, arguments)
    return Exit.ERROR


def _say_json(found: dict[str, str], arguments: Sequence[str]) -> None:
    if "--json" in arguments:
        _say(json.dumps({"schema": SCHEMA} | found))


def _say(words: str, *, err: bool = False) -> None:
    """Prints where that is possible: the exit code must not depend on it."""
    with suppress(OSError, ValueError):
        click.echo(words, err=err)
