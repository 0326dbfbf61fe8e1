"""Generated pages of this repository.

`renew` writes the pages of the studies and their gallery, `accuracy` and `peers` the pages of the
documentation. They are not part of the wheel.
"""
