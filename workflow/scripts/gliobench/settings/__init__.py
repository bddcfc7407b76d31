"""Settings: what config files may hold, checked before anything runs. Used while Snakemake parses, never in a job."""
