"""Signal of each tissue in each modality, from relaxation times and the sequence's own times."""

from dataclasses import dataclass

import numpy as np

RELAXIVITY = 4.5  # of a gadolinium agent, 1/(s mmol/l)
CONCENTRATION = 0.6  # of it in an enhancing rim, mmol/l


@dataclass(frozen=True)
class Tissue:
    """Relaxation times in ms and the proton density relative to water; `enhances` where contrast agent leaks."""

    t1: float
    t2: float
    density: float
    enhances: bool = False


@dataclass(frozen=True)
class Sequence:
    """Repetition, echo and (inversion recovery only) inversion time in ms; `agent` when given after injection."""

    repetition: float
    echo: float
    inversion: float | None = None
    agent: bool = False


TISSUES = {
    "csf": Tissue(4000, 2000, 1.0),
    "grey": Tissue(1350, 95, 0.82),
    "white": Tissue(850, 72, 0.70),
    "oedema": Tissue(1600, 160, 0.88),
    "rim": Tissue(1500, 115, 0.82, enhances=True),
    "necrosis": Tissue(2800, 400, 0.96),
}

SEQUENCES = {  # in the order of the series' numbers
    "FLAIR": Sequence(9000, 120, inversion=2500),
    "T1w": Sequence(550, 12),
    "T1wCE": Sequence(550, 12, agent=True),
    "T2w": Sequence(4500, 100),
}


def signal(tissue: Tissue, sequence: Sequence) -> float:
    """
    Return the magnitude signal of a (T1 inversion-recovery) spin echo, in units of full magnetisation.

    Spin echo: PD (1 - exp(-TR/T1)) exp(-TE/T2); with inversion: PD (1 - 2 exp(-TI/T1) + exp(-TR/T1)) exp(-TE/T2).
    """
    t1 = tissue.t1
    if sequence.agent and tissue.enhances:
        t1 = 1000 / (1000 / t1 + RELAXIVITY * CONCENTRATION)
    recovered = 1 - np.exp(-sequence.repetition / t1)
    if sequence.inversion is not None:
        recovered = 1 - 2 * np.exp(-sequence.inversion / t1) + np.exp(-sequence.repetition / t1)
    return float(abs(tissue.density * recovered) * np.exp(-sequence.echo / tissue.t2))


def signals(modality: str) -> dict[str, float]:
    """Return the signal of every tissue in one modality."""
    return {name: signal(tissue, SEQUENCES[modality]) for name, tissue in TISSUES.items()}
