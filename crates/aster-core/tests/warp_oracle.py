"""Makes the recorded vectors of warp_oracle.rs with pyproj (PROJ) and rasterio (GDAL).

    python3 crates/aster-core/tests/warp_oracle.py > crates/aster-core/tests/warp_oracle/vectors.rs
"""
import random
import numpy as np
import pyproj
import rasterio
from rasterio.crs import CRS
from rasterio.transform import Affine
from rasterio.io import MemoryFile
from rasterio.vrt import WarpedVRT
from rasterio.warp import Resampling

print("// Recorded by warp_oracle.py: PROJ %s through pyproj, GDAL %s through rasterio."
      % (pyproj.proj_version_str, rasterio.__gdal_version__))


def utm_vectors():
    """Every zone, both hemispheres, edges to 6 degrees beyond the zone, near the poles, one far point."""
    rng = random.Random(4)
    rows = []
    for zone in range(1, 61):
        lon0 = zone * 6 - 183
        for south in (False, True):
            forward = pyproj.Transformer.from_crs(
                4326, (32700 if south else 32600) + zone, always_xy=True)
            for dlon in rng.choice(((-9.0, 0.0, 3.0), (-3.0, 1.0, 9.0))):
                lat = rng.uniform(-84, 84) if abs(dlon) != 3.0 else rng.choice((0.0, -80.0, 84.0, 45.0, 1e-7))
                dlon += rng.uniform(-0.5, 0.5) if abs(dlon) < 3 else 0.0
                lon = (lon0 + dlon + 180) % 360 - 180
                e, n = forward.transform(lon, lat)
                rows.append((zone, south, lon, lat, e, n))
    for zone, south, lon, lat in ((50, False, 117.3, 89.999), (50, False, -63.0, 89.9), (1, True, 20.0, -89.99),
                                  (31, False, 3.0, 90.0), (31, True, 3.0, -90.0), (33, False, 55.0, 10.0),
                                  (33, False, -25.0, 70.0), (20, True, 100.0, -85.0)):
        forward = pyproj.Transformer.from_crs(4326, (32700 if south else 32600) + zone, always_xy=True)
        e, n = forward.transform(lon, lat)
        rows.append((zone, south, lon, lat, e, n))
    print("/// Zone, south, longitude, latitude, easting, northing.")
    print("pub(crate) const UTM: &[(u8, bool, f64, f64, f64, f64)] = &[")
    for r in rows:
        # To a tenth of a micrometre.
        print("    (%d, %s, %r, %r, %.7f, %.7f)," % (r[0], str(r[1]).lower(), *r[2:]))
    print("];")


def other_vectors():
    """CRSs that only GDAL knows, from longitude and latitude."""
    print("/// Definition, longitude, latitude, x, y.")
    print("pub(crate) const OTHER: &[(&str, f64, f64, f64, f64)] = &[")
    for code, lon, lat in (("EPSG:3577", 117.0, -23.0), ("EPSG:3577", 150.5, -33.7), ("EPSG:5070", -117.0, 38.5),
                           ("EPSG:3413", -45.0, 78.0), ("EPSG:3031", 100.0, -75.0), ("EPSG:3857", 12.5, 42.0),
                           ("EPSG:3035", 10.0, 52.0), ("EPSG:2154", 3.0, 46.5), ("EPSG:6933", -70.0, -20.0),
                           ("ESRI:54009", 30.0, 10.0)):
        x, y = pyproj.Transformer.from_crs(4326, code, always_xy=True).transform(lon, lat)
        print('    ("%s", %r, %r, %r, %r),' % (code, lon, lat, x, y))
    print("];")


def source_image():
    """Smooth relief, noise and missing pixels; the same integer arithmetic as in warp_oracle.rs."""
    h, w = SOURCE_SHAPE
    state, out = 12345, np.zeros((h, w), np.uint8)
    for r in range(h):
        for c in range(w):
            state = (state * 1103515245 + 12345) & 0x7FFFFFFF
            out[r, c] = 20 + ((r * r // 7 + c * 3) % 160) + (state >> 16) % 40
            if (r - 40) ** 2 + (c - 60) ** 2 < 150 or (state >> 8) % 97 == 0 or c < 5 + r // 8:
                out[r, c] = 0
    return out


SOURCE_SHAPE = (128, 144)
SOURCE = (CRS.from_epsg(32650), Affine(15, 0, 676642.5, 0, -15, 4500022.5))

# name, EPSG, geotransform, shape, scale given to GDAL (source pixels per target pixel)
TARGETS = [
    ("other_zone", 32651, None, (120, 130), 1.0),
    ("degrees", 4326, None, (110, 120), 1.0),
    ("half_pixel", 32650, Affine(15, 0, 676642.5 + 160.0, 0, -15, 4500022.5 - 305.0), (90, 100), 1.0),
    ("coarse", 32650, Affine(45, 0, 676642.5 - 22.5, 0, -45, 4500022.5 + 7.5), (40, 46), 3.0),
    ("finer", 32650, Affine(5, 0, 676642.5 + 400.0, 0, -5, 4500022.5 - 200.0), (100, 100), 1.0 / 3.0),
    ("coarse_other_zone", 32651, None, (50, 50), 2.4),
    ("medium", 32651, None, (80, 90), 1.5),
]


def fill_in(name, epsg, transform, shape):
    """Geotransforms of the targets in other CRSs, centred over the source."""
    if transform is not None:
        return transform
    h, w = SOURCE_SHAPE
    x, y = SOURCE[1] * (w / 2, h / 2)
    x, y = pyproj.Transformer.from_crs(32650, epsg, always_xy=True).transform(x, y)
    px, py = {"degrees": (0.00018, 0.000135), "coarse_other_zone": (36.0, 36.0), "medium": (22.5, 22.5)}.get(name, (15.0, 15.0))
    x0, y0 = x - px * shape[1] / 2, y + py * shape[0] / 2
    digits = 6 if epsg == 4326 else 1
    return Affine(px, 0, round(x0, digits), 0, -py, round(y0, digits))


def warp(values, epsg, transform, shape, method, scale):
    """GDAL with its approximate transformer made exact; rasterio's reproject always allows 0.125 pixel."""
    with MemoryFile() as file:
        with file.open(driver="GTiff", width=values.shape[1], height=values.shape[0], count=1, dtype=values.dtype,
                       crs=SOURCE[0], transform=SOURCE[1], nodata=-9999) as dataset:
            dataset.write(values, 1)
        with file.open() as dataset, WarpedVRT(
                dataset, crs=CRS.from_epsg(epsg), transform=transform, width=shape[1], height=shape[0],
                resampling=getattr(Resampling, method), tolerance=1e-9, nodata=-9999, src_nodata=-9999,
                UNIFIED_SRC_NODATA="YES", XSCALE=1 / scale, YSCALE=1 / scale) as vrt:
            return vrt.read(1)


def warp_vectors():
    source = source_image()
    # Real values with the digits of a radiance, so that nothing is rounded by GDAL.
    values = np.where(source == 0, np.float32(-9999), source.astype(np.float32))
    print("/// A warp by GDAL: pixels row by row, every 23rd, -9999 where missing; count and sum of the valid ones.")
    print("pub(crate) struct Warp {")
    for field, kind in (("name", "&'static str"), ("epsg", "u32"), ("geotransform", "[f64; 6]"),
                        ("shape", "(usize, usize)"), ("scale", "f64"), ("method", "&'static str"),
                        ("valid", "u64"), ("sum", "f64"), ("pixels", "&'static [f32]")):
        print("    pub(crate) %s: %s," % (field, kind))
    print("}")
    print("pub(crate) const WARPS: &[Warp] = &[")
    for name, epsg, transform, shape, scale in TARGETS:
        transform = fill_in(name, epsg, transform, shape)
        for method in ("nearest", "bilinear", "cubic", "average", "mode"):
            if method in ("average", "mode") and scale <= 1.0:
                continue
            out = warp(values, epsg, transform, shape, method, scale)
            good = out != -9999
            # Every 23rd pixel is kept, and count and sum of all.
            pixels = out.ravel()[::23]
            print("    Warp { name: %s, epsg: %d, geotransform: %s, shape: (%d, %d), scale: %r, method: %s, valid: %d, sum: %r, pixels: &["
                  % ('"%s"' % name, epsg, list(transform.to_gdal()), *shape, float(scale), '"%s"' % method,
                     good.sum(), float(out[good].astype(np.float64).sum())))
            text = ["%.7g" % v if "." in "%.7g" % v else "%.7g." % v for v in pixels]
            for i in range(0, len(text), 16):
                print("        " + ", ".join(text[i:i + 16]) + ",")
            print("    ] },")
    print("];")


if __name__ == "__main__":
    utm_vectors()
    other_vectors()
    warp_vectors()
