"""Reads ASTER L1T granules for the oracle: HDF4 through pyhdf, COGs through rasterio, metadata through regular expressions.

Nothing here is shared with the product. A band is given as DN, the place of its upper-left pixel centre, and its pixel size.
"""
import datetime as dt
import glob
import json
import os
import re
from dataclasses import dataclass, field

import numpy as np

SUBSYSTEM = {b: s for s, bands in {"VNIR": "1 2 3N 3B", "SWIR": "4 5 6 7 8 9", "TIR": "10 11 12 13 14"}.items() for b in bands.split()}
PIXEL = {"VNIR": 15.0, "SWIR": 30.0, "TIR": 90.0}
# W m-2 sr-1 um-1 per DN, used only where the granule does not carry its own coefficient
UCC = {"1": {"HGH": .676, "NOR": 1.688, "LOW": 2.25, "LO1": 2.25}, "2": {"HGH": .708, "NOR": 1.415, "LOW": 1.89, "LO1": 1.89},
       "3N": {"HGH": .423, "NOR": .862, "LOW": 1.15, "LO1": 1.15},
       "4": {"HGH": .1087, "NOR": .2174, "LOW": .29, "LO1": .29, "LO2": .29},
       "5": {"HGH": .0348, "NOR": .0696, "LOW": .0925, "LO1": .0925, "LO2": .409},
       "6": {"HGH": .0313, "NOR": .0625, "LOW": .083, "LO1": .083, "LO2": .39},
       "7": {"HGH": .0299, "NOR": .0597, "LOW": .0795, "LO1": .0795, "LO2": .332},
       "8": {"HGH": .0209, "NOR": .0417, "LOW": .0556, "LO1": .0556, "LO2": .245},
       "9": {"HGH": .0159, "NOR": .0318, "LOW": .0424, "LO1": .0424, "LO2": .265}}
UCC_TIR = {"10": .006822, "11": .00678, "12": .00659, "13": .005693, "14": .005225}


@dataclass
class Band:
    """DN on an upright grid: centre of the upper-left pixel, pixel size in metres"""
    dn: np.ndarray
    x0: float
    y0: float
    pixel: float


@dataclass
class Granule:
    name: str
    path: str
    version: str
    time: dt.datetime
    epsg: int = 0
    solar_azimuth: float = np.nan
    solar_elevation: float = np.nan
    cloud_cover: float = np.nan
    radiometric_db_version: str = ""
    gains: dict = field(default_factory=dict)
    coefficients: dict = field(default_factory=dict)    # band -> (slope, offset) that the granule itself carries
    sources: dict = field(default_factory=dict)         # band -> how to read it

    @property
    def bands(self):
        return list(self.sources)

    def coefficient(self, band):
        """radiance = slope * DN + offset; the granule's own numbers first, then the gain table"""
        if band in self.coefficients:
            return self.coefficients[band]
        if SUBSYSTEM[band] == "TIR":
            return UCC_TIR[band], -UCC_TIR[band]
        code = self.gains.get(band)
        if code is None:
            raise LookupError(f"{self.name}: no gain for band {band}")
        return UCC[band][code], -UCC[band][code]

    def read(self, band):
        return self.sources[band]()


# ---- names ----------------------------------------------------------------------------------------------------------------
NAME = re.compile(r"(AST_L1T)_(00[34]|031)(\d{8})(\d{6})_(\d{14})(?:_(\d+))?")


def acquisition(name):
    m = NAME.search(name)
    return dt.datetime.strptime(m[3] + m[4], "%m%d%Y%H%M%S")


MULTIBAND = r"[._-](VNIR|SWIR|TIR)(?:-cropped)?\.tif$"


def scene_key(name):
    """name without folders and endings"""
    m = NAME.search(str(name))
    return m[0] if m else str(name)


# ---- metadata texts -------------------------------------------------------------------------------------------------------
def odl(text, name):
    """every VALUE of objects of that name, as lists of strings"""
    out = []
    for block in re.findall(rf"OBJECT\s*=\s*{re.escape(name)}\s(.*?)END_OBJECT\s*=\s*{re.escape(name)}\b", text, re.S):
        m = re.search(r"VALUE\s*=\s*(\([^)]*\)|\"[^\"]*\"|\S+)", re.sub(r"NUM_VAL\s*=\s*\d+", "", block))
        if m:
            out.append([v.strip().strip('"') for v in m[1].strip("()").split(",")])
    return out


def one(text, name, default=None):
    found = odl(text, name)
    return found[0] if found else default


def gain_pairs(line):
    """'01 HGH, 02 HGH, 3N NOR ...' to {'1': 'HGH', ...}"""
    return {b.lstrip("0"): c for b, c in re.findall(r"\b(\d\d|3N|3B)[ ,]+([A-Z0-9]{3})\b", line)}


def clock(date, time):
    digits = re.sub(r"\D", "", date) + re.sub(r"\D", "", time)
    return dt.datetime.strptime(digits[:14], "%Y%m%d%H%M%S") + dt.timedelta(microseconds=int((digits[14:20] or "0").ljust(6, "0")))


# ---- HDF4 -----------------------------------------------------------------------------------------------------------------
def open_hdf(path):
    from pyhdf.SD import SD
    sd = SD(path)
    texts = {k: v for k, v in sd.attributes().items() if isinstance(v, str)}
    product = texts.get("productmetadata.0", "")
    core = texts.get("coremetadata.0", "")
    name = os.path.basename(path).removesuffix(".hdf")
    date, time = one(core, "CALENDARDATE"), one(core, "TIMEOFDAY")
    g = Granule(name, path, NAME.search(name)[2], clock(date[0], time[0]) if date and time else acquisition(name))
    sun = " ".join(one(product, "SOLARDIRECTION", ["nan nan"])).split()
    g.solar_azimuth, g.solar_elevation = float(sun[0]), float(sun[1])
    cloud = one(core + product, "SCENECLOUDCOVERAGE")
    g.cloud_cover = float(cloud[0]) if cloud else np.nan
    g.radiometric_db_version = one(product, "RADIOMETRICDBVERSION", [""])[0]
    g.gains = {v[0].lstrip("0"): v[1] for v in odl(product, "GAIN")}
    # corners are pixel centres, northing first; south of the equator the false northing may be left out
    y0, x0 = map(float, one(product, "UPPERLEFTM"))
    zone = abs(int(one(product, "UTMZONENUMBER")[0]))
    centre = one(product, "SCENECENTER")
    latitude = float(centre[0]) if centre else float(np.mean(sd.select("Latitude")[:]))
    south = y0 < 0 or latitude < 0
    g.epsg = (32700 if south else 32600) + zone
    if y0 < 0:
        y0 += 1e7
    have = sd.datasets()
    for band, s in SUBSYSTEM.items():
        sds = f"ImageData{band}"
        if sds not in have:
            continue
        text = texts.get(f"productmetadata.{s[0].lower()}", "")
        slope, offset = one(text, f"INCL{band}"), one(text, f"OFFSET{band}")
        if slope and offset:
            g.coefficients[band] = (float(slope[0]), float(offset[0]))
        g.sources[band] = lambda sds=sds, s=s: Band(np.asarray(SD(path).select(sds)[:]), x0, y0, PIXEL[s])
    return g


# ---- COG ------------------------------------------------------------------------------------------------------------------
def unstretch(origin, pixel, count, nominal, sign):
    """Some copies of version 003 spread the N pixels of a side over N - 1 intervals. Gives the true centre of the first pixel.

    N follows from the pixel size. A window cut from such a grid starts k pixels in; k follows from the full grid's first
    centre, which lies on a multiple of 90 m. None if the side is not of that kind.
    """
    if not 0 < nominal - pixel < 0.2 * nominal:
        return None
    n = round(nominal / (nominal - pixel))
    if abs(pixel * n - nominal * (n - 1)) > 1e-3 or count > n:
        return None
    if count == n:
        return origin
    first = origin - sign * np.arange(n - count + 1) * nominal * (n - 1) / n
    apart = np.abs(first - np.rint(first / 90) * 90)
    k = int(np.argmin(apart))
    return float(np.rint(first[k] / 90) * 90 + sign * k * nominal) if apart[k] < 0.005 else None


def read_cog(path, index, nominal):
    """a band and its place; stretched grids are put right"""
    import rasterio
    with rasterio.open(path) as d:
        dn, t = d.read(index), d.transform
        if t.b or t.d:
            raise ValueError(f"{path}: rotated grid")
        x, y = unstretch(t.c, t.a, d.width, nominal, 1), unstretch(t.f, -t.e, d.height, nominal, -1)
        if x is not None and y is not None:
            return Band(dn, x, y, nominal)
        return Band(dn, t.c + t.a / 2, t.f + t.e / 2, nominal if abs(t.a - nominal) < 1e-9 else t.a)


def cog_epsg(path):
    import rasterio
    with rasterio.open(path) as d:
        return d.crs.to_epsg()


def attributes(path):
    """UMM-G record to a flat dictionary"""
    with open(path) as fh:
        r = json.load(fh)
    r = r.get("umm", r)
    flat = {a["Name"]: a["Values"][0] for a in r.get("AdditionalAttributes", [])}
    flat["CloudCover"] = r.get("CloudCover")
    flat["time"] = r["TemporalExtent"].get("SingleDateTime")
    return flat


def open_bands(folder, archive, gains=None):
    """version 004: one COG per band; gains come from the level 1A record of the same acquisition"""
    name = os.path.basename(folder.rstrip("/"))
    g = Granule(name, folder, "004", acquisition(name))
    for path in sorted(glob.glob(f"{folder}/{name}_*_B*.tif")):
        b = re.search(r"_B(\d\d)(N?)\.tif$", path)
        band = b[1].lstrip("0") + b[2]
        g.sources[band] = lambda path=path, band=band: read_cog(path, 1, PIXEL[SUBSYSTEM[band]])
        g.epsg = g.epsg or cog_epsg(path)
    own = glob.glob(f"{folder}/{name}.cmr.json") + glob.glob(f"{os.path.dirname(folder)}/{name}.cmr.json")
    stamp = NAME.search(name)
    sibling = glob.glob(f"{archive}/**/AST_L1A_00[34]{stamp[3]}{stamp[4]}_*.json", recursive=True)
    for path in own[:1] + sibling[:1]:
        a = attributes(path)
        g.time = dt.datetime.strptime(a["time"].rstrip("Z")[:26], "%Y-%m-%dT%H:%M:%S.%f")
        g.solar_azimuth = float(a.get("SolarAzimuthAngle", g.solar_azimuth))
        g.solar_elevation = float(a.get("SolarElevationAngle", g.solar_elevation))
        g.cloud_cover = float(a["CloudCover"]) if a["CloudCover"] is not None else g.cloud_cover
        g.radiometric_db_version = a.get("RadiometricDBVersion", g.radiometric_db_version)
        g.gains |= gain_pairs(a.get("ASTERGains", ""))
    g.gains |= gains or {}
    return g


def open_multiband(paths, gains=None):
    """Planetary Computer (`.VNIR.tif` and `.hdf.xml`) or AWS (`_VNIR.tif` and band tags): one COG per telescope"""
    import rasterio
    name = scene_key(os.path.basename(paths[0]))
    g = Granule(name, os.path.dirname(paths[0]), "003", acquisition(name))
    plain = {}
    for path in paths:
        s = re.search(MULTIBAND, path)[1]
        with rasterio.open(path) as d:
            g.epsg = d.crs.to_epsg()
            plain |= json.loads(d.tags().get("GRANULE_METADATA", "{}"))
            bands = [b for b, t in SUBSYSTEM.items() if t == s and b != "3B"]
            for k, band in enumerate(bands, 1):
                if "RADIANCE_GAIN" in d.tags(k):
                    g.coefficients[band] = (float(d.tags(k)["RADIANCE_GAIN"]), float(d.tags(k)["RADIANCE_BIAS"]))
                g.sources[band] = lambda path=path, k=k, s=s: read_cog(path, k, PIXEL[s])
    xml = f"{g.path}/{name}.hdf.xml"
    if os.path.exists(xml):
        with open(xml) as fh:
            text = fh.read()
        plain |= dict(re.findall(r"<PSAName>([^<]*)</PSAName>\s*<PSAValue>([^<]*)</PSAValue>", text))
        plain |= dict(re.findall(r"<(CalendarDate|TimeofDay)>([^<]*)<", text))
    if "CalendarDate" in plain:
        g.time = clock(plain["CalendarDate"], plain["TimeofDay"])
    g.solar_azimuth = float(plain.get("Solar_Azimuth_Angle", np.nan))
    g.solar_elevation = float(plain.get("Solar_Elevation_Angle", np.nan))
    g.cloud_cover = float(plain.get("SceneCloudCoverage", np.nan))
    g.radiometric_db_version = plain.get("RadiometricDBVersion", "")
    g.gains = gain_pairs(plain.get("ASTERGains", "")) | (gains or {})
    return g


def open_archive(folder, gains=None):
    """every L1T granule under a folder, by name"""
    out, groups = {}, {}
    for path in sorted(glob.glob(f"{folder}/**/*.hdf", recursive=True)):
        if NAME.search(os.path.basename(path)):
            g = open_hdf(path)
            out[g.name] = g
    for path in sorted(glob.glob(f"{folder}/**/*.tif", recursive=True)):
        base = os.path.basename(path)
        m = NAME.search(base)
        if not m:
            continue
        if re.search(r"_(VNIR|SWIR|TIR)_B\d\dN?\.tif$", base):
            groups.setdefault(("bands", os.path.dirname(path)), []).append(path)
        elif m[2] != "004" and re.search(MULTIBAND, base):      # of version 004, a file of that name is a browse picture
            groups.setdefault(("multi", os.path.dirname(path) + "/" + m[0]), []).append(path)
    for (kind, where), paths in groups.items():
        g = open_bands(where, folder, gains) if kind == "bands" else open_multiband(paths, gains)
        out.setdefault(g.name, g)
    return out


def find(archive, wanted):
    """the granule that an output calls `wanted`; endings and missing processing numbers are forgiven"""
    key = scene_key(wanted)
    if key in archive:
        return archive[key]
    near = [g for n, g in archive.items() if n.startswith(key) or key.startswith(n)]
    return near[0] if len(near) == 1 else None
