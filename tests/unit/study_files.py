"""The results of a study on disk, made up: as much of them as `gliobench.load` and ``compare`` read."""

from pathlib import Path

import pandas as pd

from gliobench.evaluation.cells import score_cell
from gliobench.evaluation.comparison import comparison_table
from gliobench.files import read_table, table_schema, write_json, write_table
from gliobench.origin import origin

PUBLISHED = Path(__file__).parents[2] / "config" / "published.tsv"


def make_patients(labels):
    """Table ``patients``, from labels by patient_id."""
    table = pd.DataFrame({"patient_id": list(labels), "label": list(labels.values())})
    return full(table.assign(label_name=table["label"].map({0: "no", 1: "yes"})), "patients")


def make_images(content):
    """Table ``series``, from the content of usable images by patient_id and modality; None has no content."""
    rows = [
        {"patient_id": patient, "modality": modality, "content": digest, "status": "ok"}
        | {"n_files": 1, "blank_fraction": 0.0}
        for (patient, modality), digest in content.items()
    ]
    return full(pd.DataFrame(rows, columns=["patient_id", "modality", "content", "status", "n_files"]), "series")


def full(table, schema):
    """Return a table with all columns of its schema, empty where it has none."""
    return table.reindex(columns=list(table_schema(schema)["properties"]))


def labels_of(cells):
    """Labels by patient_id, from the predictions of some cells of one cohort."""
    rows = pd.concat([table for predictions, *_ in cells for table in predictions])
    return dict(rows.drop_duplicates("patient_id").set_index("patient_id")["label"].sort_index())


def score_study(cells):
    """Table ``comparison`` of some cells, each (predictions, records)."""
    metrics = pd.concat([score_cell(*cell[:2], base_seed=1, resamples=100) for cell in cells], ignore_index=True)
    grid = metrics.drop_duplicates(["cohort", "approach", "variant", "modality", "protocol"]).to_dict("records")
    kinds = dict.fromkeys(metrics["cohort"], "synthetic")
    return comparison_table(metrics, grid, read_table(PUBLISHED, "published"), kinds)


def write_study(folder, cells, seed=1, kind="synthetic", prefix="image", **config):
    """Write the cells of a study; `prefix` makes the images of its patients its own."""
    write_table(score_study(cells), folder / "tables" / "comparison.tsv", "comparison")
    for cohort in dict.fromkeys(records[0]["cohort"] for _, records, *_ in cells):
        mine = [cell for cell in cells if cell[1][0]["cohort"] == cohort]
        labels = labels_of(mine)
        write_table(make_patients(labels), folder / cohort / "patients.tsv", "patients")
        images = make_images({(patient, "FLAIR"): f"{prefix}-{cohort}-{patient}" for patient in labels})
        write_table(images, folder / cohort / "series.tsv", "series")
    for predictions, records, *_ in cells:
        for table, record in zip(predictions, records, strict=True):
            names = [record[name] for name in ("approach", "variant", "modality", "protocol")]
            place = [f"repeat-{record['repeat']}", f"seed-{record['seed_index']}", "batch-0"]
            run = folder.joinpath(record["cohort"], "runs", *names, *place)
            write_table(table, run / "predictions.tsv", "predictions")
            write_json(record | {"cohort_kind": kind}, run / "run.json")
    config = {"study": folder.name, "seed": seed, "cohorts": {"planted": {"kind": kind}}} | config
    write_json({"origin": origin(), "config": config}, folder / "study.json")
    return folder
