"""DICOM reading, geometry, intensity."""
