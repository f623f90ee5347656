"""Remove the tags of a TIFF that do not affect its pixels from its first directory."""

from __future__ import annotations

import struct

from lemur_core.images.orientation import TAG, UPRIGHT, orientation_in

# Tags of sizes, layout, compression and colours: 254 to 339 except texts, resolutions, pages, hosts
# and dates; then the tables of JPEG, YCbCr and LERC.
_DECODING = frozenset(
    {
        *(254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 290, 291, 292, 293),
        *(301, 317, 318, 319, 320, 322, 323, 324, 325, 330, 332, 334, 336, 338, 339, 347),
        *(512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532, 50674, 50675),
    }
)
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
MAGIC_BYTES = 4
_XMP = 700
# A private tag that readers ignore: one 16-bit number and two bytes of padding.
_UNKNOWN = (65000, 3, 1, 0, 0)
_ENTRY = 12  # bytes


def is_tiff(content: bytes) -> bool:
    """Return whether a file's content starts with the signature of a TIFF (not a BigTIFF)."""
    return content[:MAGIC_BYTES] in _ORDERS


def without_metadata(content: bytes) -> bytes:
    """Remove the metadata of a TIFF that Pillow may fail on; return other files unchanged.

    The orientation is kept, in the form that the standard prescribes.
    """
    order = _ORDERS.get(content[:MAGIC_BYTES])
    if order is None:
        return content
    bare, xmp, last_removed = bytearray(content), b"", 0
    try:
        (directory,) = struct.unpack_from(f"{order}L", bare, 4)
        (count,) = struct.unpack_from(f"{order}H", bare, directory)
        for entry in range(directory + 2, directory + 2 + _ENTRY * count, _ENTRY):
            tag, _, length, begin = struct.unpack_from(f"{order}HHLL", bare, entry)
            if tag not in _DECODING:
                struct.pack_into(f"{order}HHLHH", bare, entry, *_UNKNOWN)
                last_removed = entry
            if tag == _XMP:
                xmp = content[begin : begin + length]
    # A truncated directory raises an error later, in decoding.
    except struct.error:
        return content
    turn = orientation_in([content], xmp)
    if turn != UPRIGHT:
        struct.pack_into(f"{order}HHLHH", bare, last_removed, TAG, 3, 1, turn, 0)
    return bytes(bare)
