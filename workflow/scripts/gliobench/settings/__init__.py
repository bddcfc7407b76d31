"""Settings: what the config files may hold, checked before anything runs. For the front alone, never for a job."""
