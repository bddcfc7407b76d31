"""Made-up heads, known as functions of the place in the patient, and series of them in any plane."""

import numpy as np

from gliobench.imaging.facts import SeriesFacts
from gliobench.imaging.volume import Volume

BRAIN = np.array([45.0, 55.0, 40.0])  # mm, half axes
CENTRE = np.array([5.0, -12.0, 20.0])  # RAS+ mm


def turn(degrees, axis):
    """Rotation matrix about an axis."""
    x, y, z = np.asarray(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.deg2rad(degrees)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def affine_of(directions, spacing, shape, middle=CENTRE):
    """Affine of a volume whose (slice, row, column) axes point along columns of `directions`, around a middle."""
    affine = np.eye(4)
    affine[:3, :3] = directions * np.asarray(spacing, float)
    affine[:3, 3] = middle - affine[:3, :3] @ (np.array(shape) - 1) / 2
    return affine


def places(affine, shape):
    """RAS+ mm of every voxel, shape (*shape, 3)."""
    return np.moveaxis(np.indices(shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]


def radius(points, half_axes=BRAIN, centre=CENTRE):
    """Distance from the centre, 1 on the surface of the ellipsoid."""
    return np.sqrt((((points - centre) / half_axes) ** 2).sum(-1))


def blob(points, centre, sigma):
    return np.exp(-((points - centre) ** 2).sum(-1) / (2 * sigma**2))


def reader(**volumes):
    """What `make_input` reads a patient's series with."""
    return lambda name: (volumes[name], SeriesFacts())


def brain_with_marker(affine, shape, marker, gain=1.0):
    """A stripped series: a brain of one value, and a bright spot at a place in the patient."""
    points = places(affine, shape)
    return Volume(gain * np.where(radius(points) < 1, 100 + 900 * blob(points, marker, 4.0), 0), affine)


def textured(points, strength=60):
    """A brain with structure everywhere, so that each rotation and shift shows."""
    rng = np.random.default_rng(4)
    spots = CENTRE + rng.uniform(-0.8, 0.8, (40, 3)) * BRAIN
    inside = 100 + strength * sum(
        sign * blob(points, spot, 9.0) for spot, sign in zip(spots, [1, -1] * 20, strict=True)
    )
    return np.where(radius(points) < 1, inside, 0)


def head(shape=(32, 80, 80), spacing=(5.0, 2.5, 2.5)):
    """A series with skull (scalp bright, bone and fluid dark, air noisy), and the true mask of its brain."""
    affine = affine_of(np.eye(3)[:, ::-1], spacing, shape)
    points = places(affine, shape)
    rng = np.random.default_rng(5)
    brain = radius(points) < 1
    image = np.zeros(shape)
    for margin, value in ((18.0, 160), (11.0, 15), (4.0, 30)):
        image[radius(points, BRAIN + margin) < 1] = value
    image[brain] = textured(points, 30)[brain]
    image[radius(points, np.array([8.0, 18.0, 8.0])) < 1] = 25  # ventricles
    noisy = np.hypot(image + rng.normal(0, 5, shape), rng.normal(0, 5, shape))
    return Volume(noisy.astype(np.uint16), affine), brain
