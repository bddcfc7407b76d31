"""GlioBench: published deep-learning studies of glioblastoma MRI, re-run under the same conditions."""
