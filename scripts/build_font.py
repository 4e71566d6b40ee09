"""Subset a Noto Sans CJK font to what Chinese labels need.

Run ``python scripts/build_font.py NotoSansCJK-Regular.ttc``: keeps Latin, punctuation and the
6,763 characters of GB/T 2312 in the face for Simplified Chinese, and writes
``src/popsim/plotting/NotoSansSC-subset.otf``. Needs fonttools.
"""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTCollection

TARGET = Path(__file__).parents[1] / "src/popsim/plotting/NotoSansSC-subset.otf"
FACE = "Noto Sans CJK SC"


def characters() -> str:
    rows = (bytes([high, low]) for high in range(0xA1, 0xF8) for low in range(0xA1, 0xFF))
    chinese = "".join(row.decode("gb2312", errors="ignore") for row in rows)
    return chinese + "".join(map(chr, range(0x20, 0x250))) + "–—‘’“”…‰−×≥≤±"


def main(collection: str) -> None:
    faces = TTCollection(collection).fonts
    font = next(f for f in faces if f["name"].getDebugName(1) == FACE)
    options = subset.Options(layout_features=[], hinting=False, name_IDs=[0, 1, 2, 4, 5, 6, 13, 14])
    options.desubroutinize = False
    tool = subset.Subsetter(options)
    tool.populate(text=characters())
    tool.subset(font)
    font.save(TARGET)
    print(f"{TARGET.name}: {TARGET.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(sys.argv[1])
