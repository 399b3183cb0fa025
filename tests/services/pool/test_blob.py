"""Bytes in a file without a name."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixmill.services.pool.blob import Blob


@given(pieces=st.lists(st.binary(max_size=5000)))
def test_what_is_written_in_pieces_comes_back_whole(pieces: list[bytes]) -> None:
    with Blob() as blob:
        for piece in pieces:
            blob.write(piece)
        whole = b"".join(pieces)

        assert blob.size == len(whole)
        assert blob.read() == whole
        with blob.view() as view:
            assert bytes(view) == whole


def test_a_sealed_blob_cannot_be_changed_through_any_descriptor() -> None:
    with Blob.of(b"final") as blob:
        another = os.dup(blob.fd)
        for change in (
            lambda: blob.write(b"more"),
            lambda: os.pwrite(another, b"x", 0),
            lambda: os.ftruncate(another, 0),
        ):
            with pytest.raises(PermissionError):
                change()
        os.close(another)

        assert blob.read() == b"final"


def test_sealing_twice_is_sealing_once() -> None:
    with Blob.of(b"final") as blob:
        blob.seal()

        assert blob.read() == b"final"


def test_a_closed_blob_has_no_descriptor() -> None:
    blob = Blob.of(b"gone")
    descriptor = blob.fd
    blob.close()
    blob.close()

    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
