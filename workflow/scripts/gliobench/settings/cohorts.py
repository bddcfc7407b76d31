"""Settings of cohorts, by their kind."""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, field_validator, model_validator

from gliobench.errors import nearest
from gliobench.settings.generators import BrainstemGenerator, SyntheticGenerator
from gliobench.settings.models import Different, Settings, Text, refuse
from gliobench.terms import INTENSITY_STATISTICS, Modality

Reasons = dict[str, Text]
KIND = "where the patients come from"
PATH = "the cohort's folder, relative to where Snakemake is started"


class Spiked(Settings):
    """Labels drawn from a measured quantity, as a positive control."""

    column: Text = Field(
        description="the quantity: a column of numbers of `table` or, without one, a statistic of `modality`: "
        + ", ".join(f"`{name}`" for name in INTENSITY_STATISTICS)
    )
    table: Text | None = Field(None, description="TSV with `patient_id` and the column: a lesion's volume, for example")
    modality: Modality | None = Field(None, description="series whose statistic is used; needs the approach `baseline`")
    oracle_auc: Different[Annotated[float, Field(ge=0.55, le=0.95)]] = Field(
        [0.6, 0.7, 0.8],
        description="AUC of the quantity itself for the drawn labels, on average; one set of copies each",
    )
    copies: Annotated[int, Field(ge=2, le=999)] = Field(20, description="copies of each, with labels of their own")

    @model_validator(mode="after")
    def _one_source(self) -> "Spiked":
        if (self.table is None) == (self.modality is None):
            refuse("give either `table` or `modality`: one of them holds the quantity.")
        if any(round(value, 2) != value for value in self.oracle_auc):
            refuse("oracle_auc: give two decimals at most, which name the copies.")
        if self.modality and self.column not in INTENSITY_STATISTICS:
            refuse(f"{self.column!r} is no statistic; {nearest(self.column, INTENSITY_STATISTICS)}")
        return self


class Cohort(Settings):
    """What every cohort may have."""

    spiked: Spiked | None = Field(
        None,
        description="copies with labels drawn from a measured quantity, for runs with `spiked: true`: "
        "[the positive control](../docs/method.md#spiked-labels)",
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


class Read(Settings):
    """A cohort that is read in place."""

    modalities: Different[Modality] = Field(
        list(get_args(Modality)), description="modalities to audit and use; only their files are read"
    )


class Made(Settings):
    """A cohort that is generated."""

    replicates: Annotated[int, Field(ge=2, le=999)] | None = Field(
        None, description="generates this number of independent cohorts: `name-01`, `name-02`, ..."
    )


class Rsna(OfModalities, Read):
    """The competition's cohort."""

    kind: Literal["rsna"] = Field(description=KIND)
    path: Text = Field(description=PATH)
    sites: Text | None = Field(None, description="TSV with the columns `patient_id` and `site`, if known")


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
        description="whether the table has a column `segmentation`; if so, the cohort uses the inputs for "
        "`brainstem` (`input_for`)",
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


KINDS: dict[str, type[Cohort]] = {
    "rsna": Rsna,
    "brainstem": Brainstem,
    "table": Table,
    "synthetic": Synthetic,
    "synthetic-brainstem": SyntheticBrainstem,
}
