"""Settings of a study: one config file."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from gliobench.settings.approaches import InputFor
from gliobench.settings.models import Count, Different, Name, Settings, Some, Text, WholeNumber, each_once
from gliobench.terms import Modality


class Changes(Settings):
    """What a study changes of an approach."""

    input: dict[str, Any] = Field({}, description="keys of the approach's `input`")
    input_for: InputFor = Field(
        InputFor(),
        description="`rsna` or `brainstem`: keys of the input on cohorts of that kind, generated ones included",
    )
    parameters: dict[str, Any] = Field({}, description="keys of the approach's `parameters`")
    weights: Text | None = Field(None, description="[initial weights](#initial-weights)")
    tuning: dict[str, Any] = Field({}, description="keys of the approach's `tuning`")


class Run(Settings):
    """What to train: an approach crossed with lists."""

    approach: Text = Field(description="a file of `config/approaches/`, without `.yaml`")
    cohorts: Different[Text] | None = Field(None, description="cohorts to train on; all of the study if left out")
    variants: Different[Text] | None = Field(
        None, description="variants of the approach; if left out `main`, or all of an approach without `main`"
    )
    modalities: Different[Modality | Literal["all"]] | None = Field(
        None,
        description="one training each; the cohort must have them. `all`: one training on all of the cohort's "
        "modalities. Those of the paper if left out",
    )
    protocols: Different[Text] = Field(["harmonised"], description="protocols of the approach")
    permutations: Annotated[int, Field(ge=1, le=999)] | None = Field(
        None,
        description="trainings anew on so many [permutations of the labels](../docs/method.md#permutations), "
        "which fill `p_chance`; 0.05 needs 19",
    )


class StudyFile(Settings):
    """One config file is one study: which cohorts, approaches, protocols and seeds."""

    study: Name = Field(description="name; results go to `results/<study>/`")
    seed: WholeNumber = Field(description="base seed; every other seed is derived from it")
    seeds: Count = Field(1, description="trainings with different seeds on the same fold; their scores are averaged")
    bootstrap: Annotated[int, Field(ge=100)] = Field(2000, description="resamples behind each interval")
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="what trainings compute on; `auto` takes a GPU if there is one, `cuda` without one is an error",
    )
    deterministic: bool = Field(
        False, description="exact repeats on a GPU too, more slowly; results on CPU always repeat"
    )
    portable: bool = Field(
        True,
        description="the same arithmetic on every x86-64 processor with AVX2; `false` lets libraries use what the "
        "processor has, which is faster ([docs/method.md](../docs/method.md#same-config-same-bytes))",
    )
    decoded: bool = Field(
        True,
        description="keep every series as the audit decodes it, cropped, so that inputs are made without opening an "
        "image again ([docs/method.md](../docs/method.md#one-pass-over-the-images) has the disk it takes)",
    )
    cohorts: Annotated[dict[str, Any], Field(min_length=1)] = Field(
        description="[cohorts](#cohorts) by name (letters, digits, `-`, `_`)"
    )
    splits: dict[str, dict[str, Any]] = Field({}, description="changes to [split schemes](#split-schemes), by scheme")
    settings: dict[str, Changes] = Field({}, description="changes to [approaches](#approaches), by approach")
    sensitivity: Annotated[list[Text], Field(min_length=2), AfterValidator(each_once)] | None = Field(
        None,
        description="replicated cohorts, levels of planted signal, for "
        "[the sensitivity floor](../docs/method.md#sensitivity-floor): adds `tables/sensitivity.tsv`",
    )
    runs: Some[Run] = Field(description="[what to train](#runs)")
