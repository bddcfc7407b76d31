"""Errors that a user of the service reads: a status and one sentence."""


class Refused(Exception):
    """
    A request that is not answered.

    Attributes
    ----------
    status : int
        Of HTTP.
    sentence : str
        What is wrong and what to do; never a text from a header of an image.
    retry_after : int or None
        Seconds to wait before another try.
    """

    def __init__(self, status: int, sentence: str, retry_after: int | None = None):
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.retry_after = retry_after


NOT_FOUND = "There is no such result, or it is not yours."
DISK_FULL = "The server's disk is full: tell who runs it."
