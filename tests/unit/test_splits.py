import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gliobench.errors import GlioBenchError
from gliobench.files import write_table
from gliobench.splits import check_split, draw_split, split_or_reason

HOLDOUT = {
    "method": "holdout",
    "unit": "patient",
    "among": "labelled",
    "repeats": 1,
    "validation": 0.1,
    "test": 0.1,
    "random_state": 12,
}
SITES = {"method": "sites", "minimum_site": 1, "validation": 0.25, "batches": 1}
CROSSWALK = (247, 207, 35, 28, 14, 13, 12, 6, 5, 4, 3, 3)  # sizes of the sites of the competition's patients
LOOCV = {"method": "loocv", "among": "complete", "validation": 0.15, "batches": 1}
DATES = {"method": "dates", "repeats": 2, "validation": 0.2}


def make_patients(n_negative, n_positive):
    label = [0] * n_negative + [1] * n_positive
    ids = [f"{(number * 37) % 9973:05}" for number in range(len(label))]
    return pd.DataFrame({"patient_id": ids, "label": label})


def kfold(folds, repeats=1, validation=0.25):
    return {"method": "kfold", "folds": folds, "repeats": repeats, "validation": validation, "batches": 1}


@settings(deadline=None, max_examples=40)
@given(
    n_negative=st.integers(12, 60),
    n_positive=st.integers(12, 60),
    folds=st.integers(2, 6),
    repeats=st.integers(1, 3),
    seed=st.integers(0, 2**31),
)
def test_kfold_tests_every_patient_once_a_repeat_and_keeps_patients_and_labels_apart(
    n_negative, n_positive, folds, repeats, seed
):
    patients = make_patients(n_negative, n_positive)
    split = draw_split(patients, None, kfold(folds, repeats), seed)
    label = patients.set_index("patient_id")["label"]
    for _, repeat in split.groupby("repeat"):
        tested = repeat.loc[repeat["role"] == "test", "patient_id"]
        assert sorted(tested) == sorted(patients["patient_id"])
        for _, fold in repeat.groupby("fold"):
            assert sorted(fold["patient_id"]) == sorted(patients["patient_id"]), "each patient has one role"
            test = label[fold.loc[fold["role"] == "test", "patient_id"]]
            assert abs(test.sum() - n_positive / folds) < 1
            assert abs((1 - test).sum() - n_negative / folds) < 1
            for role in ("train", "validation"):
                assert label[fold.loc[fold["role"] == role, "patient_id"]].nunique() == 2
    assert split["repeat"].nunique() == repeats
    assert set(split["fold"]) == set(range(folds))
    pd.testing.assert_frame_equal(split, draw_split(patients, None, kfold(folds, repeats), seed))


def test_repeats_and_seeds_draw_other_folds():
    patients = make_patients(30, 30)

    def tested(split, repeat):
        rows = split[(split["repeat"] == repeat) & (split["fold"] == 0) & (split["role"] == "test")]
        return set(rows["patient_id"])

    split = draw_split(patients, None, kfold(5, repeats=2), seed=1)
    assert tested(split, 0) != tested(split, 1)
    assert tested(split, 0) != tested(draw_split(patients, None, kfold(5), seed=2), 0)


def test_the_published_holdout_gives_468_58_59_of_585_patients_and_the_papers_test_labels():
    patients = make_patients(278, 307)
    split = draw_split(patients, None, HOLDOUT, seed=1)
    assert split["role"].value_counts().to_dict() == {"train": 468, "test": 59, "validation": 58}
    tested = split.loc[split["role"] == "test", "patient_id"]
    assert patients.set_index("patient_id")["label"][tested].sum() == 31
    assert not split["patient_id"].duplicated().any()


def test_the_published_holdout_does_not_follow_the_studys_seed():
    patients = make_patients(40, 50)
    pd.testing.assert_frame_equal(
        draw_split(patients, None, HOLDOUT, seed=1), draw_split(patients, None, HOLDOUT, seed=2)
    )


def test_a_split_is_a_table(tmp_path):
    write_table(draw_split(make_patients(10, 10), None, kfold(2), 1), tmp_path / "split.tsv", "split")


@pytest.mark.parametrize(("n_negative", "n_positive", "label", "count"), [(4, 20, 0, 4), (20, 3, 1, 3), (20, 0, 1, 0)])
def test_more_folds_than_patients_of_a_label_are_refused(n_negative, n_positive, label, count):
    sentence = f"5 folds need 5 patients of each label, but label {label} has {count}: lower `splits.kfold.folds`"
    with pytest.raises(GlioBenchError, match=sentence):
        draw_split(make_patients(n_negative, n_positive), None, kfold(5), 1)


def test_a_part_that_would_lack_a_label_is_refused():
    sentence = (
        r"patients \(1 of label 0, 1 of label 1\) leaves a part without one of the labels: the cohort is too small"
    )
    with pytest.raises(GlioBenchError, match=sentence):
        draw_split(make_patients(2, 2), None, kfold(2, validation=0.1), 1)


def rows(*roles):
    return pd.DataFrame(roles, columns=["repeat", "fold", "patient_id", "role"])


def test_a_patient_on_both_sides_is_named():
    split = rows((0, 0, "00001", "train"), (0, 0, "00002", "test"), (0, 0, "00001", "test"))
    with pytest.raises(GlioBenchError, match="patient 00001 has two roles in repeat 0, fold 0: a split must keep"):
        check_split(split)


def test_a_patient_tested_twice_in_a_repeat_is_named():
    again = rows((0, 0, "00001", "test"), (0, 1, "00001", "test"))
    with pytest.raises(GlioBenchError, match="patient 00001 is tested twice in repeat 0"):
        check_split(again)
    check_split(rows((0, 0, "00001", "test"), (1, 0, "00001", "test")))


def make_series(patients, n_slices=5, unusable=()):
    """Two modalities a patient; those in `unusable` have no usable T2w."""
    rows = [
        (patient_id, modality, n_slices, "failed" if modality == "T2w" and patient_id in unusable else "ok")
        for patient_id in patients["patient_id"]
        for modality in ("FLAIR", "T2w")
    ]
    return pd.DataFrame(rows, columns=["patient_id", "modality", "n_slices", "status"])


def test_leave_one_out_tests_each_complete_patient_once_by_those_who_are_left():
    patients = make_patients(9, 15)
    incomplete = patients["patient_id"].iloc[[3, 20]].tolist()
    split = draw_split(patients, make_series(patients, unusable=incomplete), LOOCV, 1)
    assert split["fold"].nunique() == 22
    assert not set(incomplete) & set(split["patient_id"])
    for _, fold in split.groupby("fold"):
        assert fold["role"].value_counts().to_dict() == {"train": 17, "validation": 4, "test": 1}
        assert not fold["patient_id"].duplicated().any()
    assert split.loc[split["role"] == "test", "patient_id"].is_unique


def test_a_scheme_that_stops_on_the_left_out_patient_gives_it_both_roles_on_purpose():
    patients = make_patients(4, 4)
    split = draw_split(patients, make_series(patients), LOOCV | {"validation": "left-out"}, 1)
    for _, fold in split.groupby("fold"):
        assert len(fold[fold["role"] == "train"]) == 7
        assert len(set(fold.loc[fold["role"] != "train", "patient_id"])) == 1


def test_the_brainstem_holdout_is_19_and_5_of_24_complete_patients():
    patients = make_patients(15, 18)
    incomplete = patients["patient_id"].iloc[[0, 1, 2, 3, 4, 5, 30, 31, 32]].tolist()
    scheme = HOLDOUT | {"among": "complete", "validation": 5, "test": 0}
    split = draw_split(patients, make_series(patients, unusable=incomplete), scheme, 1)
    assert split["role"].value_counts().to_dict() == {"train": 19, "validation": 5}


def test_a_cohort_without_complete_patients_is_an_error():
    patients = make_patients(3, 3)
    with pytest.raises(
        GlioBenchError, match=r"no patient has all series usable: series\.tsv gives the reason for each"
    ):
        draw_split(patients, make_series(patients, unusable=set(patients["patient_id"])), LOOCV, 1)


def test_a_split_by_slice_puts_each_usable_slice_in_one_part_and_patients_on_both_sides():
    patients = make_patients(6, 6)
    series = make_series(patients, n_slices=10, unusable=patients["patient_id"].iloc[:1].tolist())
    split = draw_split(patients, series, HOLDOUT | {"unit": "slice"}, 1)
    assert len(split) == 10 * (12 + 11)
    assert not split.duplicated(["patient_id", "modality", "slice_index"]).any()
    shared = split.groupby("patient_id")["role"].nunique()
    assert (shared > 1).all()
    label = patients.set_index("patient_id")["label"]
    shares = label[split.loc[split["role"] == "test", "patient_id"]].mean(), label[split["patient_id"]].mean()
    assert abs(shares[0] - shares[1]) < 0.05, "stratified by label"


def with_rows(series, modality, **cells):
    """The table ``series`` with a row more for every patient."""
    more = series.drop_duplicates("patient_id").assign(modality=modality, **cells)
    return pd.concat([series, more], ignore_index=True).astype({"n_slices": "Int64"})


def test_features_of_patients_do_not_make_them_incomplete_as_unusable_images_and_masks_do():
    patients = make_patients(9, 15)
    series = make_series(patients)
    expected = draw_split(patients, series, LOOCV, 1)
    with_features = with_rows(series, "clinical", n_slices=pd.NA, status="failed")
    pd.testing.assert_frame_equal(draw_split(patients, with_features, LOOCV, 1), expected)
    for name in ("T1w", "segmentation"):
        with pytest.raises(GlioBenchError, match="no patient has all series usable"):
            draw_split(patients, with_rows(series, name, status="failed"), LOOCV, 1)


def test_where_a_cohort_has_no_images_a_left_out_patient_has_all_features():
    patients = make_patients(9, 15)
    lacking = patients["patient_id"].iloc[[3, 20]].tolist()
    clinical = make_series(patients).drop_duplicates("patient_id").assign(modality="clinical", n_slices=pd.NA)
    clinical.loc[clinical["patient_id"].isin(lacking), "status"] = "failed"
    split = draw_split(patients, clinical, LOOCV, 1)
    assert set(split["patient_id"]) == set(patients["patient_id"]) - set(lacking)


@pytest.mark.parametrize(("name", "n_slices"), [("clinical", pd.NA), ("segmentation", 5)])
@pytest.mark.parametrize("scheme", [HOLDOUT | {"unit": "slice"}, DATES])
def test_a_split_by_slice_is_of_modalities_and_not_of_features_or_masks(scheme, name, n_slices):
    patients, series = make_scans()
    more = with_rows(series, name, n_slices=n_slices)
    pd.testing.assert_frame_equal(draw_split(patients, more, scheme, 1), draw_split(patients, series, scheme, 1))


def test_repeats_of_a_holdout_draw_other_patients():
    patients = make_patients(30, 30)
    split = draw_split(patients, None, HOLDOUT | {"repeats": 2}, 1)
    tested = [set(rows.loc[rows["role"] == "test", "patient_id"]) for _, rows in split.groupby("repeat")]
    assert len(tested) == 2
    assert tested[0] != tested[1]


@settings(deadline=None, max_examples=40)
@given(
    sites=st.lists(st.tuples(st.integers(3, 12), st.integers(3, 12)), min_size=2, max_size=6),
    one_label=st.integers(0, 5),
    seed=st.integers(0, 2**31),
)
def test_leave_one_site_out_tests_each_site_whole_by_models_that_never_saw_it(sites, one_label, seed):
    patients = make_sites(*sites, (one_label, 0))
    split = draw_split(patients, None, SITES, seed)
    site, label = patients.set_index("patient_id")["site"], patients.set_index("patient_id")["label"]
    tested = split[split["role"] == "test"]
    assert sorted(tested["patient_id"]) == sorted(patients["patient_id"])
    assert split["fold"].nunique() == patients["site"].nunique()
    for _, fold in split.groupby("fold"):
        here = fold["role"] == "test"
        assert len(set(site[fold.loc[here, "patient_id"]])) == 1
        assert not set(site[fold.loc[here, "patient_id"]]) & set(site[fold.loc[~here, "patient_id"]])
        assert sorted(fold["patient_id"]) == sorted(patients["patient_id"]), "each patient has one role"
        for role in ("train", "validation"):
            assert label[fold.loc[fold["role"] == role, "patient_id"]].nunique() == 2
    pd.testing.assert_frame_equal(split, draw_split(patients, None, SITES, seed))


def make_sites(*counts):
    """Patients of sites a, b, ... with so many of label 0 and of label 1 at each."""
    patients = make_patients(sum(n for n, _ in counts), sum(n for _, n in counts))
    names = np.array(list("abcdefgh"[: len(counts)]))
    return patients.assign(site=np.concatenate([np.repeat(names, n) for n in np.transpose(counts)]))


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ([(9, 9)], "needs at least two sites, but all patients are from a: run another protocol on this cohort"),
        ([(9, 9), (9, 0)], "without site a no patient with label 1 is left for training: run another protocol"),
        ([(2, 2), (2, 2)], r"taking 25% of 4 patients \(2 of label 0, 2 of label 1\) leaves a part without"),
    ],
)
def test_sites_that_cannot_be_left_out_are_refused(counts, said):
    with pytest.raises(GlioBenchError, match=said):
        draw_split(make_sites(*counts), None, SITES, 1)


def test_an_impossible_split_is_a_fold_that_says_why(tmp_path):
    patients = make_sites((9, 9))
    split = split_or_reason(patients, None, SITES, 1)
    write_table(split, tmp_path / "split.tsv", "split")
    assert set(split["role"]) == {"train"}
    assert sorted(split["patient_id"]) == sorted(patients["patient_id"])
    assert split["reason"].str.contains("needs at least two sites").all()
    repeated = split_or_reason(make_patients(1, 5), None, kfold(3, repeats=2), 1)
    assert set(repeated["repeat"]) == {0, 1}
    possible = split_or_reason(make_sites((9, 9), (9, 9)), None, SITES, 1)
    assert possible["reason"].isna().all()


def crosswalk(seed=1):
    """Patients with the sites of the real crosswalk: several of 3 to 6 patients, and 8 patients without a site."""
    sites = [f"{number:02}" for number, size in enumerate(CROSSWALK) for _ in range(size)] + [None] * 8
    label = np.random.default_rng(seed).permutation([1] * 307 + [0] * 278)
    ids = [f"{number:05}" for number in range(585)]
    return pd.DataFrame({"patient_id": ids, "label": label, "site": sites})


def test_the_real_crosswalk_is_taken_as_it_is_small_and_unknown_sites_are_tested_together(caplog):
    patients = crosswalk()
    with caplog.at_level("INFO", "gliobench"):
        split = draw_split(patients, None, SITES | {"minimum_site": 10}, 1)
    site = patients.set_index("patient_id")["site"].fillna("unknown")
    tested = split[split["role"] == "test"]
    assert sorted(tested["patient_id"]) == sorted(patients["patient_id"]), "nobody is refused"
    found = [set(site[fold["patient_id"]]) for _, fold in tested.groupby("fold")]
    assert found == [*({f"{number:02}"} for number in range(7)), {"07", "08", "09", "10", "11", "unknown"}]
    for fold in range(7):
        trained = split[(split["fold"] == fold) & (split["role"] != "test")]
        assert {"07", "08", "09", "10", "11", "unknown"} <= set(site[trained["patient_id"]]), "they train"
    said = "21 patients of 5 sites with fewer than 10 patients and 8 of unknown site are tested together as `other`"
    assert said in [record.getMessage() for record in caplog.records]


def test_folds_are_stratified_by_label_and_not_by_site():
    """Folds drawn on the label alone leave the sites to chance: the site column changes none of them."""
    patients = crosswalk()
    with_sites = draw_split(patients, None, kfold(5), 3)
    pd.testing.assert_frame_equal(with_sites, draw_split(patients.assign(site=None), None, kfold(5), 3))
    per_fold = np.zeros((20, 5))
    for seed in range(20):
        split = draw_split(patients, None, kfold(5), seed)
        here = split[
            (split["role"] == "test") & split["patient_id"].isin(patients.loc[patients["site"] == "00"].iloc[:, 0])
        ]
        per_fold[seed] = here.groupby("fold").size()
    assert per_fold.std(axis=1).mean() > 3, "hypergeometric: 4.8; stratified by site: below 0.5"


def test_nothing_but_small_and_unknown_sites_is_one_group():
    patients = crosswalk().assign(site=None)
    with pytest.raises(GlioBenchError, match="all patients are from small or unknown sites, which are tested together"):
        draw_split(patients, None, SITES, 1)


def test_a_site_of_one_label_is_tested_and_noted(caplog):
    with caplog.at_level("INFO", "gliobench"):
        split = draw_split(make_sites((9, 9), (9, 9), (3, 0)), None, SITES, 1)
    assert len(split[(split["role"] == "test") & (split["fold"] == 2)]) == 3
    assert [record.getMessage() for record in caplog.records] == [
        "all patients of site c have one label: they count in accuracy, but not in AUC"
    ]


def make_scans(dates=("2001", "2002"), people=12):
    """Patients with one scan a date, and the slices of each."""
    rows = [
        {"patient_id": f"p{person:02}-{date}", "scan_of": f"p{person:02}", "date": date, "label": person % 2}
        for person in range(people)
        for date in dates
    ]
    patients = pd.DataFrame(rows)
    return patients, patients[["patient_id"]].assign(modality="T1w", status="ok", n_slices=10)


@pytest.mark.parametrize(
    "scheme", [HOLDOUT | {"validation": 0.25, "test": 0.25}, kfold(3), LOOCV, HOLDOUT | {"validation": 3, "test": 3}]
)
def test_scans_of_one_patient_stay_together(scheme):
    patients, series = make_scans()
    owner = patients.set_index("patient_id")["scan_of"]
    split = draw_split(patients, series, scheme, 1)
    for _, fold in split.groupby(["repeat", "fold"]):
        assert sorted(fold["patient_id"]) == sorted(patients["patient_id"]), "every scan has one role"
        assert fold.groupby(fold["patient_id"].map(owner))["role"].nunique().eq(1).all()
    one_scan = draw_split(*make_scans(dates=("2001",)), scheme, 1)
    first = split[split["patient_id"].str.endswith("2001")].reset_index(drop=True)
    pd.testing.assert_frame_equal(first, one_scan, check_like=True)


def test_a_split_by_date_trains_on_the_first_scan_and_tests_on_later_ones():
    patients, series = make_scans(dates=("2003", "2001", "2002"))
    split = draw_split(patients, series, DATES, 1)
    dates = split["patient_id"].str[-4:]
    assert set(dates[split["role"] == "test"]) == {"2002", "2003"}
    assert set(dates[split["role"] != "test"]) == {"2001"}
    shares = split[split["repeat"] == 0]["role"].value_counts()
    assert shares.to_dict() == {"test": 240, "train": 96, "validation": 24}
    assert not split.duplicated(["repeat", "patient_id", "slice_index"]).any()
    chosen = split[split["role"] == "validation"].groupby("repeat")["slice_index"].apply(list)
    assert chosen[0] != chosen[1], "repeats choose other slices for validation"


@pytest.mark.parametrize("spoil", [lambda scans: scans.assign(date=None), lambda scans: scans.drop(columns="date")])
def test_a_split_by_date_needs_dates(spoil):
    patients, series = make_scans()
    assert "needs the date of every scan" in split_or_reason(spoil(patients), series, DATES, 1)["reason"].iloc[0]


def test_a_split_by_date_needs_a_second_scan_of_some_patients():
    split = split_or_reason(*make_scans(dates=("2001",)), DATES, 1)
    assert "a second scan of some patients" in split["reason"].iloc[0]
