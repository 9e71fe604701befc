# tries: an exception whose text and attributes misbehave when they are shown
# control: dies
class Rude(BaseException):
    def __str__(self):
        raise SystemExit(1)

    __repr__ = __str__


def weighted(values):
    raise Rude
