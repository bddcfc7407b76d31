"""Settings of cohorts, by their kind."""

from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, Field, field_validator, model_validator

from gliobench.errors import nearest
from gliobench.settings.generators import BrainstemGenerator, SyntheticGenerator
from gliobench.settings.models import Different, Name, Settings, Text, each_once, refuse
from gliobench.terms import ALL, ALL_SERIES, INTENSITY_STATISTICS, LESION, SEGMENTATION, Modality, Region

Reasons = dict[str, Text]
KIND = "where the patients come from"
LABEL = "what is predicted: MGMT methylation or IDH mutation (label 1: mutated)"
IDH = "IDH status of the patients that stay"
Mgmt = Literal["Methylated", "Unmethylated", "Indeterminate", "Not Available"]
Idh = Literal["wildtype", "mutated", "unknown"]
PATH = "the cohort's folder, relative to where Snakemake is started"


OracleAuc = Annotated[float, Field(ge=0.55, le=0.95)]


class Spiked(Settings):
    """Labels drawn from a measured quantity, as a positive control."""

    column: Text = Field(
        description="the quantity: a number of the group `features`, or a statistic of `modality`: "
        + ", ".join(f"`{name}`" for name in INTENSITY_STATISTICS)
    )
    features: Text | None = Field(None, description="group of the cohort's [features](#features) that has the column")
    modality: Modality | None = Field(None, description="series whose statistic is used; needs the approach `baseline`")
    oracle_auc: Different[OracleAuc] = Field(
        [0.6, 0.7, 0.8],
        description="AUC of the quantity itself for the drawn labels, on average; one set of copies each",
    )
    copies: Annotated[int, Field(ge=2, le=999)] = Field(20, description="copies of each, with labels of their own")

    @model_validator(mode="after")
    def _one_source(self) -> "Spiked":
        if (self.features is None) == (self.modality is None):
            refuse("give either `features` or `modality`: one of them holds the quantity.")
        if any(round(value, 2) != value for value in self.oracle_auc):
            refuse("oracle_auc: give two decimals at most, which name the copies.")
        if self.modality and self.column not in INTENSITY_STATISTICS:
            refuse(f"{self.column!r} is no statistic; {nearest(self.column, INTENSITY_STATISTICS)}")
        return self


class Visible(Settings):
    """A label that the images show, as a positive control."""

    source: Text = Field(
        alias="from",
        description="`segmentation`, or a group of the cohort's [features](#features), such as one of age and sex",
    )
    region: Region | None = Field(
        None,
        description="of a segmentation with the values of BraTS: 1 necrosis, 2 oedema, 4 (since 2023: 3) enhancing; "
        "`core`: all but oedema",
    )
    texture: Modality | None = Field(
        None,
        description="series whose coefficient of variation in the region makes the label; if left out, the region's "
        "volume does",
    )
    column: Text | None = Field(None, description="column of the group")
    above: Literal["median"] | None = Field(
        None, description="label 1: above the median of all patients who have the number"
    )
    oracle_auc: OracleAuc | None = Field(
        None,
        description="label 1: drawn, the likelier the larger the number is, for half of the patients; this is the AUC "
        "of the number itself for such labels, on average",
    )
    equals: Text | None = Field(None, description="label 1: the column, a category, has this value")

    @model_validator(mode="after")
    def _one_label(self) -> "Visible":
        of_segmentation = self.source == SEGMENTATION
        if of_segmentation and (self.region is None or self.column is not None or self.equals is not None):
            refuse("`from: segmentation` needs `region`, and has neither `column` nor `equals`.")
        if not of_segmentation and (self.column is None or self.region is not None or self.texture is not None):
            refuse("a label from features needs `column`, and has neither `region` nor `texture`.")
        if sum(rule is not None for rule in (self.above, self.oracle_auc, self.equals)) != 1:
            refuse("give one of `above: median`, `oracle_auc` (both of a number) and `equals` (of a category).")
        return self


class Subgroups(Settings):
    """Columns of a table that divide the patients of a cohort."""

    table: Text = Field(
        description="TSV or CSV (by its name) with a row per patient; relative to where Snakemake is started"
    )
    id: Text = Field("patient_id", description="column of the patients' ids")
    columns: Annotated[Different[Text], Field(min_length=1)] = Field(description="columns, such as sex or grade")

    @field_validator("columns")
    @classmethod
    def _other_than_own(cls, columns: list[str]) -> list[str]:
        for name in {"site", "plane"} & set(columns):
            refuse(
                f"`{name}` is scored in any case, as the key `sites` or the images tell it: leave it out, or give the "
                "column of your table another name."
            )
        return columns


class Cohort(Settings):
    """What every cohort may have."""

    spiked: Spiked | None = Field(
        None,
        description="copies with labels drawn from a measured quantity, for runs with `spiked: true`: "
        "[the positive control](../docs/method.md#spiked-labels)",
    )
    visible: dict[Name, Visible] | None = Field(
        None,
        description="labels that the images show, by name, from easy to hard, for runs with `visible: true`: "
        "[the graded control](../docs/method.md#visible-labels)",
    )
    subgroups: Subgroups | None = Field(
        None,
        description="columns of a table by which the test patients are "
        "[scored separately](../docs/method.md#subgroups), besides `site` and `plane`",
    )

    @field_validator("exclude", mode="before", check_fields=False)
    @classmethod
    def _quote_ids(cls, exclude: Any) -> Any:
        for series, reasons in exclude.items() if isinstance(exclude, dict) else ():
            for patient_id in reasons if isinstance(reasons, dict) else ():
                if not isinstance(patient_id, str):
                    refuse(
                        f"{series}: {patient_id!r} is not text; write the patient id in quotes, as in "
                        '"00123", or YAML reads a number.'
                    )
        return exclude


class OfModalities(Cohort):
    """A cohort of patients without segmentations."""

    exclude: dict[Modality, Reasons] = Field({}, description="series to leave out: modality, patient, reason")


class OfSegmented(Cohort):
    """A cohort of patients who may have a segmentation."""

    exclude: dict[Modality | Literal["segmentation"], Reasons] = Field(
        {}, description="series to leave out: modality (or `segmentation`), patient, reason"
    )


Columns = list[Text] | Annotated[dict[Name, Text], Field(min_length=1)]


class Features(Settings):
    """One group of numbers and categories by patient, from one or more tables."""

    table: Text = Field(
        description="CSV (`.csv`) or TSV file, or a pattern with `*` for several; relative to the cohort's folder (for "
        "the kind `table`, to that of the table), or absolute"
    )
    id: Text = Field(description="its column of patient ids")
    numbers: Columns = Field(
        [],
        description="columns that hold numbers: a list of names and patterns with `*`, or new names for columns",
    )
    categories: Columns = Field([], description="columns that hold categories, in the same way")

    @model_validator(mode="after")
    def _choose_something(self) -> "Features":
        if not self.numbers and not self.categories:
            refuse("it names no column; list some under `numbers` or `categories`.")
        return self


class Read(Settings):
    """A cohort that is read in place."""

    modalities: Annotated[list[Modality], AfterValidator(each_once)] = Field(
        list(get_args(Modality)),
        description="modalities to audit and use; only their files are read, unless a segmentation is on the grid of "
        "none of them. `[]`: no images, only `features`",
    )
    features: dict[Name, Features] = Field(
        {}, description="[numbers and categories](#features) by patient, in named groups, for the approach `tabular`"
    )

    @field_validator("features")
    @classmethod
    def _other_names(cls, features: dict[str, Features]) -> dict[str, Features]:
        for name in (ALL, *ALL_SERIES, LESION):
            if name in features:
                refuse(f"{name!r} is the name of a series; call the group something else.")
        return features


class Made(Settings):
    """A cohort that is generated."""

    replicates: Annotated[int, Field(ge=2, le=999)] | None = Field(
        None, description="generates this number of independent cohorts: `name-01`, `name-02`, ..."
    )


class Site(Settings):
    """A column of a table that says where each patient comes from."""

    table: Text = Field(description="CSV (`.csv`) or TSV file, relative to the cohort's folder, or absolute")
    id: Text = Field(description="its column of patient ids")
    column: Text = Field(description="its column of sites; an empty cell is an unknown one")


class Rsna(OfModalities, Read):
    """The competition's cohort."""

    kind: Literal["rsna"] = Field(description=KIND)
    path: Text = Field(description=PATH)
    sites: Text | Site | None = Field(
        None,
        description="TSV with the columns `patient_id` and `site`, relative to where Snakemake is started; or `table`, "
        "`id` and `column` of [any table](#sites-of-a-collection), such as the crosswalk of BraTS 2021",
    )


class Collection(OfSegmented, Read):
    """A public collection, read as downloaded."""

    path: Text = Field(description=PATH)
    sites: Site | None = Field(
        None,
        description="`table`, `id` and `column` of a table with [the patients' sites](#sites-of-a-collection)",
    )
    segmentation: bool = Field(
        False, description="whether to read the tumour segmentations; if so, inputs are those for cohorts with one"
    )


class UpennGbm(Collection):
    """UPENN-GBM."""

    kind: Literal["upenn-gbm"] = Field(description=KIND)
    labels: Text = Field("UPENN-GBM_clinical_info_v2.1.csv", description="table of the labels, in the folder")
    label: Literal["mgmt", "idh"] = Field("mgmt", description=LABEL)
    methylated: Different[Mgmt] = Field(["Methylated"], description="values of `MGMT` that are label 1")
    unmethylated: Different[Mgmt] = Field(
        ["Unmethylated"], description="values of `MGMT` that are label 0; patients with any other value are left out"
    )
    idh: Different[Idh] = Field(["wildtype", "mutated", "unknown"], description=IDH)

    @model_validator(mode="after")
    def _one_label_each(self) -> "UpennGbm":
        for value in self.methylated:
            if value in self.unmethylated:
                refuse(f"{value!r} is under `methylated` and `unmethylated`; choose one.")
        return self


class UcsfPdgm(Collection):
    """UCSF-PDGM."""

    kind: Literal["ucsf-pdgm"] = Field(description=KIND)
    labels: Text = Field("UCSF-PDGM-metadata_v2.csv", description="table of the labels, in the folder")
    label: Literal["mgmt", "idh"] = Field("mgmt", description=LABEL)
    mgmt: Literal["status", "index 1", "index 2", "without index 1"] = Field(
        "status",
        description="what is methylated: `status`: what the collection calls positive; `index 1`, `index 2` (the "
        "competition's rule): an index of that or more; `without index 1`: 2 or more, those with 1 left out",
    )
    idh: Different[Idh] = Field(["wildtype", "mutated", "unknown"], description=IDH)
    grades: Different[Literal[2, 3, 4]] = Field([2, 3, 4], description="WHO grades of the patients that stay")
    biopsied: bool = Field(True, description="whether patients biopsied before imaging stay")
    in_brats: bool = Field(True, description="whether patients who are in BraTS 2021, and so in the competition, stay")


class Brats2021(Collection):
    """BraTS 2021."""

    kind: Literal["brats2021"] = Field(description=KIND)
    labels: Text = Field("train_labels.csv", description="the competition's table of labels, in the folder")


class Union(Settings):
    """Several cohorts of the study as one."""

    kind: Literal["union"] = Field(description=KIND)
    members: Annotated[list[Text], Field(min_length=2), AfterValidator(each_once)] = Field(
        description="cohorts of the study; each is a site of [the union](#a-union-of-cohorts)"
    )


class Brainstem(OfSegmented, Read):
    """A cohort of brainstem infiltration."""

    kind: Literal["brainstem"] = Field(description=KIND)
    path: Text = Field(description=PATH)


class Table(OfSegmented, Read):
    """A cohort listed in a user's own table."""

    kind: Literal["table"] = Field(description=KIND)
    table: Text = Field(
        description="TSV with patients, labels, sites and files, relative to where Snakemake is started: "
        "[its columns](../docs/own-data.md#1-write-the-table)"
    )
    segmentation: bool = Field(
        False,
        description="whether the table has a column `segmentation`; if so, inputs are those for cohorts "
        "with one (`input_for`)",
    )


class Synthetic(OfModalities, Made):
    """A generated cohort in the competition's layout."""

    kind: Literal["synthetic"] = Field(description=KIND)
    generator: SyntheticGenerator = Field(
        SyntheticGenerator(), description="settings of the generator: [`synthetic`](#generated-cohorts)"
    )


class SyntheticBrainstem(OfSegmented, Made):
    """A generated cohort of brainstem infiltration."""

    kind: Literal["synthetic-brainstem"] = Field(description=KIND)
    generator: BrainstemGenerator = Field(
        BrainstemGenerator(),
        description="settings of the generator: [`synthetic-brainstem`](#generated-brainstem-cohorts)",
    )


KINDS: dict[str, type[Settings]] = {
    "rsna": Rsna,
    "upenn-gbm": UpennGbm,
    "ucsf-pdgm": UcsfPdgm,
    "brats2021": Brats2021,
    "union": Union,
    "brainstem": Brainstem,
    "table": Table,
    "synthetic": Synthetic,
    "synthetic-brainstem": SyntheticBrainstem,
}
