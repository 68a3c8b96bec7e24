"""Makes the recorded masks of src/grid/clip/tests.rs with rasterio (GDAL), pyproj (PROJ) and shapely (GEOS).

    python3 crates/aster-core/tests/clip_gdal.py > crates/aster-core/tests/data/clips.json

Edges are straight in longitude and latitude: each is cut to 400 pieces, carried with PROJ, and rasterised in
pixel coordinates. Prints to stderr how GDAL's all_touched differs from what the polygon covers a part of.
"""
import json, math, random, sys, warnings
import numpy as np, pyproj, rasterio, shapely
from rasterio.features import rasterize
from rasterio.transform import Affine

warnings.simplefilter("ignore")
PIECES = 400
rng = random.Random(11)

# name, CRS, geotransform, rows and columns
GRIDS = [
    ("utm", "EPSG:32754", (215000.0, 15.0, 0.0, 6557000.0, 0.0, -15.0), (110, 130)),
    ("arctic", "EPSG:32632", (620000.0, 30.0, 0.0, 8600000.0, 0.0, -30.0), (90, 80)),
    # 600 km across: a parallel bends by many pixels.
    ("wide", "EPSG:32650", (200000.0, 6000.0, 0.0, 4600000.0, 0.0, -6000.0), (100, 100)),
    ("degrees", "EPSG:4326", (137.5, 0.00015, 0.0, -31.25, 0.0, -0.00015), (100, 120)),
    ("albers", "EPSG:3577", (500000.0, 90.0, 0.0, -3300000.0, 0.0, -90.0), (100, 100)),
    ("turned", "EPSG:32754", (215000.0, 12.0, 5.0, 6557000.0, 4.0, -13.0), (100, 100)),
]


def star(cx, cy, radius, points, low=0.4):
    """A ring in pixel coordinates that does not cross itself."""
    angles = sorted(rng.uniform(0, 2 * math.pi) for _ in range(points))
    return [(cx + radius * rng.uniform(low, 1) * math.cos(a), cy + radius * rng.uniform(low, 1) * math.sin(a))
            for a in angles]


def polygons_of(ny, nx):
    """Name and polygons, as rings in pixel coordinates."""
    cx, cy, r = nx / 2, ny / 2, min(nx, ny) / 2
    yield "star with a hole", [[star(cx, cy, r, 14, 0.7), star(cx, cy, r * 0.3, 6)]]
    yield "beyond the grid", [[star(cx, cy, r * 3, 9, 0.2)]]
    yield "sliver", [[[(3.2, 5.1), (nx - 4.3, ny - 9.7), (nx - 4.8, ny - 9.2)]]]
    yield "two that overlap, with holes", [[star(cx - r / 4, cy, r * 0.7, 10, 0.8), star(cx - r / 4, cy, r * 0.2, 5)],
                                           [star(cx + r / 4, cy, r * 0.7, 10, 0.8), star(cx + r / 4, cy, r * 0.2, 5)]]
    yield "triangle across everything", [[[(-nx, -ny / 3), (nx * 2.0, ny * 0.45), (-nx / 2, ny * 1.9)]]]


def runs(mask):
    out = []
    for row in range(mask.shape[0]):
        steps = np.flatnonzero(np.diff(np.concatenate(([0], mask[row].astype(np.int8), [0]))))
        for start, end in zip(steps[::2], steps[1::2]):
            out += [row, int(start), int(end)]
    return out


def pixels(mask):
    return [int(v) for v in np.argwhere(mask).ravel()]


cases, gdal_more, gdal_less, touched = [], 0, 0, 0
for name, crs, geotransform, (ny, nx) in GRIDS:
    to_world = Affine.from_gdal(*geotransform)
    forward = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    exact = crs == "EPSG:4326"
    tolerance = 2e-6 if exact else 2e-3
    columns, rows = np.meshgrid(np.arange(nx), np.arange(ny))
    for what, polygons in polygons_of(ny, nx):
        lon_lat, on_grid = [], []
        for rings in polygons:
            degrees = [[tuple(round(v, 7) for v in forward.transform(*(to_world * p), direction="INVERSE")) for p in ring]
                       for ring in rings]
            lon_lat.append([[list(p) for p in ring + ring[:1]] for ring in degrees])
            carried = []
            for ring in degrees:
                points = np.array(ring + ring[:1])
                t = np.linspace(0, 1, PIECES, endpoint=False)[None, :, None]
                points = (points[:-1, None] + (points[1:, None] - points[:-1, None]) * t).reshape(-1, 2)
                x, y = forward.transform(points[:, 0], points[:, 1])
                inverse = ~to_world
                carried.append(np.column_stack((inverse.a * x + inverse.b * y + inverse.c,
                                                inverse.d * x + inverse.e * y + inverse.f)))
            on_grid.append(shapely.Polygon(carried[0], carried[1:]))
        masks = [np.zeros((ny, nx), bool) for _ in range(2)]
        for mask, all_touched in zip(masks, (False, True)):
            for polygon in on_grid:
                mask |= rasterize([polygon], (ny, nx), transform=Affine.identity(), all_touched=all_touched,
                                  dtype="uint8").astype(bool)
        centre, gdal_touch = masks
        lines = shapely.unary_union([p.boundary for p in on_grid])
        shapely.prepare(lines)
        near = shapely.dwithin(lines, shapely.points(columns + 0.5, rows + 0.5), tolerance)
        # Pixels that remain covered when they are a little smaller, and those that are when they are larger.
        inner, outer = np.zeros((ny, nx), bool), np.zeros((ny, nx), bool)
        for polygon in on_grid:
            shapely.prepare(polygon)
            for mask, e in ((inner, tolerance), (outer, -tolerance)):
                mask |= shapely.intersects(polygon, shapely.box(columns + e, rows + e, columns + 1 - e, rows + 1 - e))
        gdal_more += int((gdal_touch & ~outer).sum())
        gdal_less += int((inner & ~gdal_touch).sum())
        touched += int(inner.sum())
        cases.append({"name": f"{name}, {what}", "crs": crs, "geotransform": geotransform, "shape": [ny, nx],
                      "geojson": {"type": "MultiPolygon", "coordinates": lon_lat},
                      "centre": runs(centre), "near": pixels(near), "touch": runs(inner),
                      "slight": pixels(outer & ~inner), "gdal_touch": runs(gdal_touch)})
print(f"of {touched} pixels touched, all_touched has {gdal_more} more and {gdal_less} fewer", file=sys.stderr)
print(json.dumps({"made_with": f"GDAL {rasterio.__gdal_version__}, PROJ {pyproj.proj_version_str}, "
                               f"GEOS {shapely.geos_version_string}", "cases": cases}, separators=(",", ":")))
