"""The one error that users are meant to read."""


class GlioBenchError(Exception):
    """Something the user can mend, said in one sentence: what is wrong, where, what to do."""
