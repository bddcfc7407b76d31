"""Settings of generated cohorts: the keys of ``generator``, with their defaults."""

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, model_validator

from gliobench.settings.models import (
    Different,
    Length,
    Range,
    Settings,
    Share,
    Some,
    Text,
    each_once,
    refuse,
)
from gliobench.terms import Modality

Plane = Literal["axial", "coronal", "sagittal"]
Planes = Some[Plane]
Trait = Literal["ring_thickness", "ring_completeness", "oedema_volume", "t2_texture", "necrosis_fraction", "location"]
Slices = Range[Annotated[int, Field(ge=5, le=1000)]]
FieldOfView = Annotated[float, Field(ge=220, le=400)]
Shares = Range[Annotated[float, Field(gt=0, le=1)]]
Matrix = Annotated[int, Field(ge=16, le=1024)]
Tilt = Annotated[float, Field(ge=0, le=30)]

MATRIX = "rows and columns of a slice"
SLICES = "fewest and most slices of a series, drawn for each; they always cover the brain"
PLANES = "planes of each modality's series, each equally likely"
TILT = "largest angle between a series and its nominal plane, degrees"
NOISE = "standard deviation of the Rician noise's channels, as a share of white matter's signal"


class Lesion(Settings):
    """Sizes of a lesion."""

    core_radius: Range[Annotated[float, Field(ge=4, le=40)]] = Field(
        [12.0, 20.0], description="smallest and largest mean radius of the core (rim and its contents), mm"
    )
    oedema_volume: Range[Annotated[float, Field(gt=0, le=300)]] = Field(
        [10.0, 110.0],
        description="oedema one standard deviation below and above the median of its log-normal distribution, ml",
    )


class AxialPlanes(Settings):
    """Planes of the series of a cohort like the competition's."""

    FLAIR: Planes = Field(["axial"], description="planes of FLAIR")
    T1w: Planes = Field(["axial"], description="planes of T1w")
    T1wCE: Planes = Field(["axial"], description="planes of T1wCE")
    T2w: Planes = Field(["axial"], description="planes of T2w")


class Site(Settings):
    """A hospital and its scanner."""

    name: Text = Field(description="name of the site, unique")
    share: Length = Field(1.0, description="weight of the site among the sites")
    manufacturer: Text = Field(
        "SIEMENS",
        description="manufacturer in the header; the audit reports unusual ones as `other`",
    )
    model: Text = Field("Skyra", description="scanner model in the header")
    field_strength: Length = Field(3.0, description="field strength in the header, tesla")
    field_of_view: FieldOfView = Field(
        240.0, description="extent of rows and columns, mm; spacing is this divided by the matrix"
    )
    bias: Share = Field(0.05, description="relative standard deviation of the bias field")
    noise: Annotated[float, Field(ge=0, le=25)] = Field(1.0, description="factor of the cohort's `noise`")
    contrast: Annotated[float, Field(ge=0.25, le=4)] = Field(
        1.0, description="exponent of the signal: above 1 dark tissue is darker, below 1 brighter; white matter stays"
    )


NORTH = Site(name="north", share=2.0)
SOUTH = Site(
    name="south", manufacturer="GE MEDICAL SYSTEMS", model="Signa HDxt", field_strength=1.5, field_of_view=250.0
)


class Defects(Settings):
    """Frequency of each defect of real data."""

    reversed_order: Share = Field(0.0, description="share of series numbered against the slice normal")
    numbering_offset: Share = Field(0.0, description="share of series with numbering that does not start at 1")
    numbering_gaps: Share = Field(0.0, description="share of series with gaps in the numbering")
    blank_ends: Share = Field(0.0, description="share of series with blank slices beyond the brain")
    rescale_slope: Share = Field(
        0.0, description="share of series with a rescale slope and intercept other than 1 and 0"
    )
    blank_series: Share = Field(0.0, description="share of patients with one blank series")
    missing_modality: Share = Field(0.0, description="share of patients lacking one modality")
    truncated_file: Share = Field(0.0, description="share of patients with one truncated file")


class SyntheticGenerator(Settings):
    """Settings of a generated cohort in the competition's layout."""

    patients: Annotated[int, Field(ge=1, le=100_000)] = Field(40, description="number of patients")
    signal: Annotated[float, Field(ge=0, le=1000)] = Field(
        0.0,
        description="beta: the label is 1 with probability sigmoid(beta s), where s is the patient's latent; "
        "0 is the null cohort",
    )
    traits: Annotated[list[Trait], AfterValidator(each_once)] = Field(
        list(get_args(Trait)), description="imaging traits that follow the latent; the others vary independently"
    )
    trait_strength: Share = Field(0.95, description="correlation of each such trait's normal score with the latent")
    modalities: Different[Modality] = Field(list(get_args(Modality)), description="series of each patient")
    segmentation: bool = Field(
        False,
        description="whether each patient has a segmentation of the lesion, with the values of BraTS; if so, the "
        "inputs are those for cohorts with one",
    )
    matrix: Matrix = Field(64, description=MATRIX)
    slices: Slices = Field([20, 40], description=SLICES)
    planes: AxialPlanes = Field(AxialPlanes(), description=PLANES)
    tilt: Tilt = Field(5.0, description=TILT)
    noise: Share = Field(0.04, description=NOISE)
    lesion: Lesion = Field(Lesion(), description="sizes of the lesion")
    sites: Some[Site] = Field([NORTH, SOUTH], description="hospitals and their scanners")
    site_confounding: Share = Field(
        0.0,
        description="share of patients with a site determined by the label: "
        "label 1 from the first half of the sites, label 0 from the rest",
    )
    defects: Defects = Field(Defects(), description="frequency of each defect of real data")

    @model_validator(mode="after")
    def _fit_together(self) -> "SyntheticGenerator":
        names = [site.name for site in self.sites]
        for name in names:
            if names.count(name) > 1:
                refuse(f"two sites are called {name!r}; names must be unique.")
        if self.site_confounding and len(names) < 2:
            refuse("site_confounding needs at least two sites; add one or set it to 0.")
        return self


class Grades(Settings):
    """Patients of a generated brainstem cohort."""

    none: Annotated[int, Field(ge=0, le=10_000)] = Field(2, description="complete patients without infiltration")
    microscopic: Annotated[int, Field(ge=0, le=10_000)] = Field(
        7, description="complete patients with microscopic infiltration"
    )
    extensive: Annotated[int, Field(ge=0, le=10_000)] = Field(
        15, description="complete patients with extensive infiltration"
    )
    incomplete: Annotated[int, Field(ge=0, le=10_000)] = Field(
        9, description="patients of any grade that lack FLAIR, T1w or T2w"
    )

    @model_validator(mode="after")
    def _somebody(self) -> "Grades":
        if not self.none + self.microscopic + self.extensive:
            refuse("no grade has a patient; give at least one grade a number above 0.")
        return self


class Infiltration(Settings):
    """How much of the brainstem is infiltrated, and how it looks."""

    microscopic: Shares = Field([0.02, 0.15], description="smallest and largest infiltrated share of the brainstem")
    extensive: Shares = Field([0.4, 0.8], description="the same; must lie above that of `microscopic`")
    oedema_share: Share = Field(
        0.25,
        description="share of infiltrated tissue that looks like oedema; "
        "0.25 brightens white matter by 26 % in FLAIR and 39 % in T2w",
    )

    @model_validator(mode="after")
    def _apart(self) -> "Infiltration":
        if self.microscopic[1] >= self.extensive[0]:
            refuse(
                f"microscopic reaches {self.microscopic[1]} and extensive starts at {self.extensive[0]}; "
                "leave a gap between them, or the volume does not determine the grade."
            )
        return self


class BrainstemPlanes(Settings):
    """Planes of the series of a brainstem cohort."""

    FLAIR: Planes = Field(["axial", "sagittal"], description="planes of FLAIR")
    T1w: Planes = Field(["sagittal"], description="planes of T1w")
    T1wCE: Planes = Field(["axial"], description="planes of T1wCE")
    T2w: Planes = Field(["axial", "coronal"], description="planes of T2w")


class BrainstemGenerator(Settings):
    """Settings of a generated brainstem cohort; 33 patients, 24 of them complete (Elmi, Materials and Methods)."""

    patients: Grades = Field(Grades(), description="patients of each grade")
    signal: Share = Field(
        0.0,
        description="probability that a patient's infiltrated volume comes from the patient's own grade and not from a "
        "random one; 0 is the null cohort",
    )
    infiltration: Infiltration = Field(
        Infiltration(), description="how much of the brainstem is infiltrated, and how it looks"
    )
    matrix: Matrix = Field(64, description=MATRIX)
    slices: Slices = Field([20, 40], description=SLICES)
    planes: BrainstemPlanes = Field(BrainstemPlanes(), description=PLANES)
    field_of_view: Range[FieldOfView] = Field(
        [220.0, 260.0],
        description="smallest and largest extent of rows and columns, mm, drawn for each series; "
        "spacing is this divided by the matrix",
    )
    tilt: Tilt = Field(5.0, description=TILT)
    noise: Share = Field(0.04, description=NOISE)
    lesion: Lesion = Field(Lesion(), description="sizes of the tumour in a hemisphere, which is unrelated to the grade")
