"""Makes tests/data/*.tif (small GeoTIFFs of every layout met) and tests/data/cogs.json, what GDAL reads in them.

Run in this folder: python3 make_cogs.py (numpy, rasterio; gdal_translate on PATH for big-endian files).
The pixels come from a rule, so that a reader that is wrong by a row, a band or a byte order cannot agree.
"""
import hashlib
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import Affine
from rasterio.windows import Window

OUT = Path(__file__).parent / "data"
NORTH_UP = Affine(30, 0, 572490, 0, -30, 4289130)
ROTATED = Affine(29.5, 5.25, 500000, 5.25, -29.5, 4000000)


def pixels(dtype, bands, rows, columns):
    """Smooth with steps, fill in a corner, full range of the type."""
    b, r, c = np.mgrid[0:bands, 0:rows, 0:columns]
    v = (37 * (r // 3) + 11 * c + (r * c) % 7 + 53 * b) % 251
    if dtype == "uint16":
        v = v * 257 + r
    if dtype == "int16":
        v = v * 131 - 9999
    v[:, :5, :7] = -9999 if dtype == "int16" else 0
    return v.astype(dtype)


def write(name, dtype, bands=1, rows=61, columns=83, transform=NORTH_UP, crs="EPSG:32611", tags=None, **options):
    """One file through rasterio; `tags` go to the bands."""
    options = {"driver": "GTiff", **options}
    path = OUT / f"{name}.tif"
    with rasterio.open(path, "w", dtype=dtype, count=bands, height=rows, width=columns, crs=crs,
                       transform=transform, **options) as f:
        f.write(pixels(dtype, bands, rows, columns))
        for band, items in (tags or {}).items():
            items = dict(items)
            if "description" in items:
                f.set_band_description(band, items.pop("description"))
            f.update_tags(band, **items)
    return path


def translate(source, name, *options):
    """One file through gdal_translate."""
    flags = [x for o in options for x in ("-co", o)]
    subprocess.run(["gdal_translate", "-q", *flags, str(source), str(OUT / f"{name}.tif")], check=True)


def sha(array):
    return hashlib.sha256(np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"))).tobytes()).hexdigest()


def oracle(path):
    window = (11, 7, 40, 30)  # column, row, columns, rows
    with rasterio.open(path) as f:
        return {
            "crs": f.crs.to_string(), "dtype": f.dtypes[0], "shape": [f.height, f.width],
            "transform": list(f.transform.to_gdal()), "nodata": f.nodata,
            "descriptions": list(f.descriptions),
            "sha256": [sha(f.read(i)) for i in f.indexes],
            "window": list(window),
            "window_sha256": [sha(f.read(i, window=Window(*window))) for i in f.indexes],
        }


def main():
    OUT.mkdir(exist_ok=True)
    for old in OUT.glob("*.tif"):
        old.unlink()
    tiled = {"tiled": True, "blockxsize": 32, "blockysize": 16}
    write("strips-u8", "uint8", blockysize=7)
    write("strips-deflate-p2-u8-rgb", "uint8", 3, blockysize=8, compress="deflate", predictor=2)
    write("tiles-deflate-p2-u8-chunky6", "uint8", 6, **tiled, compress="deflate", predictor=2, interleave="pixel")
    write("tiles-deflate-p2-u16-planar5", "uint16", 5, 29, 41, **tiled, compress="deflate", predictor=2, interleave="band")
    write("tiles-lzw-u8", "uint8", **tiled, compress="lzw")
    write("tiles-lzw-p2-i16-rotated", "int16", **tiled, compress="lzw", predictor=2, transform=ROTATED)
    write("tiles-packbits-u16", "uint16", **tiled, compress="packbits")
    write("bigtiff-deflate-u16", "uint16", **tiled, compress="deflate", BIGTIFF="YES")
    write("south-u8", "uint8", 1, 20, 20, crs="EPSG:32750")
    write("nodata-i16", "int16", 1, 20, 20, nodata=-9999)
    write("geographic-i16", "int16", 1, 20, 20, crs="EPSG:4326", transform=Affine(0.01, 0, 119, 0, -0.01, -22))
    write("described-u8", "uint8", 3, 20, 20, interleave="pixel", tags={
        i + 1: {"description": f"ImageData{b} VNIR_Swath", "RADIANCE_GAIN": g, "RADIANCE_BIAS": -g, "NOTE": "µm & <more>"}
        for i, (b, g) in enumerate([("1", 0.676), ("2", 0.708), ("3N", 0.862)])})
    with tempfile.TemporaryDirectory() as folder:
        point = Path(folder) / "point.tif"
        with rasterio.open(OUT / "strips-u8.tif") as f:
            profile = f.profile
            with rasterio.open(point, "w", **profile) as g:
                g.write(f.read())
                g.update_tags(AREA_OR_POINT="Point")
        translate(point, "point-u8")
    for source in ("tiles-deflate-p2-u16-planar5", "tiles-lzw-p2-i16-rotated"):
        kind = "deflate-p2-u16-chunky5" if "u16" in source else "p2-i16"
        options = ["ENDIANNESS=BIG", "TILED=YES", "BLOCKXSIZE=32", "BLOCKYSIZE=16", "INTERLEAVE=PIXEL"]
        codec = "DEFLATE" if "deflate" in source else "LZW"
        translate(OUT / f"{source}.tif", f"big-endian-{kind}", *options, f"COMPRESS={codec}", "PREDICTOR=2")
    translate(OUT / "tiles-packbits-u16.tif", "big-endian-u16", "ENDIANNESS=BIG")
    # Tiles never written; then one in the middle.
    sparse = OUT / "sparse-u8.tif"
    with rasterio.open(sparse, "w", driver="GTiff", dtype="uint8", count=1, height=61, width=83, crs="EPSG:32611",
                       transform=NORTH_UP, SPARSE_OK="TRUE", compress="deflate", **tiled) as f:
        f.write(np.full((16, 32), 77, "uint8"), 1, window=Window(32, 16, 32, 16))
    # A COG with overviews: only the first image counts.
    with tempfile.TemporaryDirectory() as folder:
        big = Path(folder) / "big.tif"
        with rasterio.open(big, "w", driver="GTiff", dtype="uint8", count=1, height=300, width=260, crs="EPSG:32611",
                           transform=NORTH_UP) as f:
            f.write(pixels("uint8", 1, 300, 260))
        flags = ["-of", "COG", "-co", "BLOCKSIZE=128", "-co", "COMPRESS=DEFLATE", "-co", "PREDICTOR=YES"]
        subprocess.run(["gdal_translate", "-q", *flags, str(big), str(OUT / "cog-overviews-u8.tif")], check=True)
    # What is refused.
    write("refused-f32", "float32", 1, 20, 20)
    write("refused-zstd", "uint8", 1, 20, 20, compress="zstd")
    with rasterio.open(OUT / "refused-no-crs.tif", "w", driver="GTiff", dtype="uint8", count=1, height=20, width=20,
                       transform=NORTH_UP) as f:
        f.write(pixels("uint8", 1, 20, 20))
    known = {p.stem: oracle(p) for p in sorted(OUT.glob("*.tif")) if not p.stem.startswith("refused")}
    (OUT / "cogs.json").write_text(json.dumps(known, indent=1) + "\n")
    print(sum(p.stat().st_size for p in OUT.glob("*")), "bytes in", OUT)


if __name__ == "__main__":
    main()
