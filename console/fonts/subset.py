"""Make the console's two fonts from the packages they come in: `uvx --from "fonttools[woff]==4.68.0" python subset.py`.

What a reader of runs needs: the characters of western Europe with kerning and figures of one width; of Inter the
weights from regular to bold. Ligatures are left out: logs and code show what was written.
"""

from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

HERE = Path(__file__).parent
PACKAGES = HERE.parent / "node_modules"


def made(source: str, name: str, weights: tuple[int, int] | None = None) -> None:
    font = TTFont(PACKAGES / source, recalcTimestamp=False)
    options = Options(
        layout_features=["kern", "tnum", "ccmp", "mark"], glyph_names=False, notdef_outline=True
    )
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=font.getBestCmap())
    subsetter.subset(font)
    if weights:
        font = instantiateVariableFont(font, {"wght": weights})
    font.flavor = "woff2"
    font.save(HERE / name)


made("@fontsource-variable/inter/files/inter-latin-wght-normal.woff2", "inter.woff2", (400, 700))
made("@fontsource/jetbrains-mono/files/jetbrains-mono-latin-400-normal.woff2", "jetbrains-mono.woff2")
