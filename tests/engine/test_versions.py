"""Libraries that are too old are not let near a stranger's picture."""

import pytest

from pixmill import errors
from pixmill.engine import versions


def test_what_is_installed_is_recent_enough():
    versions.check()


@pytest.mark.parametrize(("floor", "named"), [("LIBVIPS", "libvips"), ("LIBHEIF", "libheif")])
def test_an_old_library_is_refused_with_what_to_do(floor, named, monkeypatch):
    monkeypatch.setattr(versions, floor, (99, 0, 0))

    with pytest.raises(errors.Internal, match=rf"{named}.*unsafe.*needed"):
        versions.check()


def test_versions_are_told_by_name():
    assert versions.versions()["libvips"].startswith("8.")
