"""Augmentation in batches: what it may change, and that its numbers and distributions are TorchIO's."""

from functools import cache
from importlib import import_module
from itertools import product

import numpy as np
import pytest

pytestmark = pytest.mark.torch
SETTINGS = {"affine": 1.0, "noise": 0.5, "gamma": 0.5, "motion": 0.1, "bias_field": 0.25, "motion_mm": 4.0}
STEPS = ("affine", "noise", "gamma", "motion", "bias_field")
UNCHANGED = SETTINGS | dict.fromkeys(STEPS, 0.0)
SPACING = (2.0, 2.0, 2.0)
DRAWS = 500
# Of about 30 statistics of 6 augmentations, and of the spread of each, the largest distance from TorchIO's is normal:
# above 4.5 standard errors it is a difference, except in 360 * 7e-6, one of 400 pairs of samples that are alike.
STANDARD_ERRORS = 4.5


@pytest.fixture(scope="module")
def torch():
    return import_module("torch")


@pytest.fixture(scope="module")
def module():
    return import_module("gliobench.training.torchio_augment")


def patients(n=2, channels=3, shape=(10, 9, 8), seed=0):
    torch = import_module("torch")
    return torch.rand((n, channels, *shape), generator=torch.Generator().manual_seed(seed))


def augmented(batch, seed=0, segmentation=False, **changes):
    module = import_module("gliobench.training.torchio_augment")
    return module.augment_patients(batch, module.Draws(seed, batch.device), UNCHANGED | changes, segmentation, SPACING)


def test_augmentation_is_new_each_time_and_repeats_with_the_seed(torch, module):
    batch = patients(8)
    draws = module.Draws(5, batch.device)
    first, second = (module.augment_patients(batch, draws, SETTINGS, False, SPACING) for _ in range(2))
    assert torch.equal(augmented(batch, 5, **SETTINGS), first)
    assert not torch.equal(first, second)
    assert (first.shape, first.dtype) == (batch.shape, torch.float32)


def test_which_patients_are_augmented_is_drawn_on_the_host(torch, module):
    draws = module.Draws(3, torch.device("cpu"))
    assert draws.choices.device.type == "cpu"
    draws.choices, kept = torch.Generator().manual_seed(3), draws.images.get_state()
    module.augment_patients(patients(), draws, UNCHANGED, False, SPACING)
    assert torch.equal(draws.images.get_state(), kept)


def test_nothing_is_drawn_from_the_global_generator(torch):
    before = torch.random.get_rng_state()
    augmented(patients(), **dict.fromkeys(STEPS, 1.0))
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("name", STEPS)
def test_each_patient_of_a_batch_is_augmented_in_its_own_way(torch, name):
    first, second = augmented(patients(1).repeat(2, 1, 1, 1, 1), **{name: 1.0})
    assert all(not torch.equal(first[channel], second[channel]) for channel in range(3))


@pytest.mark.parametrize("images", [2, 4])
@pytest.mark.parametrize("name", STEPS)
def test_each_augmentation_changes_the_images_and_only_a_movement_the_segmentation(torch, name, images):
    batch = patients(2, images + 1, (16, 16, 16))
    batch[:, images] = 0
    batch[:, images, 4:9, 4:9, 4:9] = 1
    changed = augmented(batch, segmentation=True, **{name: 1.0})[0]
    assert all(not torch.equal(changed[channel], batch[0, channel]) for channel in range(images))
    assert torch.equal(changed[images], batch[0, images]) == (name != "affine")
    assert set(changed[images].unique().tolist()) == {0.0, 1.0}


def test_a_channel_is_a_segmentation_only_if_it_is_one_in_every_patient(module):
    inputs = patients(3).numpy()
    inputs[:, -1] = 1
    assert module.has_segmentation(inputs)
    inputs[2, -1, 0, 0, 0] = 0.5
    assert not module.has_segmentation(inputs)


def test_without_probabilities_nothing_is_augmented(torch):
    assert torch.equal(augmented(patients()), patients())


@pytest.mark.parametrize("name", STEPS)
def test_the_batch_that_is_augmented_stays_as_it_was(torch, name):
    batch = patients()
    augmented(batch, **{name: 1.0})
    assert torch.equal(batch, patients())


@pytest.mark.parametrize("name", STEPS)
def test_so_many_patients_are_changed_as_the_probability_says(name):
    batch = patients(400, 1, (3, 3, 3))
    changed = (augmented(batch, **{name: 0.25}) != batch).any((1, 2, 3, 4)).float().mean()
    assert float(changed) == pytest.approx(0.25, abs=4 * np.sqrt(0.25 * 0.75 / 400))


def fix_draws(monkeypatch, module, *shapes):
    """Have the next draws be random numbers of the test, and return them."""
    rng = np.random.default_rng(1)
    draws = [module.torch.from_numpy(rng.uniform(-1, 1, shape).astype(np.float32)) for shape in shapes]
    left = iter(draws)
    monkeypatch.setattr(module, "minus_one_to_one", lambda *_: next(left))
    return draws


def test_the_same_turn_and_zoom_give_the_same_images_and_segmentation_as_torchio(torch, module, monkeypatch):
    torchio = import_module("torchio")
    batch = patients()
    batch[:, 2] = (batch[:, 2] > 0.5).float()
    sizes, angles = fix_draws(monkeypatch, module, (2, 1, 3), (2, 3))
    changed = module.affine(batch, torch.Generator(), segmentation=True)
    for patient, size, angle, mine in zip(batch, sizes, angles, changed, strict=True):
        transform = torchio.Affine(
            scales=(1 + 0.1 * size[0]).tolist(), degrees=(10 * angle).tolist(), translation=(0, 0, 0)
        )
        images = {"scans": torchio.ScalarImage(tensor=patient[:2]), "labels": torchio.LabelMap(tensor=patient[2:])}
        theirs = transform(torchio.Subject(images))
        torch.testing.assert_close(mine[:2], theirs["scans"].data, atol=1e-5, rtol=0)
        assert torch.equal(mine[2:], theirs["labels"].data)


def centred(image):
    """Return an image of TorchIO on a grid with the tests' spacing, its middle in the middle of the scanner."""
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = -affine[:3, :3] @ (np.array(image.shape) - 1) / 2
    return import_module("torchio").ScalarImage(tensor=image[None], affine=affine)


def test_the_same_movements_give_the_same_images_as_torchio(torch, module, monkeypatch):
    torchio = import_module("torchio")
    angles, shifts, times = fix_draws(monkeypatch, module, (6, 2, 3), (6, 2, 3), (6, 2))
    changed = module.motion(patients(), torch.Generator(), voxels=[4.0, 4.0, 4.0]).flatten(0, 1)
    images = patients().flatten(0, 1)
    to_itk = torch.tensor([-1, -1, 1])  # whose x and y point the other way
    for image, angle, shift, time, mine in zip(images, angles, shifts, times, changed, strict=True):
        transform = torchio.Motion(
            (10 * angle * to_itk).numpy(),
            (4 * 2.0 * shift * to_itk).numpy(),  # mm
            ((torch.tensor([1, 2]) + 0.3 * time) / 3).numpy(),
            "linear",
        )
        torch.testing.assert_close(mine[None], transform(centred(image)).data, atol=1e-5, rtol=0)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.0, 2.0, 2.0), (1.0, 2.0, 4.0)])
def test_a_movement_is_of_so_many_millimetres_on_every_grid(module, monkeypatch, spacing):
    seen = []
    monkeypatch.setattr(module, "motion", lambda scans, generator, voxels: seen.extend(voxels) or scans)
    settings = UNCHANGED | {"motion": 1.0}
    module.augment_patients(patients(), module.Draws(0, patients().device), settings, False, spacing)
    assert [many * mm for many, mm in zip(seen, spacing, strict=True)] == [4.0, 4.0, 4.0]


def test_a_turn_without_a_translation_leaves_the_middle_of_the_grid_where_it_is(torch, module):
    spot = torch.zeros(40, 1, 31, 31, 31)
    spot[:, :, 14:17, 14:17, 14:17] = 1.0
    angles = module._angles((40,), spot, torch.Generator().manual_seed(0))
    assert (module._moved(spot, angles, torch.zeros(40, 3))[:, 0, 15, 15, 15] > 0.99).all()


def test_the_same_exponents_give_the_same_images_as_torchio(torch, module, monkeypatch):
    torchio = import_module("torchio")
    (logarithms,) = fix_draws(monkeypatch, module, (2, 3, 1, 1, 1))
    batch = patients() - 0.3  # noise leaves negative values
    changed = module.gamma(batch, torch.Generator())
    for patient, logarithm, mine in zip(batch, logarithms, changed, strict=True):
        transform = torchio.Gamma(torch.exp(0.3 * logarithm.flatten()).tolist())
        torch.testing.assert_close(mine, transform(patient), atol=1e-6, rtol=0)


def test_the_same_coefficients_give_the_same_bias_field_as_torchio(torch, module, monkeypatch):
    torchio = import_module("torchio")
    (drawn,) = fix_draws(monkeypatch, module, (2, 3, 4, 4, 4))
    changed = module.bias_field(patients(), torch.Generator()).flatten(0, 1)
    for image, of_image, mine in zip(patients().flatten(0, 1), drawn.flatten(0, 1), changed, strict=True):
        kept = [float(0.5 * of_image[x, y, z]) for x, y, z in np.ndindex(4, 4, 4) if x + y + z <= 3]
        torch.testing.assert_close(mine[None], torchio.BiasField(kept, 3)(image[None]), atol=1e-5, rtol=0)


def fixed_image():
    """Two smooth channels in [0, 1], of sides that differ."""
    torch = import_module("torch")
    return torch.nn.functional.interpolate(patients(1, 2, (6, 5, 4)), (18, 16, 14), mode="trilinear")[0]


def random_transform(**probabilities):
    """Return TorchIO's random augmentation with the strengths of `SETTINGS`."""
    torchio = import_module("torchio")
    probabilities = UNCHANGED | probabilities
    return torchio.Compose(
        [
            torchio.RandomAffine(p=probabilities["affine"]),
            torchio.RandomNoise(p=probabilities["noise"]),
            torchio.RandomGamma(p=probabilities["gamma"]),
            torchio.RandomMotion(p=probabilities["motion"], translation=SETTINGS["motion_mm"]),
            torchio.RandomBiasField(p=probabilities["bias_field"]),
        ]
    )


def as_subject(channels):
    """Return a patient of TorchIO with a separate image for each channel."""
    return import_module("torchio").Subject({f"image {n}": centred(image) for n, image in enumerate(channels)})


def channels_of(subject):
    return import_module("torch").cat([image.data for image in subject.get_images()])


@pytest.mark.parametrize("name", STEPS)
def test_the_four_images_of_a_patient_share_a_turn_and_zoom_and_nothing_else_as_in_torchio(torch, name):
    images = fixed_image()[:1].expand(4, -1, -1, -1)
    torch.manual_seed(1)
    theirs = channels_of(random_transform(**{name: 1.0})(as_subject(images)))
    for changed in (augmented(images[None], **{name: 1.0})[0], theirs):
        deviations = (changed - images).std((1, 2, 3))
        shared = deviations.max() < 1.1 * deviations.min()  # for noise, whose voxels always differ, its level
        assert shared == (name == "affine")


def statistics(images):
    """Return, for each draw and channel: the means of eight parts, the variance, and the logarithm of the power."""
    voxels = images.numpy().astype(float)
    halves = [np.array_split(np.arange(side), 2) for side in voxels.shape[2:]]
    octants = product(*halves)
    parts = [voxels[:, :, x][:, :, :, y][..., z].mean((2, 3, 4)) for x, y, z in octants]
    power = np.abs(np.fft.rfftn(voxels, axes=(2, 3, 4))) ** 2
    axes = [np.fft.fftfreq(side) for side in voxels.shape[2:4]] + [np.fft.rfftfreq(voxels.shape[4])]
    radius = np.sqrt(sum(axis**2 for axis in np.meshgrid(*axes, indexing="ij")))
    rings = np.digitize(radius, np.arange(1, 6) / 12)
    spectrum = [np.log(power[:, :, rings == ring].mean(-1)) for ring in range(6)]
    return np.concatenate([*parts, voxels.var((2, 3, 4)), *spectrum], axis=1)


@cache
def of_torchio(name):
    """Statistics of TorchIO's draws of one augmentation, or of all with the probabilities of `SETTINGS`."""
    torch = import_module("torch")
    transform = random_transform(**(SETTINGS if name == "all" else {name: 1.0}))
    torch.manual_seed(1)
    subject = as_subject(fixed_image())
    return statistics(torch.stack([channels_of(transform(subject)) for _ in range(DRAWS)]))


def largest_distance(name, **changes):
    """Return the largest difference from TorchIO in a statistic's mean or variance, in its standard errors."""
    probabilities = SETTINGS if name == "all" else {name: 1.0}
    ours = statistics(augmented(fixed_image().expand(DRAWS, -1, -1, -1, -1), 2, **probabilities | changes))
    theirs = of_torchio(name)
    middle = (ours.mean(0) + theirs.mean(0)) / 2
    pairs = [(ours, theirs), ((ours - middle) ** 2, (theirs - middle) ** 2)]
    return max(
        np.max(np.abs(one.mean(0) - other.mean(0)) / np.sqrt((one.var(0) + other.var(0)) / DRAWS))
        for one, other in pairs
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", [*STEPS, "all"])
def test_means_variances_and_spectra_are_torchios(name):
    assert largest_distance(name) < STANDARD_ERRORS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "strength", "value"),
    [
        ("affine", "ROTATION", 13.0),
        ("affine", "ZOOM", 0.13),
        ("noise", "NOISE", 0.3),
        ("gamma", "LOG_GAMMA", 0.4),
        ("motion", "ROTATION", 20.0),
        ("motion", "EARLIER", 0.6),
        ("bias_field", "COEFFICIENT", 0.6),
        ("bias_field", "ORDER", 2),
    ],
)
def test_another_strength_would_be_seen(module, monkeypatch, name, strength, value):
    monkeypatch.setattr(module, strength, value)
    assert largest_distance(name) > STANDARD_ERRORS


@pytest.mark.slow
def test_another_movement_or_probability_would_be_seen():
    assert largest_distance("motion", motion_mm=5.2) > STANDARD_ERRORS
    assert largest_distance("all", bias_field=0.5) > STANDARD_ERRORS
