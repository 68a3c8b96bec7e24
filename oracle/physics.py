"""DN to radiance, reflectance, brightness temperature and indices, in float64, written from the published formulas."""
import numpy as np

import granule

ESUN = {"thome_b": dict(zip("1 2 3N 4 5 6 7 8 9".split(), (1848., 1549., 1114., 225.4, 86.63, 81.85, 74.85, 66.49, 59.85))),
        "thome_a": dict(zip("1 2 3N 4 5 6 7 8 9".split(), (1847., 1553., 1118., 232.5, 80.32, 74.92, 69.20, 59.82, 57.32))),
        "smith": dict(zip("1 2 3N 4 5 6 7 8 9".split(), (1845.99, 1555.74, 1119.47, 231.25, 79.81, 74.99, 68.66, 59.74, 56.92)))}
PLANCK = {"10": (3040.136402, 1735.337945), "11": (2482.375199, 1666.398761), "12": (1935.060183, 1585.420044),
          "13": (866.468575, 1350.069147), "14": (641.326517, 1271.221673)}
SATURATED = {"VNIR": 255, "SWIR": 255, "TIR": 4095}

# formula over b1 .. b14; input quantity follows from the bands: TIR radiance, VNIR and SWIR reflectance
INDICES = {
    "ndvi": "(b3n - b2) / (b3n + b2)", "gndvi": "(b3n - b1) / (b3n + b1)", "ndwi": "(b1 - b3n) / (b1 + b3n)",
    "mndwi": "(b1 - b4) / (b1 + b4)", "ndsi": "(b1 - b4) / (b1 + b4)", "ndmi": "(b3n - b4) / (b3n + b4)",
    "ndbi": "(b4 - b3n) / (b4 + b3n)", "nbr": "(b3n - b6) / (b3n + b6)",
    "evi2": "2.5 * (b3n - b2) / (b3n + 2.4 * b2 + 1)", "savi": "1.5 * (b3n - b2) / (b3n + b2 + 0.5)",
    "msavi": "0.5 * (2 * b3n + 1 - sqrt((2 * b3n + 1) ** 2 - 8 * (b3n - b2)))",
    "ratio_4_6": "b4 / b6", "ratio_5_7": "b5 / b7", "ratio_6_8": "b6 / b8",
    "ferric_iron": "b2 / b1", "ferrous_iron": "b5 / b3n + b1 / b2", "ferric_oxide_content": "b4 / b3n", "laterite": "b4 / b5",
    "gossan": "b4 / b2", "aloh_group_content": "(b5 + b7) / b6", "aloh_group_composition": "b5 / b7",
    "kaolin_group_index": "b6 / b5", "mgoh_group_content": "(b6 + b9) / (b7 + b8)",
    "alunite_kaolinite_pyrophyllite": "(b4 + b6) / b5", "carbonate_chlorite_epidote": "(b7 + b9) / b8", "dolomite": "(b6 + b8) / b7",
    "muscovite": "b7 / b6", "kaolinite": "b7 / b5", "ninomiya_ohi": "(b7 / b6) * (b4 / b6)", "ninomiya_kli": "(b4 / b5) * (b8 / b6)",
    "ninomiya_ali": "(b7 / b5) * (b7 / b8)", "ninomiya_cli": "(b6 / b8) * (b9 / b8)",
    "ninomiya_qi": "b11 ** 2 / (b10 * b12)", "ninomiya_ci": "b13 / b14", "ninomiya_mi": "b12 * b14 ** 3 / b13 ** 4",
    "silica_index": "b13 / b10",
}


def bands_of(formula):
    import re
    seen = []
    for b in re.findall(r"\bb(\d+n?)\b", formula):
        if b.upper() not in seen:
            seen.append(b.upper())
    return seen


def sun_distance(time):
    return 1 - 0.01672 * np.cos(np.deg2rad(0.9856 * (time.timetuple().tm_yday - 4)))


def linear(g, band, quantity, esun="thome_b"):
    """(slope, offset) from DN to what may be interpolated: DN, radiance or reflectance"""
    if quantity == "dn":
        return 1.0, 0.0
    slope, offset = g.coefficient(band)
    if quantity != "reflectance":
        return slope, offset
    if not g.solar_elevation > 0:
        return np.nan, np.nan
    f = np.pi * sun_distance(g.time) ** 2 / (ESUN[esun][band] * np.sin(np.deg2rad(g.solar_elevation)))
    return slope * f, offset * f


def convert(dn, g, band, quantity, esun="thome_b", mask_saturated=False):
    """float64 with NaN for fill; temperature is left as radiance until `finish`"""
    slope, offset = linear(g, band, quantity, esun)
    missing = dn == 0
    if mask_saturated:
        missing |= dn >= SATURATED[granule.SUBSYSTEM[band]]
    return np.where(missing, np.nan, slope * dn.astype(np.float64) + offset)


def finish(value, band, quantity):
    if quantity != "temperature":
        return value
    k1, k2 = PLANCK[band]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(value > 0, k2 / np.log(k1 / value + 1), np.nan)


def index(name, values):
    """values: {band: array}"""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        out = eval(INDICES[name], {"__builtins__": {}, "sqrt": np.sqrt}, {f"b{b.lower()}": v for b, v in values.items()})
    return np.where(np.isfinite(out), out, np.nan)


def index_quantity(name):
    return "radiance" if all(granule.SUBSYSTEM[b] == "TIR" for b in bands_of(INDICES[name])) else "reflectance"


def swir_bad(time):
    return (time.year, time.month) >= (2008, 4)
