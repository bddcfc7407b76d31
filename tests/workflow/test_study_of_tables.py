"""A study of tables alone runs to the table and the page, reads no image, and notices an edited table."""

import shutil

import numpy as np
import pandas as pd
import pytest
import yaml
from studies import finish, planned_rules, sentence

from gliobench.files import read_table

pytestmark = [pytest.mark.workflow, pytest.mark.own_study]
MINE = ["--configfile", "study.yaml", "--set-scatter", "shards=2"]
N_PATIENTS = 24
STUDY = {
    "study": "tables",
    "seed": 1,
    "bootstrap": 100,
    "cohorts": {
        "clinic": {
            "kind": "table",
            "table": "clinic/patients.tsv",
            "modalities": [],
            "features": {
                "clinical": {
                    "table": "clinical.csv",
                    "id": "ID",
                    "numbers": {"age": "Age"},
                    "categories": {"sex": "Sex"},
                },
                "radiomics": {"table": "r_*.csv", "id": "ID", "numbers": ["x*"]},
            },
        }
    },
    "splits": {"kfold": {"folds": 2, "repeats": 1, "validation": 0.34}},
    "runs": [
        {"approach": "tabular", "modalities": ["clinical", "radiomics", "all"]},
        {"approach": "tabular", "variants": ["forest", "svm"], "modalities": ["radiomics"]},
        {
            "approach": "tabular",
            "variants": ["selected", "selected_on_all"],
            "modalities": ["radiomics"],
            "permutations": 1,
        },
    ],
}


def write_clinic(project):
    """Write tables in which age tells the label, and radiomics do not; the last patient lacks radiomics."""
    clinic = project / "clinic"
    clinic.mkdir()
    rng = np.random.default_rng(0)
    labels = np.arange(N_PATIENTS) % 2
    ids = [f"p{number:02}" for number in range(N_PATIENTS)]
    pd.DataFrame({"patient_id": ids, "label": labels}).to_csv(clinic / "patients.tsv", sep="\t", index=False)
    clinical = pd.DataFrame({"ID": ids, "Age": 50 + 20 * labels, "Sex": ["F", "M"] * (N_PATIENTS // 2), "OS": 1})
    clinical.to_csv(clinic / "clinical.csv", index=False)
    for region in ("ED", "ET"):
        columns = {f"x{number}_{region}": rng.normal(size=N_PATIENTS) for number in range(60)}
        pd.DataFrame({"ID": ids, **columns})[:-1].to_csv(clinic / f"r_{region}.csv", index=False)
    (project / "study.yaml").write_text(yaml.safe_dump(STUDY), encoding="utf-8")


def test_a_study_of_tables_alone_runs_to_the_table_and_notices_an_edit(project):
    write_clinic(project)
    finish(project, *MINE)
    table = read_table(project / "results/tables/tables/comparison.tsv", "comparison")
    rows = table[table["part"] == "test"].set_index(["variant", "modality"])
    assert set(rows["status"]) == {"ok"}
    assert len(rows) == 7
    assert rows.loc[("main", "clinical"), "auc"] == 1
    assert rows.loc[("main", "clinical"), "n_patients"] == N_PATIENTS
    assert rows.loc[("main", "all"), "n_patients"] == N_PATIENTS - 1
    assert "all patients" in rows.loc[("selected_on_all", "radiomics"), "caveat"]
    leak, honest = (rows.loc[(name, "radiomics"), "auc"] for name in ("selected_on_all", "selected"))
    assert leak > honest
    excluded = read_table(project / "results/tables/tables/exclusions.tsv", "exclusions")
    assert list(zip(excluded["patient_id"], excluded["modality"], strict=True)) == [("p23", "radiomics")]
    series = read_table(project / "results/tables/clinic/series.tsv", "series")
    assert set(series["modality"]) == {"clinical", "radiomics"}
    assert planned_rules(project, *MINE) == set()
    clinical = project / "clinic/clinical.csv"
    clinical.write_text(clinical.read_text(encoding="utf-8").replace("50", "51"), encoding="utf-8")
    assert {"read_cohort", "preprocess", "train_sklearn"} <= planned_rules(project, *MINE)
    clinical.write_text(clinical.read_text(encoding="utf-8").replace("51", "fifty"), encoding="utf-8")
    assert "'Age' of patient p00 is 'fifty', not a finite number" in sentence(project, *MINE)


def spiked_study(folder):
    """Return a study, of a clinic in a folder, whose labels are also drawn from the patients' age."""
    changed = yaml.safe_load(yaml.safe_dump(STUDY))
    clinic = changed["cohorts"]["clinic"]
    clinic["table"] = str(folder / "patients.tsv")
    clinic["features"] = {"clinical": clinic["features"]["clinical"] | {"table": str(folder / "clinical.csv")}}
    clinic["spiked"] = {"features": "clinical", "column": "age", "oracle_auc": [0.9], "copies": 2}
    run = {"approach": "tabular", "modalities": ["clinical"], "permutations": 19, "spiked": True}
    return yaml.safe_dump(changed | {"runs": [run]})


def test_labels_drawn_from_features_are_kept_and_nothing_is_trained_when_the_files_only_moved(project, tmp_path):
    write_clinic(project)
    target = [*MINE, "--", "results/tables/tables/copies.tsv"]
    (project / "study.yaml").write_text(spiked_study(project / "clinic"), encoding="utf-8")
    finish(project, *target)
    copies = read_table(project / "results/tables/tables/copies.tsv", "copies")
    assert copies["labels"].tolist() == ["permutations", "spiked-0.90"]
    shutil.move(project / "clinic", tmp_path / "elsewhere")
    (project / "study.yaml").write_text(spiked_study(tmp_path / "elsewhere"), encoding="utf-8")
    planned = planned_rules(project, *target)
    assert "read_cohort" in planned
    assert not [rule for rule in planned if rule.startswith(("train", "preprocess", "split"))]
    finish(project, *target)
    assert planned_rules(project, *target) == set()


def test_a_survival_column_is_refused_before_anything_is_trained(project):
    write_clinic(project)
    changed = yaml.safe_load(yaml.safe_dump(STUDY))
    changed["cohorts"]["clinic"]["features"]["clinical"]["numbers"] = ["*"]
    del changed["cohorts"]["clinic"]["features"]["clinical"]["categories"]
    (project / "study.yaml").write_text(yaml.safe_dump(changed), encoding="utf-8")
    assert "'OS' of the features clinical is known only after the images" in sentence(project, *MINE)
