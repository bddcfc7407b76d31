"""A glioblastoma: necrosis inside an enhancing rim inside oedema that follows white matter, shaped by named traits."""

from dataclasses import dataclass, fields

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage, special

from gliobench.cohorts.anatomy import Anatomy, smooth_noise


@dataclass(frozen=True)
class Traits:
    """
    What a radiologist would describe of the lesion.

    Attributes
    ----------
    ring_thickness : float
        mm.
    ring_completeness : float
        Share of the core's surface that the rim covers, 0 to 1.
    oedema_volume : float
        ml.
    t2_texture : float
        Relative standard deviation of the lesion's T2-weighted signal.
    necrosis_fraction : float
        Share of the core inside the rim that is necrotic, the rest being solid tumour, 0 to 1.
    location : float
        Rank of the centre from occipital (0) to frontal (1).
    """

    ring_thickness: float
    ring_completeness: float
    oedema_volume: float
    t2_texture: float
    necrosis_fraction: float
    location: float


TRAITS = tuple(field.name for field in fields(Traits))


@dataclass(frozen=True)
class Lesion:
    """
    Maps of a lesion on its anatomy's grid.

    Attributes
    ----------
    oedema, rim, necrosis : float32 arrays of shape (x, y, z)
        Fractions of each voxel; their sum is at most 1.
    texture : float32 array of shape (x, y, z)
        Factor on T2-weighted signal, 1 outside the lesion.
    """

    oedema: NDArray[np.float32]
    rim: NDArray[np.float32]
    necrosis: NDArray[np.float32]
    texture: NDArray[np.float32]

    @property
    def whole(self) -> NDArray[np.float32]:
        """Fraction of each voxel that is not healthy."""
        return self.oedema + self.rim + self.necrosis


def draw_traits(
    rng: np.random.Generator, latent: float, moved: list[str], strength: float, oedema: tuple[float, float]
) -> Traits:
    """
    Draw a patient's traits.

    Parameters
    ----------
    rng : numpy Generator
        Draws each trait's own part, the same whatever is moved.
    latent : float
        The patient's s.
    moved : list of str
        Traits that follow s; the others vary independently.
    strength : float
        Correlation of a moved trait's normal score with s, 0 to 1.
    oedema : (float, float)
        Volumes in ml one standard deviation below and above the middle (log-normal).
    """
    own = dict(zip(TRAITS, rng.standard_normal(len(TRAITS)), strict=True))
    share = {name: strength if name in moved else 0.0 for name in TRAITS}
    score = {name: share[name] * latent + np.sqrt(1 - share[name] ** 2) * own[name] for name in TRAITS}
    rank = {name: float(special.ndtr(value)) for name, value in score.items()}
    low, high = np.log(oedema)
    volume = np.exp((low + high) / 2 + (high - low) / 2 * np.clip(score["oedema_volume"], -1.6, 1.6))
    return Traits(
        ring_thickness=2.0 + 4.5 * rank["ring_thickness"],
        ring_completeness=0.35 + 0.65 * rank["ring_completeness"],
        oedema_volume=float(volume),
        t2_texture=0.20 * rank["t2_texture"],
        necrosis_fraction=0.25 + 0.70 * rank["necrosis_fraction"],
        location=rank["location"],
    )


def draw_centre(template: Anatomy, location: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw a point in deep supratentorial white matter, in template RAS mm, by its occipito-frontal rank."""
    x, y, z = np.broadcast_arrays(*template.millimetres())
    deep = ndimage.uniform_filter(template.tissues[2], round(15 / template.spacing)) > 0.45
    allowed = deep & (np.abs(x) > 18) & (np.abs(x) < 45) & (y > -72) & (y < 38) & (z > 0) & (z < 36)
    candidates = np.stack([x[allowed], y[allowed], z[allowed]], axis=1)
    candidates = candidates[np.argsort(candidates[:, 1], kind="stable")]
    middle = location * (len(candidates) - 1)
    window = 0.05 * len(candidates)
    index = int(np.clip(rng.uniform(middle - window, middle + window), 0, len(candidates) - 1))
    return candidates[index].astype("float64")


def draw_lesion(anatomy: Anatomy, centre: NDArray, radius: float, traits: Traits, rng: np.random.Generator) -> Lesion:
    """
    Grow a lesion in a brain.

    Parameters
    ----------
    anatomy : Anatomy
        The patient's brain.
    centre : array of shape (3,)
        Centre of the core, RAS mm.
    radius : float
        Mean radius of the core (rim and its contents), mm.
    traits : Traits
        The lesion's traits.
    rng : numpy Generator
        Draws shape, gaps and texture.
    """
    brain = anatomy.brain
    depth = _draw_depth(anatomy, centre, radius, rng)
    core = _soft(depth / anatomy.spacing) * brain
    thickness = min(traits.ring_thickness, 0.5 * radius)
    inside = _soft((depth - thickness) / anatomy.spacing) * brain
    shell = np.clip(core - inside, 0, 1)
    kept = lowest(smooth_noise(rng, anatomy.shape, 18 / anatomy.spacing), shell, traits.ring_completeness)
    clumps = 0.25 * radius * smooth_noise(rng, anatomy.shape, 7 / anatomy.spacing) - depth
    necrosis = inside * lowest(clumps, inside, traits.necrosis_fraction)
    rim = shell * kept + (inside - necrosis)
    gaps = core - rim - necrosis
    room = np.clip(anatomy.tissues[1] + anatomy.tissues[2] - core, 0, 1)
    oedema = gaps + room * _spread_oedema(anatomy, centre, core, room, traits.oedema_volume, rng)
    grain = smooth_noise(rng, anatomy.shape, 9 / anatomy.spacing)
    texture = 1 + traits.t2_texture * np.clip(grain, -2.5, 2.5) * (oedema + rim + necrosis)
    oedema, rim, necrosis = (np.clip(part, 0, 1).astype("float32") for part in (oedema, rim, necrosis))
    return Lesion(oedema, rim, necrosis, texture.astype("float32"))


def lowest(score: NDArray, region: NDArray, share: float) -> NDArray:
    """Return 1 where `score` is among the lowest `share` of the region, else 0."""
    return (score <= np.quantile(score[region > 0.5], share)).astype("float32") if (region > 0.5).any() else region


def _draw_depth(anatomy: Anatomy, centre: NDArray, radius: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return the depth in mm below the surface of a noise-perturbed ellipsoid, negative outside."""
    stretch = np.exp(rng.normal(0, 0.15, 3))
    stretch /= stretch.prod() ** (1 / 3)
    axes, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    points = anatomy.millimetres()
    offsets = [points[axis] - np.float32(centre[axis]) for axis in range(3)]
    along = [sum(axes[axis, k] * offsets[axis] for axis in range(3)) / stretch[k] for k in range(3)]
    distance = np.sqrt(sum(part**2 for part in along))
    bumps = 0.16 * smooth_noise(rng, anatomy.shape, 14 / anatomy.spacing)
    return (radius - distance * (1 + np.clip(bumps, -0.4, 0.4))).astype("float32")


def _soft(depth: NDArray) -> NDArray:
    """Share of a voxel inside a surface that lies `depth` voxels above its middle."""
    return np.clip(0.5 + depth, 0, 1)


def _spread_oedema(
    anatomy: Anatomy, centre: NDArray, core: NDArray, room: NDArray, volume: float, rng: np.random.Generator
) -> NDArray[np.float32]:
    """
    Let a front run from the core, fast in white matter, slow in grey and hardly in CSF, until its room is `volume` ml.

    The front's arrival times are SimpleITK's fast marching ones.
    """
    _, grey, white = anatomy.tissues
    speed = (0.02 + 0.12 * grey + white) * np.exp(0.35 * smooth_noise(rng, anatomy.shape, 10 / anatomy.spacing))
    speed = np.where(core > 0.5, 8.0, speed) * (anatomy.brain > 0.5) + 1e-3
    image = sitk.GetImageFromArray(speed.astype("float32").transpose())
    image.SetSpacing([anatomy.spacing] * 3)
    start = np.round((centre - anatomy.affine[:3, 3]) / anatomy.spacing).astype(int)
    arrival_image = sitk.FastMarching(image, trialPoints=[start.tolist()], stoppingValue=60.0)
    arrival = sitk.GetArrayViewFromImage(arrival_image).transpose().astype("float64")
    order = np.argsort(arrival, axis=None, kind="stable")
    filled = np.cumsum(room.ravel()[order]) * anatomy.spacing**3 / 1000
    last = order[min(int(np.searchsorted(filled, volume)), len(order) - 1)]
    limit = min(arrival.ravel()[last], 59.0)
    return np.clip(0.5 + (limit - arrival) / 3, 0, 1).astype("float32")
