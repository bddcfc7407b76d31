"""``python -m gliobench scan <folder> --labels <table>``: a cohort's table from a folder of images."""

import argparse
import sys

from gliobench.cohorts.find import scan
from gliobench.errors import GlioBenchError


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
    asked = parser.parse_args(arguments)
    try:
        print(scan(asked.folder, asked.labels, asked.table))
    except GlioBenchError as error:
        sys.exit(f"GlioBench: {error}")


if __name__ == "__main__":
    main()
