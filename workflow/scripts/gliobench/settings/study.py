"""Settings of a study: one config file."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from gliobench.settings.approaches import InputFor
from gliobench.settings.models import Count, Different, Name, Settings, Some, Text, WholeNumber, each_once


class OnCohort(Settings):
    """What a study changes in an approach on one cohort."""

    input: dict[str, Any] = Field({}, description="keys of the approach's `input`")
    parameters: dict[str, Any] = Field({}, description="keys of the approach's `parameters`")


class OnVariant(Settings):
    """What a study changes in an approach in one variant."""

    input: dict[str, Any] = Field({}, description="keys of the variant's `input`")


class Changes(Settings):
    """What a study changes in an approach."""

    input: dict[str, Any] = Field({}, description="keys of the approach's `input`")
    input_for: InputFor = Field(
        InputFor(),
        description="keys of the approach's `input` on cohorts with a segmentation, or without one",
    )
    parameters: dict[str, Any] = Field({}, description="keys of the approach's `parameters`")
    weights: Text | None = Field(None, description="[initial weights](#initial-weights)")
    tuning: dict[str, Any] = Field({}, description="keys of the approach's `tuning`")
    on_variant: dict[str, OnVariant] = Field(
        {}, description="by variant: `input` of this variant only, on top of the variant's own"
    )
    on_cohort: dict[str, OnCohort] = Field(
        {},
        description="by cohort: `input` and `parameters` on this cohort only; they take precedence over all others",
    )


class Run(Settings):
    """What to train: an approach crossed with lists."""

    approach: Text = Field(description="a file of `config/approaches/`, without `.yaml`")
    cohorts: Different[Text] | None = Field(
        None, description="cohorts to train on; all cohorts of the study if left out"
    )
    variants: Different[Text] | None = Field(
        None, description="variants of the approach; if left out, `main`, or all variants if there is no `main`"
    )
    modalities: Different[Text] | None = Field(
        None,
        description="one training each; the cohort must have them. `all`: one training on all of the cohort's "
        "modalities. If left out, those of the paper. For approaches that read tables: groups of the cohort's "
        "[features](#features), or `all` of them",
    )
    protocols: Different[Text] = Field(["harmonised"], description="protocols of the approach")
    permutations: Annotated[int, Field(ge=1, le=999)] | None = Field(
        None,
        description="number of [label permutations](../docs/method.md#permutations) to train on, "
        "which fill `p_chance`; 0.05 needs 19, from which number on they may also widen the interval of the cell",
    )
    permutations_within_site: Annotated[int, Field(ge=1, le=999)] | None = Field(
        None,
        description="the same with labels permuted [within each known site](../docs/method.md#sites), "
        "which fill `p_chance_within_site`",
    )
    spiked: bool = Field(
        False,
        description="whether to train on the copies of the cohorts' key `spiked`, too: the share that is detected goes "
        "to the table `copies`; needs 19 or more `permutations`",
    )
    visible: bool = Field(
        False,
        description="whether to train on the labels of the cohorts' key `visible`, too, on the same folds: the table "
        "`visible` shows what is reached on each",
    )


class StudyFile(Settings):
    """One config file is one study: which cohorts, approaches, protocols and seeds."""

    study: Name = Field(description="name; results go to `results/<study>/`")
    title: Text | None = Field(None, description="heading of the report's first page, and of the terminal's end")
    question: Text | None = Field(
        None,
        description="what the study asks, in a sentence, shown below the title; if left out, a study of your own "
        "patients asks whether its labels can be told apart",
    )
    seed: WholeNumber = Field(description="base seed; every other seed is derived from it")
    seeds: Count = Field(1, description="trainings with different seeds on the same fold; their scores are averaged")
    bootstrap: Annotated[int, Field(ge=100)] = Field(
        2000, description="bootstrap resamples behind each interval for fitted models"
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="device on which networks are trained, tuned and used; `auto` uses a GPU if there is one, `cuda` "
        "without one is an error",
    )
    backend: Literal["auto", "tensorflow", "torch"] = Field(
        "auto",
        description="what Keras runs on, for the approaches written in it (`cnn3d`, `efficientnet`); `auto`: PyTorch "
        "if the study starts with `device: cuda` or where a GPU is visible, else TensorFlow "
        "([docs/method.md](../docs/method.md#devices)). On a cluster name one, because the login node shows no GPU",
    )
    deterministic: bool = Field(
        False, description="exactly repeatable results on a GPU too, but slower; results on CPU are always repeatable"
    )
    portable: bool = Field(
        True,
        description="the same arithmetic on every x86-64 processor with AVX2; `false` lets libraries use all the "
        "processor's instructions, which is faster ([docs/method.md](../docs/method.md#same-config-same-bytes))",
    )
    decoded: bool = Field(
        True,
        description="keep every series decoded and cropped, so that inputs are made without opening the "
        "images again ([docs/method.md](../docs/method.md#one-pass-over-the-images) gives the disk space needed)",
    )
    show_images: bool = Field(
        True,
        description="show images of patients in the report; `false` leaves out the pictures on the pages of patients "
        "and the figures drawn from images (audit, inputs, examples, Grad-CAM), so that `report/` can be passed on; it "
        "trains nothing again",
    )
    cohorts: Annotated[dict[str, Any], Field(min_length=1)] = Field(
        description="[cohorts](#cohorts) by name (letters, digits, `-`, `_`), but not `estimate`, `fields`, `figures`, "
        "`logs`, `partial`, `report` or `tables`, which are folders beside theirs"
    )
    splits: dict[str, dict[str, Any]] = Field({}, description="changes to [split schemes](#split-schemes), by scheme")
    settings: dict[str, Changes] = Field({}, description="changes to [approaches](#approaches), by approach")
    sensitivity: Annotated[list[Text], Field(min_length=2), AfterValidator(each_once)] | None = Field(
        None,
        description="replicated cohorts used as levels of planted signal for "
        "[the sensitivity floor](../docs/method.md#sensitivity-floor): adds `tables/sensitivity.tsv`",
    )
    runs: Some[Run] = Field(description="[what to train](#runs)")
