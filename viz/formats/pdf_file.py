"""A PDF file around a page: its objects, and the table of where each of them begins."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from .letters import FONTS

__all__ = ["pdf_file"]


def pdf_file(
    content: str, size: tuple[float, float], unit: int, title: str, shares: Mapping[float, str]
) -> bytes:
    """The bytes of a file of one page, whose operators are `content`.

    size : of the page, in units of so many points
    shares : the opacities that the page uses, each with the name it goes by
    """
    body = zlib.compress(content.encode("latin-1"), 9)
    states = "".join(f"/{name}<</ca {x:g}/CA {x:g}>>" for x, name in shares.items())
    fonts = "".join(f"/{name} {6 + i} 0 R" for i, name in enumerate(FONTS))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 {size[0]:.2f} {size[1]:.2f}]/UserUnit {unit}"
        f"/Contents 4 0 R/Resources<</Font<<{fonts}>>/ExtGState<<{states}>>>>>>".encode(),
        b"<</Length %d/Filter/FlateDecode>>stream\n%b\nendstream" % (len(body), body),
        f"<</Title<FEFF{title.encode('utf-16-be', 'replace').hex().upper()}>"
        "/Producer(microgrid)>>".encode(),
        *(_font(name) for name in FONTS.values()),
    ]
    out, places = b"%PDF-1.7\n", []
    for i, each in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj%b\nendobj\n" % (i, each)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return (
        b"%bxref\n0 %d\n0000000000 65535 f \n%b" % (out, len(objects) + 1, table)
        + b"trailer<</Size %d/Root 1 0 R/Info 5 0 R>>\n" % (len(objects) + 1)
        + b"startxref\n%d\n%%%%EOF\n" % len(out)
    )


def _font(name: str) -> bytes:
    encoding = "" if name == "Symbol" else "/Encoding/WinAnsiEncoding"
    return f"<</Type/Font/Subtype/Type1/BaseFont/{name}{encoding}>>".encode()
