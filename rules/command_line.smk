# No rules here: what the command line says.
import sys
from functools import cache
from pathlib import Path

from snakemake.cli import get_argument_parser


@cache
def command_line():
    """The options and targets of the command line, in all their spellings: Snakemake tells a Snakefile few of them."""
    program = Path(sys.argv[0])
    as_module = program.parts[-2:] == ("snakemake", "__main__.py")
    is_snakemake = program.name == "snakemake" or as_module
    # Another program that loads this file through Snakemake's API has a command line of its own.
    return get_argument_parser().parse_args(sys.argv[1:] if is_snakemake else [])


def is_target(target):
    """Whether the command line names a target."""
    return target in command_line().targets


def command_without(target):
    """The arguments of the command line without a target; the same word may be the value of an option."""
    given = sys.argv[1:]
    marked = [
        f"{word}:{place}" if word == target else word
        for place, word in enumerate(given)
    ]
    targets = get_argument_parser().parse_args(marked).targets
    return [
        word for word, mark in zip(given, marked, strict=True) if mark not in targets
    ]


def something_forced():
    """Whether the command line forces a re-run: existing results then do not matter."""
    given = command_line()
    return bool(given.forceall or given.force or given.forcerun)


def from_scratch():
    """Whether the command line re-runs everything: how the study began then does not matter."""
    return command_line().forceall
