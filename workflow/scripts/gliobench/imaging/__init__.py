"""Reading DICOM and NIfTI, geometry, resampling, registration, intensity."""
