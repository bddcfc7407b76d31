"""Rigid registration of the series of one patient."""

import SimpleITK

from gliobench.imaging.facts import SeriesError
from gliobench.imaging.resample import image_of, reduced
from gliobench.imaging.volume import Volume

SPACING = (2.0, 2.0, 2.0)  # mm; finer grids take longer and gain little for grids of about that spacing
BINS = 32
SAMPLED = 30_000  # voxels sampled in each step
RADIUS = 50.0  # mm: a rotation counts as the shift it makes at that distance from the centre
SEED = 1
THINNEST = 4  # voxels that recursive smoothing needs


def rigid(moving: Volume, fixed: Volume) -> SimpleITK.Transform:
    """
    Return the rotation and shift that align one series with another, on top of their affines.

    Mattes mutual information, first on smoother images (4 mm, then 2 mm). The same volumes give the same transform. A
    series too thin to be smoothed (fewer than 4 voxels along an axis) is not moved.

    Parameters
    ----------
    moving, fixed : Volume
        Series of one patient.

    Returns
    -------
    SimpleITK.Transform
        From a point of the fixed volume to the same one of the moving volume, LPS+ mm.

    Raises
    ------
    SeriesError
        The two do not overlap.
    """
    target, source = (reduced(image_of(volume), SPACING) for volume in (fixed, moving))
    middle = [(size - 1) / 2 for size in target.GetSize()]
    start = SimpleITK.Euler3DTransform(target.TransformContinuousIndexToPhysicalPoint(middle), 0, 0, 0)
    if min(target.GetSize() + source.GetSize()) < THINNEST:
        return start
    method = SimpleITK.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)
    method.SetMetricAsMattesMutualInformation(BINS)
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(min(SAMPLED / target.GetNumberOfPixels(), 1.0), SEED)
    method.SetInterpolator(SimpleITK.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(learningRate=2.0, minStep=0.001, numberOfIterations=200)
    method.SetOptimizerScales([RADIUS**2] * 3 + [1.0] * 3)
    method.SetShrinkFactorsPerLevel([1, 1])  # thick slices leave little to shrink
    method.SetSmoothingSigmasPerLevel([4, 2])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    method.SetInitialTransform(start, inPlace=True)
    try:
        method.Execute(target, source)
    except RuntimeError as error:  # SimpleITK has no other kind
        raise SeriesError("it cannot be registered, because it hardly overlaps the reference; exclude it.") from error
    return start
