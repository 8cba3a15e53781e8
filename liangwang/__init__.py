"""两网 liangwang: the open platform on which a city runs its two networks."""

__version__ = "0.1.0"
