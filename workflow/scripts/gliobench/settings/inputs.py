"""Settings of the arrays that approaches read, by their kind: a module of ``gliobench.inputs``."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from gliobench.settings.models import Count, Different, Length, Settings, Share, refuse
from gliobench.terms import Modality, Region

Two = Annotated[list[Count], Field(min_length=2, max_length=2)]
Three = Annotated[list[Count], Field(min_length=3, max_length=3)]
KIND = "kind of input"


class Input(Settings):
    """What every input has."""

    voi_lut: bool = Field(False, description="whether to apply the VOI look-up table or window to DICOM slices")


class Volume(Input):
    """Chosen slices of one series as a block (rows, columns, slices), float32, 0 to 1."""

    kind: Literal["volume"] = Field(description=KIND)
    shape: Three = Field(description="rows, columns, slices")
    around: Literal["segmentation"] | None = Field(
        None,
        description="`segmentation`: the series is first cut to the segmentation's box, square within a slice; left "
        "out: the whole series",
    )
    margin: Annotated[float, Field(ge=0)] | None = Field(
        None, description="required with `around: segmentation`, unused otherwise: mm added on each side of the box"
    )
    choose: Literal["central", "largest"] = Field(
        "central",
        description="which slices: those around the middle of the series, or around the slice with the largest "
        "bounding box of foreground (the first of equals)",
    )
    interpolation: Literal["area", "bilinear"] = Field(
        "area", description="for slices that shrink: the mean over each new pixel's area, or bilinear"
    )
    scale: Literal["block", "slice"] = Field(
        "block", description="whose smallest and largest value become 0 and 1: all slices together, or each by its own"
    )
    pad: Literal["both", "behind"] = Field(
        "both", description="where zero slices are added to a short series: on both sides, or all behind"
    )

    @model_validator(mode="after")
    def _box_with_margin(self) -> "Volume":
        if self.around and self.margin is None:
            refuse("`around: segmentation` needs `margin`, which is missing.")
        return self


class Slices(Input):
    """Chosen slices of a series, each a row (rows, columns), uint8, 0 to 255."""

    kind: Literal["slices"] = Field(description=KIND)
    shape: Two = Field(description="rows, columns")
    choose: Literal["central", "nonblank"] = Field(description="which slices of a series are used")
    share: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="required with `central`, unused otherwise: share of the series, taken from its middle"
    )
    minimum_foreground: Share | None = Field(
        None,
        description="required with `nonblank`, unused otherwise: minimum foreground of a slice, as a share of the "
        "fullest slice's",
    )
    most: Count | None = Field(
        None, description="maximum number of slices, evenly spaced among those chosen; null for all"
    )

    @model_validator(mode="after")
    def _choose_by_something(self) -> "Slices":
        needed = {"central": "share", "nonblank": "minimum_foreground"}[self.choose]
        if getattr(self, needed) is None:
            refuse(f"`choose: {self.choose}` needs `{needed}`, which is missing.")
        return self


class Aligned(Input):
    """What inputs have that align the series of a patient by their positions in millimetres."""

    reference: Modality = Field(
        description="series used to locate the brain and as the target of registration; the cohort must have it"
    )
    registration: Literal["none", "rigid"] = Field(
        description="`rigid`: each series is registered to the reference, on top of its affine"
    )
    skull_stripping: Literal["auto", "none", "always"] = Field(
        description="`auto`: only series that still have their skull"
    )


class Grid(Aligned):
    """All series of a patient on one grid, as channels (channels, x, y, z), float16."""

    kind: Literal["grid"] = Field(description=KIND)
    shape: Three = Field(description="voxels along x (to the right), y (to the front), z (upwards)")
    spacing: Length | Annotated[list[Length], Field(min_length=3, max_length=3)] = Field(
        description="voxel spacing, mm: one number, or one for each axis"
    )
    field: Literal["study", "fixed"] = Field(
        "study",
        description="with `around: brain`: `study` increases the spacing until every brain of the study fits; "
        "`fixed` does not change it, and `exclusions` says what is cut",
    )
    around: Literal["brain", "segmentation"] = Field(description="what the grid is centred on")
    intensity: Literal["standardise", "rescale"] = Field(
        description="mean 0 and standard deviation 1, or 0 to 1, over the brain; 0 outside"
    )
    segmentation: bool = Field(False, description="whether the segmentation is an extra channel")


class Radiomics(Aligned):
    """IBSI features of regions of each series (channels, 2, columns): values and what they are, float64."""

    kind: Literal["radiomics"] = Field(description=KIND)
    around: Literal["brain", "segmentation"] = Field(
        description="whose features are computed: the brain's, or those of each of the `regions` of the segmentation"
    )
    regions: Different[Region] = Field(
        ["whole"],
        description="with `around: segmentation`: its regions, by the values of BraTS (1 necrosis, 2 oedema, 4 or 3 "
        "enhancing; `core`: all but oedema); `whole` has any value",
    )
    segmentation: bool = Field(False, description="whether the shapes of the regions are an extra channel")
    spacing: Length = Field(description="edge of the cubes that series are resampled to, mm")
    bins: Annotated[int, Field(ge=2)] = Field(
        description="grey levels for texture, of equal width over the range of a region's intensities"
    )
    outliers: Length | None = Field(
        None,
        description="voxels further than that many standard deviations from a region's mean do not count; null for all",
    )


class Facts(Input):
    """Numbers of a series (channels, features), float64."""

    kind: Literal["facts"] = Field(description=KIND)


class Table(Input):
    """Numbers and categories of a cohort's `features` (groups, 2, columns): values and what they are, float64."""

    kind: Literal["table"] = Field(description=KIND)


KINDS: dict[str, type[Input]] = {
    "volume": Volume,
    "slices": Slices,
    "grid": Grid,
    "facts": Facts,
    "table": Table,
    "radiomics": Radiomics,
}
ENVIRONMENTS = {"radiomics": "radiomics"}  # conda environments by kind of input; all others are made in `imaging`


def environment(kind: str) -> str:
    """Return the conda environment in which inputs of a kind are made: a file of ``envs/``, without its ending."""
    return ENVIRONMENTS.get(kind, "imaging")
