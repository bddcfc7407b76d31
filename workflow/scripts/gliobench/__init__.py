"""GlioBench: published deep-learning studies of glioblastoma MRI, re-run on one footing."""
