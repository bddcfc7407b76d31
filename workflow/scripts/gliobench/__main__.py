"""Commands without Snakemake: ``python -m gliobench scan`` and ``python -m gliobench compare``."""

import argparse
import sys

from gliobench.errors import GlioBenchError, refused


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m gliobench", description="GlioBench without Snakemake.")
    commands = parser.add_subparsers(dest="command", required=True)
    of_scan = commands.add_parser(
        "scan", help="write patients.tsv from a folder of DICOM or NIfTI, one folder per patient, and a table of labels"
    )
    of_scan.add_argument("folder", help="holds a folder per patient")
    of_scan.add_argument("--labels", required=True, help="CSV or TSV with the columns patient_id and label")
    of_scan.add_argument("--table", default="patients.tsv", help="the table to write (default: %(default)s)")
    of_scan.add_argument("--positive", metavar="WORD", help="labels are two words, of which this one becomes 1")
    of_scan.add_argument("--force", action="store_true", help="replace a table that exists")
    of_compare = commands.add_parser("compare", help="put two finished studies, or two versions of one, on one page")
    of_compare.add_argument("first", help="folder of a study, for example results/demo")
    of_compare.add_argument("second", help="folder of the study that is subtracted")
    of_compare.add_argument("--output", default="comparison.html", help="the page to write (default: %(default)s)")
    asked = parser.parse_args(arguments)
    try:
        print(_scan(asked) if asked.command == "scan" else _compare(asked))
    except GlioBenchError as error:
        sys.exit(f"GlioBench: {error}")
    except OSError as error:
        sys.exit(f"GlioBench: {refused(error)}")


def _scan(asked: argparse.Namespace) -> str:
    from gliobench.cohorts.find import scan  # each command imports only what it needs

    return scan(asked.folder, asked.labels, asked.table, asked.positive, asked.force)


def _compare(asked: argparse.Namespace) -> str:
    from gliobench.compare import compare_studies

    return compare_studies(asked.first, asked.second, asked.output)


if __name__ == "__main__":
    main()
