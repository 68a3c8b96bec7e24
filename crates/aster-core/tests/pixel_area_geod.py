"""Makes the recorded areas of src/grid/pixel_area.rs with pyproj (PROJ's geodesics).

    python3 crates/aster-core/tests/pixel_area_geod.py > crates/aster-core/tests/data/pixel_areas.json

Geodesic areas are good to about a tenth of a square metre per corner, so blocks of pixels are measured, with
a corner at every pixel along their sides.
"""
import json
import numpy as np
import pyproj

GRIDS = [
    ("EPSG:32754", (215000.0, 15.0, 0.0, 6557000.0, 0.0, -15.0), (4200, 5000)),
    ("EPSG:32650", (676642.5, 15.0, 0.0, 4500022.5, 0.0, -15.0), (4000, 4400)),
    ("EPSG:32633", (500000.0, 30.0, 0.0, 9100000.0, 0.0, -30.0), (3000, 2500)),
    # Far from its meridian.
    ("EPSG:32633", (1500000.0, 90.0, 0.0, 5000000.0, 0.0, -90.0), (2000, 2000)),
    # Turned.
    ("EPSG:32754", (215000.0, 14.0, 3.0, 6557000.0, -4.0, -13.0), (2000, 2000)),
    ("EPSG:4326", (137.5, 0.00015, 0.0, -31.25, 0.0, -0.00015), (4000, 4000)),
    ("EPSG:4326", (10.0, 0.0005, 0.0, 80.0, 0.0, -0.00025), (3000, 3000)),
    ("EPSG:3577", (500000.0, 30.0, 0.0, -3300000.0, 0.0, -30.0), (2500, 2500)),
    ("EPSG:3857", (1400000.0, 30.0, 0.0, 5200000.0, 0.0, -30.0), (2500, 2500)),
    ("EPSG:3413", (-300000.0, 30.0, 0.0, -900000.0, 0.0, -30.0), (2500, 2500)),
    # The pole lies within.
    ("EPSG:3413", (-40000.0, 30.0, 0.0, 37000.0, 0.0, -30.0), (2500, 2500)),
]
SIDE = 100
geod = pyproj.Geod(ellps="WGS84")
out = []
for crs, (x0, dx, rx, y0, ry, dy), (ny, nx) in GRIDS:
    inverse = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    blocks = []
    for row in (0, ny // 3, ny // 2 - SIDE // 2, ny - SIDE):
        for column in (0, nx // 4, nx // 2 - SIDE // 2, nx - SIDE):
            k = np.arange(SIDE)
            c = column + np.concatenate((k, k * 0 + SIDE, SIDE - k, k * 0))
            r = row + np.concatenate((k * 0, k, k * 0 + SIDE, SIDE - k))
            lon, lat = inverse.transform(x0 + c * dx + r * rx, y0 + c * ry + r * dy)
            area, _ = geod.polygon_area_perimeter(lon, lat)
            blocks.append([row, column, SIDE, SIDE, abs(area)])
    out.append({"crs": crs, "geotransform": [x0, dx, rx, y0, ry, dy], "shape": [ny, nx], "blocks": blocks})
print(json.dumps(out, separators=(",", ":")))
