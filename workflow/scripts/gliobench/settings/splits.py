"""Settings of split schemes, as ``config/splits.yaml`` has them."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from gliobench.settings.models import Count, Settings, Text, WholeNumber, refuse

ShareOfUntested = Annotated[float, Field(gt=0, lt=1)]
PartOrNumber = WholeNumber | Annotated[float, Field(ge=0, lt=1)]
Among = Literal["labelled", "complete"]

VALIDATION = "share of the patients that a fold does not test, used to choose the epoch and the threshold"
BATCHES = "jobs that share the folds of a repeat: fold k goes to job k mod `batches`"
REPEATS = "number of times the split is drawn"
AMONG = (
    "`labelled`: all labelled patients, before exclusions, as `kfold` always does; "
    "`complete`: patients with all images usable, or all features where the cohort has no images"
)


class Scheme(Settings):
    """What every split scheme may have."""

    source: Text | None = Field(None, description="where the numbers come from")
    caveat: Text | None = Field(None, description="added to every table row of the scheme")


class KFold(Scheme):
    """Stratified k-fold."""

    method: Literal["kfold"] = Field(description="stratified k-fold")
    folds: Annotated[int, Field(ge=2)] = Field(
        description="number of folds; at most the number of patients in the smaller class"
    )
    repeats: Count = Field(description=REPEATS)
    validation: ShareOfUntested = Field(description=VALIDATION)
    batches: Count = Field(description=BATCHES)


class Holdout(Scheme):
    """Stratified parts."""

    method: Literal["holdout"] = Field(description="stratified parts")
    unit: Literal["patient", "slice"] = Field(
        description="what is split; `slice`: slices of one patient may be on both sides"
    )
    among: Among = Field(description=AMONG)
    repeats: Count = Field(description=REPEATS)
    validation: PartOrNumber = Field(
        description="below 1: share of all patients used for validation; an integer: their number. "
        "Use the same form for `test`"
    )
    test: PartOrNumber = Field(description="the same for the test part; may be 0")
    random_state: WholeNumber | None = Field(
        None, description="seed of the published split, if known; further repeats count up from it"
    )

    @model_validator(mode="after")
    def _leave_somebody(self) -> "Holdout":
        if not self.validation:
            refuse("validation is 0; validation patients are needed to choose the epoch.")
        if self.test and isinstance(self.validation, int) != isinstance(self.test, int):
            refuse(f"validation is {self.validation} and test {self.test}; give two shares or two integers.")
        if isinstance(self.validation, float) and self.validation + self.test >= 1:
            refuse(f"validation and test are {self.validation + self.test:g} of all; leave some for training.")
        return self


class Loocv(Scheme):
    """Leave-one-out."""

    method: Literal["loocv"] = Field(description="leave-one-out")
    among: Among = Field(description=AMONG)
    validation: ShareOfUntested | Literal["left-out"] = Field(
        description="share of the other patients used to choose the epoch; `left-out`: the left-out patient is used"
    )
    batches: Count = Field(description=BATCHES)


class Sites(Scheme):
    """Leave-one-site-out."""

    method: Literal["sites"] = Field(description="leave-one-site-out")
    minimum_site: Count = Field(
        description="fewest patients of a site that is tested alone; smaller ones and patients of unknown site are "
        "tested together, as `other`"
    )
    validation: ShareOfUntested = Field(description=VALIDATION)
    batches: Count = Field(description=BATCHES)


class Dates(Scheme):
    """By date."""

    method: Literal["dates"] = Field(description="by date: the first scan of each patient against later ones")
    repeats: Count = Field(description=REPEATS)
    validation: ShareOfUntested = Field(description="share of the first scans' slices used to choose the epoch")


METHODS: dict[str, type[Scheme]] = {
    "kfold": KFold,
    "holdout": Holdout,
    "loocv": Loocv,
    "sites": Sites,
    "dates": Dates,
}
