"""Settings of approaches: ``config/approaches/<approach>.yaml``, whose parameters declare their types and ranges."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, create_model, field_validator, model_validator

from gliobench.errors import GlioBenchError
from gliobench.settings.models import Count, Different, Range, Settings, Some, Text, check, refuse
from gliobench.terms import WITHOUT_IMAGES, Modality

Figure = Literal[
    "roc",
    "confusion",
    "classification",
    "distributions",
    "curves",
    "examples",
    "tuning",
    "gradcam",
    "slices",
    "phase_curves",
    "sweep",
    "leakage",
]
OF_IMAGES = ("examples", "gradcam", "slices")  # figures
TYPES: dict[str, Any] = {"integer": int, "number": float, "boolean": bool, "text": Text}
LISTS: dict[str, Any] = {  # type -> what it is of, and the list
    "list of integers": (int, Some),
    "list of texts": (str, list),
    "range": (float, Range),
}
PARAMETERS = "changes to the parameters"


class Declaration(Settings):
    """One parameter of an approach: its default, type, permitted values and meaning."""

    default: Any = Field(description="value if nothing else is set")
    type: Literal["integer", "number", "boolean", "text", "list of integers", "list of texts", "range"] = Field(
        description="its type; `range`: two numbers, the smaller first"
    )
    meaning: Text = Field(description="a few words, for this page and for error messages")
    minimum: int | float | None = Field(None, description="smallest value, of each entry for a list")
    above: int | float | None = Field(None, description="exclusive lower bound")
    maximum: int | float | None = Field(None, description="largest value")
    below: int | float | None = Field(None, description="exclusive upper bound")
    choices: Different[str] | None = Field(None, description="permitted texts, of each entry for a list")

    def field(self) -> tuple[Any, Any]:
        """Return the annotation and the field of a model."""
        of, many = LISTS.get(self.type, (TYPES.get(self.type), None))
        if self.choices:
            of = Literal[tuple(self.choices)]
        bounds = {"ge": self.minimum, "gt": self.above, "le": self.maximum, "lt": self.below}
        given: dict[str, Any] = {name: bound for name, bound in bounds.items() if bound is not None}
        entry = Annotated[of, Field(**given)] if given else of
        return (many[entry] if many else entry), Field(self.default, description=self.meaning, validate_default=True)


def parameters_model(declared: Mapping[str, Any], name: str, where: str) -> type[Settings]:
    """
    Make the model of an approach's parameters.

    Parameters
    ----------
    declared : mapping
        As the YAML has them: a name to a `Declaration`, or to a mapping of further ones.
    name : str
        Of the model.
    where : str
        For sentences.

    Returns
    -------
    type
        Without arguments it holds the defaults.
    """
    fields: dict[str, Any] = {}
    for key, value in declared.items():
        place = f"{where}.{key}"
        if not isinstance(value, Mapping):
            raise GlioBenchError(
                f"{place}: declare its type and permitted values, as in {{default: {value!r}, type: number, above: 0, "
                "meaning: of Adam}; "
                "docs/adding-an-approach.md lists the types."
            )
        if "default" not in value:
            group = parameters_model(value, key, place)
            fields[key] = (group, check(group, {}, place))
        else:
            fields[key] = check(Declaration, value, place).field()
    model: type[Settings] = create_model(name, __base__=Settings, **fields)
    return model


class Protocol(Settings):
    """How patients are split and scored."""

    split: Text = Field(description="scheme of `splits.yaml`")
    part: Literal["whole"] | None = Field(
        None, description="`whole`: all patients of a run are scored as one part, training patients included"
    )
    parameters: dict[str, Any] = Field({}, description=f"{PARAMETERS} under this protocol")
    caveat: Text | None = Field(None, description="added to every table row of the protocol")


class Variant(Settings):
    """A named setting of an approach."""

    description: Text = Field(description="one sentence")
    caveat: Text | None = Field(None, description="added to every table row of the variant")
    weights: Text | None = Field(None, description="initial weights; the approach's if left out")
    tuned: bool = Field(
        False,
        description="whether its hyperparameters come from tuning; only under a protocol with one held-out set",
    )
    input: dict[str, Any] = Field({}, description="changes to the approach's `input`")
    parameters: dict[str, Any] = Field({}, description=f"{PARAMETERS} of the approach")
    protocols: dict[str, Protocol] = Field({}, description="protocols added to, or replacing, those of the approach")


class Search(Settings):
    """The search range of a hyperparameter."""

    low: int | float | None = Field(None, description="smallest value")
    high: int | float | None = Field(None, description="largest value")
    log: bool = Field(False, description="whether to draw on a logarithmic scale")
    choices: Some[Any] | None = Field(None, description="instead of `low` and `high`: the values themselves")

    @model_validator(mode="after")
    def _one_way(self) -> "Search":
        ends = [self.low, self.high]
        if self.choices is not None and (ends != [None, None] or self.log):
            refuse("give either `choices`, or `low` and `high`, not both.")
        if self.choices is None and None in ends:
            refuse("give both `low` and `high`, or `choices`.")
        if self.low is not None and self.high is not None and self.low > self.high:
            refuse(f"`low`, {self.low}, is above `high`, {self.high}; give the smaller one as `low`.")
        if self.log and self.low is not None and self.low <= 0:
            refuse(f"`low` is {self.low}; a logarithmic scale starts above 0.")
        return self


class Tuning(Settings):
    """How the variants with ``tuned: true`` find their hyperparameters."""

    trials: Count = Field(description="total number of trials")
    workers: Count = Field(description="processes that share the trials; with one, the same seed gives the same trials")
    space: Annotated[dict[str, Search], Field(min_length=1)] = Field(
        description="hyperparameters to search, by name: `low`, `high` and `log` (draw on a logarithmic scale), or "
        "`choices`. A parameter of type integer takes only integers"
    )


class InputFor(Settings):
    """Changes to an input on cohorts with and without a segmentation."""

    without_segmentation: dict[str, Any] = Field({}, description="on cohorts without one")
    with_segmentation: dict[str, Any] = Field({}, description="on cohorts with a segmentation")


class Approach(Settings):
    """What a published method needs: read by the rules, which never import the method itself."""

    title: Text = Field(description="display name")
    source: Text = Field(description="the document")
    toolchain: Literal["keras", "tensorflow", "torch", "sklearn"] = Field(
        description="conda environment and training rule; `keras`: those of the study's `backend`"
    )
    modalities: Different[Modality | Literal["all"]] = Field(
        description="modalities of the paper, one training each; `all`: one training on all of them"
    )
    weights: Text = Field("none", description="[initial weights](#initial-weights)")
    input: dict[str, Any] = Field(
        description="`kind`: module of `gliobench.inputs` that makes the input; the other keys belong to the "
        "[kind](#inputs)"
    )
    input_for: InputFor = Field(
        InputFor(),
        description="changes to `input` on cohorts with a segmentation, or without one",
    )
    protocols: Annotated[dict[str, Protocol], Field(min_length=1)] = Field(description="protocols by name, keys below")
    phases: Different[Text] = Field(["final"], description="states of one training that are scored, in order")
    figures: list[Figure] | None = Field(
        None,
        description="figures of its cells; if left out, `roc`, `confusion` and `curves`, but no `curves` for the "
        "toolchain `sklearn`, whose methods have no epochs; "
        "[docs/adding-an-approach.md](../docs/adding-an-approach.md#figures) lists them",
    )
    parameters: dict[str, Any] = Field(
        description="hyperparameters by name: `default`, `type`, `meaning` and range of each, keys below"
    )
    tuning: Tuning | None = Field(
        None, description="how the variants with `tuned: true` find their hyperparameters, keys below"
    )
    variants: Annotated[dict[str, Variant], Field(min_length=1)] = Field(
        description="named settings; `main` runs if a study names none"
    )

    @field_validator("figures")
    @classmethod
    def _each_once(cls, figures: list[str] | None) -> list[str] | None:
        return figures and list(dict.fromkeys(figures))

    @model_validator(mode="after")
    def _fit_together(self) -> "Approach":
        if self.input.get("kind") == "volume" and "all" in self.modalities:
            refuse("an input of kind volume holds one series; name modalities instead of `all`.")
        kind = self.input.get("kind")
        for name in self.figures_drawn:
            if name in OF_IMAGES and kind in WITHOUT_IMAGES:
                refuse(f"figure {name!r} shows images, and an input of kind {kind} holds none; leave it out.")
        for name, variant in self.variants.items():
            if variant.tuned and self.tuning is None:
                refuse(f"variant {name!r} is tuned, but there is no `tuning`; add one.")
        return self

    @property
    def figures_drawn(self) -> list[str]:
        """The names of its figures, given or not."""
        if self.figures is not None:
            return list(self.figures)
        return ["roc", "confusion", *([] if self.toolchain == "sklearn" else ["curves"])]
