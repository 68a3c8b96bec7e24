"""Makes polygon-cases.json: random polygons and footprints, and whether they share a point according to shapely.

Longitudes are continuous here and in the polygons of the file; those of footprints are wrapped to -180..180, as records
have them.
"""
import json
import math
import random
from pathlib import Path

from shapely import Polygon

random.seed(20260101)


def star(x, y, radius, count, tilt=0.0):
    """A star-shaped ring around a point: simple, seldom convex."""
    angles = sorted(random.uniform(0, 2 * math.pi) for _ in range(count))
    ring = [(x + math.cos(a + tilt) * radius * random.uniform(0.3, 1), y + math.sin(a + tilt) * radius * 0.6) for a in angles]
    return [(round(px, 3), round(py, 3)) for px, py in ring]


def wrapped(ring):
    return [[round((lon + 180) % 360 - 180, 3), lat] for lon, lat in [*ring, ring[0]]]


cases = []
while len(cases) < 120:
    x, y = random.choice([(-116.0, 38.0), (179.9, -17.0), (-180.2, 66.0), (20.0, 0.0)])
    outer = star(x, y, random.uniform(0.5, 3), random.randint(4, 12))
    footprint = star(x + random.uniform(-1.6, 1.6), y + random.uniform(-1, 1), random.uniform(0.2, 1), 4)
    holes = [[(round(x + (px - x) * 0.5, 3), round(y + (py - y) * 0.5, 3)) for px, py in outer]] if random.random() < 0.4 else []
    polygon, scene = Polygon(outer, holes), Polygon(footprint)
    if not (polygon.is_valid and scene.is_valid) or polygon.area == 0 or scene.area == 0:
        continue
    # Closer than the rounding of longitudes allows to tell.
    if 0 < polygon.distance(scene) < 0.002 or (polygon.intersects(scene) and polygon.intersection(scene).area < 1e-5):
        continue
    cases.append([[[list(position) for position in [*ring, ring[0]]] for ring in [outer, *holes]], wrapped(footprint), polygon.intersects(scene)])

lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
Path(__file__).with_name("polygon-cases.json").write_text(f"[\n{lines}\n]\n")
print(len(cases), sum(case[2] for case in cases))
