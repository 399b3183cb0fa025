"""
What a picture's content says about the look that an encoder will give it.

The curves of encoders are of photographs. Thin colored edges come out worse than they promise, flat
areas better, and all the more the lower the look. One formula serves all lossy encoders: over 35
photographs and drawings it takes a third to a half off the error of the first encode
(docs/adr/0017).
"""

from pixmill.engine.content import Content

# Points of score at a look of 60, found by least squares; the share of flat pixels counts up to 1.
_PER_COLOR_EDGE = 3.0
_PER_FLAT = -25.0
_ALWAYS = -2.5

#: More color edges than these make no look any worse.
_MOST_COLOR_EDGES = 12.0

# Where what is predicted has its full size, and where the looks of all pictures meet.
_FULL_AT = 60.0
_NOTHING_AT = 96.0


def aim(content: Content, score: float) -> float:
    """Return the score that a curve has to promise for the picture to get *score*."""
    edges = min(content.color_edges, _MOST_COLOR_EDGES)
    miss = _PER_COLOR_EDGE * edges + _PER_FLAT * content.flat + _ALWAYS
    size = min(max((_NOTHING_AT - score) / (_NOTHING_AT - _FULL_AT), 0.0), 1.0)
    return max(score + miss * size, 0.0)
