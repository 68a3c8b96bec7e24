"""Reads the files of geotiff_writer.rs with rasterio, gdalinfo (where installed) and rio-cogeo.

usage: geotiff_read.py KIND cog|plain FILE...      Exits with 1 and a traceback when a reader disagrees.
"""
import json, math, shutil, subprocess, sys
import numpy as np, rasterio
from rio_cogeo.cogeo import cog_validate

kind, form, *files = sys.argv[1:]
NY, NX, CHUNK = 1300, 700, 512
SCALE, OFFSET = 0.0001, 0.5
TIMES = ["2001:03:06 03:11:57", "2004:02:05 20:00:03", "2009:07:23 18:49:46"]
TYPES = {
    "float": ["f", "f"], "dn8": ["u8", "u8", "u8"], "dn16": ["u8", "u16"], "signed": ["i16"], "counts": ["u32"],
    "packed": ["p", "p"], "mixed": ["f", "u8", "u16", "i16", "u32", "p"],
}[kind]
STORED = {"float": ("float32", math.nan), "dn8": ("uint8", 0), "dn16": ("uint16", 0), "signed": ("int16", -9999),
          "counts": ("uint32", None), "packed": ("int16", -32768), "mixed": ("float32", math.nan)}[kind]


def expected(of, t):
    """Physical values, NaN where missing."""
    y, x = np.meshgrid(np.arange(NY), np.arange(NX), indexing="ij")
    n = t * 3000 + y * 7 + x * 3
    v = {"f": n * 0.125 - 100, "u8": 1 + n % 255, "u16": 1 + n % 4095, "i16": n % 3000 - 1000, "u32": n % 7,
         "p": (n % 2048) / 1024 - 0.5}[of].astype(np.float64)
    missing = (x + y + 7 * t) % 11 == 0
    if t < 2:
        missing |= (y // CHUNK == 1) & (x // CHUNK == 1)
    return np.where(missing, 0 if kind == "counts" else np.nan, v)


def physical(stored, nodata, of):
    v = stored.astype(np.float64)
    if nodata is not None and not math.isnan(nodata):
        v[stored == nodata] = np.nan
    return v * SCALE + OFFSET if of == "p" and kind == "packed" else v


def same(got, want, of, where):
    assert got.shape == want.shape and (np.isnan(got) == np.isnan(want)).all(), f"{where}: other pixels are missing"
    difference = np.nanmax(np.abs(got - want))
    assert difference <= (SCALE * 0.51 if of == "p" and kind == "packed" else 0), (where, difference)


def halves(values):
    """The next overview by the obvious way: means of what is there in 2 x 2."""
    ny, nx = -(-values.shape[0] // 2), -(-values.shape[1] // 2)
    padded = np.full((2 * ny, 2 * nx), np.nan)
    padded[: values.shape[0], : values.shape[1]] = values
    quads = padded.reshape(ny, 2, nx, 2).transpose(0, 2, 1, 3).reshape(ny, nx, 4)
    n = (~np.isnan(quads)).sum(axis=2)
    return np.where(n > 0, np.nansum(quads, axis=2) / np.maximum(n, 1), np.nan)


for t, path in enumerate(files):
    with rasterio.open(path) as d:
        assert (d.width, d.height, d.count) == (NX, NY, len(TYPES)), d.profile
        assert d.crs.to_epsg() == 32754, d.crs
        assert d.transform.to_gdal() == (300007.5, 15.0, 0.0, 6200032.5, 0.0, -15.0), d.transform
        assert set(d.dtypes) == {STORED[0]}, d.dtypes
        same_nodata = d.nodata == STORED[1] or (STORED[1] is not None and math.isnan(STORED[1]) and math.isnan(d.nodata))
        assert same_nodata, d.nodata
        assert set(d.block_shapes) == {(512, 512)} and d.compression.name == "deflate"
        assert d.interleaving.name == ("pixel" if form == "cog" else "band") or d.count == 1
        assert d.descriptions == tuple(f"v{i}" for i in range(d.count)), d.descriptions
        assert d.units == tuple("W m-2 sr-1 um-1" if i == 0 else "1" for i in range(d.count)), d.units
        tags, structure = d.tags(), d.tags(ns="IMAGE_STRUCTURE")
        assert structure.get("PREDICTOR", "3" if STORED[0] == "float32" else "2") == ("3" if STORED[0] == "float32" else "2")
        assert structure.get("LAYOUT") == ("COG" if form == "cog" else None), structure
        want = {
            "AREA_OR_POINT": "Area", "TIFFTAG_DATETIME": TIMES[t], "TIFFTAG_IMAGEDESCRIPTION": "ASTER test cube",
            "granule_id": f"AST_L1T_0030306200103115{t}_20150414031306_83940", "product": "AST_L1T",
            "product_version": "003", "radiometric_db_version": "03.01", "placement": "shift",
            "solar_azimuth": f"{40.5 + t}", "solar_elevation": "50.25", "earth_sun_distance": "0.9925",
            "ImageData3N_gain": "NOR", "ImageData3N_ucc": "0.862", "ImageData3N_radiance_offset": "-0.862",
            "ImageData3N_saturated_pixels": "17",
            "history": "2026-01-02T03:04:05Z: aster-timeseries run --bbox 1 2 3 4",
            "aster_request": '{"version":1,"note":"a < b & c"}',
        }
        assert {k: tags.get(k) for k in want} == want, tags
        assert tags["TIFFTAG_SOFTWARE"].startswith("aster-timeseries ") and "cloud_cover" not in tags
        average = set(TYPES) <= {"f", "p"}
        for i, of in enumerate(TYPES):
            band = d.tags(i + 1)
            assert band["long_name"] == f"test variable {i}" and band["wavelength_range_um"] == "0.52 0.6", band
            assert band["formula"] == '(a - b) / (a + b) <"15 m" – nearest>', band
            assert band["valid_pixels"] == str(1000 + t) and ("standard_name" in band) == (i == 0), band
            packed = of == "p" and kind == "packed"
            assert (d.scales[i], d.offsets[i]) == ((SCALE, OFFSET) if packed else (1, 0)), (d.scales, d.offsets)
            got = physical(d.read(i + 1), d.nodata, of)
            same(got, expected(of, t), of, f"{path} band {i + 1}")
            factors = d.overviews(i + 1)
            assert factors == ([2, 4] if form == "cog" else []), factors
        for i, of in enumerate(TYPES):
            full = physical(d.read(i + 1), d.nodata, of)
            for o, _ in enumerate(d.overviews(i + 1)):
                with rasterio.open(path, overview_level=o) as small:
                    got = physical(small.read(i + 1), small.nodata, of)
                if average:
                    full = halves(full)
                    assert (np.isnan(got) == np.isnan(full)).all(), f"{path}: other pixels of overview {o} are missing"
                    # Packed means are rounded to whole numbers at each level.
                    bound = SCALE * (o + 1) if of == "p" else 1e-3
                    assert np.nanmax(np.abs(got - full)) <= bound, (path, o, np.nanmax(np.abs(got - full)))
                else:
                    # One of the pixels it covers; sides that do not divide shift it by up to one.
                    step, found = 2 ** (o + 1), np.zeros(got.shape, bool)
                    rows, columns = (np.arange(n) * step for n in got.shape)
                    for a in range(-1, step + 1):
                        for b in range(-1, step + 1):
                            at = np.clip(rows + a, 0, NY - 1)[:, None], np.clip(columns + b, 0, NX - 1)[None, :]
                            found |= (full[at] == got) | (np.isnan(full[at]) & np.isnan(got))
                    assert found.all(), f"{path}: overview {o} has values that none of its pixels has"
    if form == "cog":
        valid, errors, warnings = cog_validate(path, strict=True)
        assert valid and not errors and not warnings, (path, errors, warnings)
    if shutil.which("gdalinfo"):
        out = subprocess.run(["gdalinfo", "-json", path], capture_output=True, text=True, check=True)
        info = json.loads(out.stdout)
        assert info["geoTransform"] == [300007.5, 15.0, 0.0, 6200032.5, 0.0, -15.0]
        assert info["bands"][0]["unit"] == "W m-2 sr-1 um-1" and "ERROR" not in out.stderr, out.stderr
        assert 'ID["EPSG",32754]' in info["coordinateSystem"]["wkt"]
print(f"{kind} {form}: {len(files)} file(s) agree")
