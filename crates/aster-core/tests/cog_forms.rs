//! GeoTIFFs and the granules made of them, against what GDAL reads (`data/cogs.json`, made by `make_cogs.py`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
use aster_core::error::ErrorCode;
use aster_core::geo::crs::Crs;
use aster_core::granule::cog::{self, BandCogs, MultiBandCog, SingleGeotiff};
use aster_core::granule::facts::ReadCost;
use aster_core::granule::spare::Spare;
use aster_core::granule::tiff::GeoTiff;
use aster_core::granule::{DnData, DnType, DnWindow, Granule, GranuleForm};
use aster_core::grid::geobox::{PixelRect, Shape};
use aster_core::product::band::Band;
use aster_core::radiometry::gain::{CoefficientSource, Gain};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// Real files that are not in the repository; the test says so and passes when they are absent.
fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("ASTER_SHARED_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let path = root.join(name);
    if !path.exists() {
        println!("skipped: {} is not here (set ASTER_SHARED_DATA)", path.display());
        return None;
    }
    Some(path)
}

/// As `numpy.ndarray.tobytes()` of little-endian numbers.
fn bytes(window: &DnWindow<'_>) -> Vec<u8> {
    match &window.data {
        DnData::U8(v) => v.to_vec(),
        DnData::U16(v) => v.iter().flat_map(|n| n.to_le_bytes()).collect(),
        DnData::I16(v) => v.iter().flat_map(|n| n.to_le_bytes()).collect(),
    }
}

fn sha(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

fn known() -> serde_json::Map<String, Value> {
    let text = std::fs::read_to_string(data("cogs.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap().as_object().unwrap().clone()
}

#[test]
fn every_layout_reads_as_in_gdal() {
    let known = known();
    assert!(known.len() >= 18);
    for (name, expected) in &known {
        let tiff = GeoTiff::open(&data(&format!("{name}.tif"))).unwrap();
        let geobox = tiff.geobox();
        assert_eq!(geobox.crs, Crs::parse(expected["crs"].as_str().unwrap()).unwrap(), "{name}");
        assert_eq!(tiff.dn_type().as_str(), expected["dtype"], "{name}");
        assert_eq!(serde_json::json!([geobox.shape.ny, geobox.shape.nx]), expected["shape"], "{name}");
        let transform: Vec<f64> =
            expected["transform"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        assert_eq!(geobox.transform.to_gdal(), transform[..], "{name}");
        assert_eq!(tiff.nodata(), expected["nodata"].as_f64(), "{name}");
        let w: Vec<usize> =
            expected["window"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as usize).collect();
        let row_limit = geobox.shape.ny;
        let rect = PixelRect {
            row: w[1],
            column: w[0],
            rows: w[3].min(row_limit - w[1]),
            columns: w[2].min(geobox.shape.nx - w[0]),
        };
        for sample in 0..tiff.samples() {
            assert_eq!(tiff.description(sample), expected["descriptions"][sample].as_str(), "{name}");
            let whole = tiff.read(sample, PixelRect::whole(geobox.shape)).unwrap();
            assert_eq!(sha(&bytes(&whole)), expected["sha256"][sample], "{name} sample {sample}");
            let window = tiff.read(sample, rect).unwrap();
            assert_eq!(window.rect, rect);
            assert_eq!(
                sha(&bytes(&window)),
                expected["window_sha256"][sample],
                "{name} window, sample {sample}"
            );
        }
    }
}

#[test]
fn every_window_is_a_cut_of_the_whole() {
    for name in ["tiles-deflate-p2-u8-chunky6.tif", "big-endian-p2-i16.tif", "strips-deflate-p2-u8-rgb.tif"] {
        let tiff = GeoTiff::open(&data(name)).unwrap();
        let Shape { ny, nx } = tiff.geobox().shape;
        let sample = tiff.samples() - 1;
        let size = tiff.dn_type().bytes();
        let whole =
            bytes(&tiff.read(sample, PixelRect { row: 0, column: 0, rows: ny, columns: nx }).unwrap());
        for (row, column, rows, columns) in [
            (0, 0, 1, 1),
            (ny - 1, nx - 1, 1, 1),
            (15, 31, 2, 2),
            (16, 32, 16, 32),
            (5, 0, 0, 9),
            (3, nx, 2, 0),
            (0, 1, ny, 1),
        ] {
            let rect = PixelRect { row, column, rows, columns };
            let got = bytes(&tiff.read(sample, rect).unwrap());
            let cut: Vec<u8> = (row..row + rows)
                .flat_map(|r| whole[(r * nx + column) * size..(r * nx + column + columns) * size].to_vec())
                .collect();
            assert_eq!(got, cut, "{name} {rect:?}");
        }
        let outside = PixelRect { row: 0, column: 1, rows: 1, columns: nx };
        assert_eq!(tiff.read(sample, outside).unwrap_err().code(), ErrorCode::Internal);
        let huge = PixelRect { row: usize::MAX, column: 0, rows: 2, columns: 1 };
        assert_eq!(tiff.read(sample, huge).unwrap_err().code(), ErrorCode::Internal);
        assert_eq!(
            tiff.read(99, PixelRect::whole(Shape { ny: 1, nx: 1 })).unwrap_err().code(),
            ErrorCode::Internal
        );
    }
}

#[test]
fn many_threads_read_all_bands_of_one_file() {
    let tiff = GeoTiff::open(&data("tiles-deflate-p2-u8-chunky6.tif")).unwrap();
    let expected = &known()["tiles-deflate-p2-u8-chunky6"]["sha256"];
    std::thread::scope(|scope| {
        for thread in 0..12 {
            let tiff = &tiff;
            scope.spawn(move || {
                let sample = thread % 6;
                let whole = tiff.read(sample, PixelRect::whole(tiff.geobox().shape)).unwrap();
                assert_eq!(sha(&bytes(&whole)), expected[sample]);
            });
        }
    });
}

#[test]
fn samples_read_together_are_those_read_alone() {
    for name in [
        "tiles-deflate-p2-u8-chunky6.tif",
        "big-endian-p2-i16.tif",
        "strips-deflate-p2-u8-rgb.tif",
        "described-u8.tif",
    ] {
        let tiff = GeoTiff::open(&data(name)).unwrap();
        let Shape { ny, nx } = tiff.geobox().shape;
        let rects = [
            PixelRect { row: ny / 3, column: nx / 4, rows: ny / 2, columns: nx / 2 },
            PixelRect::whole(tiff.geobox().shape),
            PixelRect { row: 1, column: nx, rows: 2, columns: 0 },
            PixelRect { row: ny - 1, column: 0, rows: 1, columns: nx },
        ];
        // Last sample first, windows of different places, one sample twice.
        let samples = (0..tiff.samples()).rev().chain([0]);
        let wanted: Vec<(usize, PixelRect)> = samples.zip(rects.into_iter().cycle()).collect();
        let together = tiff.read_all(&wanted, &Spare::default()).unwrap();
        assert_eq!(together.len(), wanted.len());
        for (window, &(sample, rect)) in together.iter().zip(&wanted) {
            assert_eq!(window.rect, rect);
            assert_eq!(bytes(window), bytes(&tiff.read(sample, rect).unwrap()), "{name} {sample} {rect:?}");
        }
        // All samples of the same pixels, as indices want them.
        let alike: Vec<(usize, PixelRect)> = (0..tiff.samples()).map(|sample| (sample, rects[0])).collect();
        for (sample, window) in tiff.read_all(&alike, &Spare::default()).unwrap().iter().enumerate() {
            assert_eq!(bytes(window), bytes(&tiff.read(sample, rects[0]).unwrap()), "{name} {sample}");
        }
    }
    let described = GeoTiff::open(&data("described-u8.tif")).unwrap();
    assert!(described.read_all(&[], &Spare::default()).unwrap().is_empty());
}

#[test]
fn what_memory_held_before_is_not_read() {
    let tiff = GeoTiff::open(&data("sparse-u8.tif")).unwrap();
    let whole = PixelRect::whole(tiff.geobox().shape);
    let expected = bytes(&tiff.read(0, whole).unwrap());
    assert!(expected.contains(&0));
    for held in [whole.len() - 7, whole.len(), whole.len() + 7] {
        let spare = Spare::default();
        spare.give(DnWindow { rect: whole, data: DnData::U8(vec![0xee; held].into()) });
        let windows = tiff.read_all(&[(0, whole), (0, whole)], &spare).unwrap();
        assert!(windows.iter().all(|window| bytes(window) == expected), "{held}");
    }
}

#[test]
fn items_and_storage_are_told() {
    let tiff = GeoTiff::open(&data("described-u8.tif")).unwrap();
    assert_eq!(tiff.item(Some(2), "RADIANCE_GAIN"), Some("0.862"));
    assert_eq!(tiff.item(Some(0), "NOTE"), Some("µm & <more>"));
    assert_eq!(tiff.item(None, "NOTE"), None);
    let storage = |name: &str| GeoTiff::open(&data(name)).unwrap().storage();
    assert_eq!(
        storage("tiles-deflate-p2-u8-chunky6.tif"),
        "deflate, predictor 2, tiles 32 x 16, bands interleaved"
    );
    assert_eq!(storage("strips-u8.tif"), "uncompressed, strips of 7 rows");
}

#[test]
fn what_is_not_read_is_refused_with_a_way_out() {
    for (name, words) in [
        ("refused-f32.tif", "floating-point samples of 32 bits"),
        ("refused-zstd.tif", "compression 50000 (ZSTD)"),
        ("refused-no-crs.tif", "no coordinate reference system"),
    ] {
        let error = GeoTiff::open(&data(name)).unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unsupported, "{name}: {error}");
        assert!(error.message().contains(words) && error.hint_text().is_some(), "{name}: {error}");
        assert!(error.path().is_some());
    }
}

fn place(folder: &Path, files: &[(&str, &str)]) {
    std::fs::create_dir_all(folder).unwrap();
    for (from, to) in files {
        std::fs::copy(data(from), folder.join(to)).unwrap();
    }
}

const L1T: &str = "AST_L1T_00405012000190040_20251203144301";
const L1A_RECORD: &str = r#"{"GranuleUR": "AST_L1A_00405012000190040_20251203144259", "CloudCover": 2,
    "TemporalExtent": {"SingleDateTime": "2000-05-01T19:00:40.72200Z"}, "DataGranule": {"DayNightFlag": "Day"},
    "AdditionalAttributes": [
      {"Name": "ASTERGains", "Values": ["01 HGH, 02 HGH, 3N NOR, 3B NOR, 04 NOR, 05 OFF"]},
      {"Name": "SolarAzimuthAngle", "Values": ["156.2"]}, {"Name": "SolarElevationAngle", "Values": ["65.0"]},
      {"Name": "RadiometricDBVersion", "Values": ["05.00"]}]}"#;

#[test]
fn band_cogs_of_level_1() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join(L1T);
    place(
        &folder,
        &[
            ("strips-u8.tif", &format!("{L1T}_VNIR_B01.tif")),
            ("tiles-lzw-u8.tif", &format!("{L1T}_SWIR_B04.tif")),
            ("sparse-u8.tif", &format!("{L1T}_SWIR_B05.tif")),
            ("tiles-packbits-u16.tif", &format!("{L1T}_TIR_B10.tif")),
            ("described-u8.tif", &format!("{L1T}_VNIR.tif")),
            ("described-u8.tif", &format!("{L1T}_TIR.tif")),
        ],
    );
    let granule = BandCogs::open(&folder).unwrap();
    let facts = granule.facts();
    assert_eq!((facts.form, facts.name.id.as_str()), (GranuleForm::BandCogs, L1T));
    assert_eq!(
        facts.bands.iter().map(|b| b.band).collect::<Vec<_>>(),
        [Band::B1, Band::B4, Band::B5, Band::B10]
    );
    assert_eq!(facts.files.len(), 4, "browse composites are no part of it");
    assert_eq!(facts.time.to_string(), "2000-05-01T19:00:40Z");
    assert!(
        facts.warnings.iter().any(|w| w.contains("no gain is recorded for bands 1, 4, 5;")),
        "{:?}",
        facts.warnings
    );
    assert!(facts.bands.iter().all(|b| b.fill == Some(0) && b.gain.is_none() && b.conversion.is_none()));
    // Version 004 states outer edges: the map is the file's own.
    assert_eq!(
        facts.band(Band::B1).unwrap().geobox.transform.to_gdal(),
        [572490.0, 30.0, 0.0, 4289130.0, 0.0, -30.0]
    );

    // The record of AST_L1A one folder up brings gains, sun, clouds and the exact time.
    std::fs::write(root.path().join("AST_L1A_00405012000190040_20251203144259.cmr.json"), L1A_RECORD)
        .unwrap();
    let own = r#"{"GranuleUR": "x", "AdditionalAttributes": [{"Name": "SolarAzimuthAngle", "Values": ["157"]},
        {"Name": "SolarElevationAngle", "Values": ["66"]}]}"#;
    std::fs::write(folder.join(format!("{L1T}.cmr.json")), own).unwrap();
    let granule = BandCogs::open(&folder.join(format!("{L1T}_SWIR_B04.tif"))).unwrap();
    let facts = granule.facts();
    let gain = |b| facts.band(b).unwrap().gain;
    assert_eq!(
        (gain(Band::B1), gain(Band::B4), gain(Band::B10)),
        (Some(Gain::High), Some(Gain::Normal), None)
    );
    assert_eq!(facts.solar.unwrap().elevation_deg, 66.0, "its own record comes first");
    assert_eq!((facts.cloud_cover_percent, facts.day_night.as_deref()), (Some(2.0), Some("day")));
    assert_eq!(facts.radiometric_db_version.as_deref(), Some("05.00"));
    assert_eq!(facts.time.to_string(), "2000-05-01T19:00:40.722Z");
    assert_eq!(facts.warnings, ["band 5 is present although its gain is OFF"]);
    assert_eq!(facts.bytes, facts.files.iter().map(|f| f.metadata().unwrap().len()).sum::<u64>());

    let rect = PixelRect { row: 3, column: 4, rows: 5, columns: 6 };
    assert!(matches!(granule.read(Band::B10, rect).unwrap().data, DnData::U16(v) if v.len() == 30));
    assert_eq!(facts.band(Band::B10).unwrap().read_cost, ReadCost::Window);
    assert_eq!(granule.read(Band::B14, rect).unwrap_err().code(), ErrorCode::NotFound);
    let files = facts.files.iter().filter(|f| f.extension().is_some_and(|e| e == "tif")).cloned().collect();
    assert_eq!(BandCogs::from_files(files).unwrap().facts().bands, facts.bands);
}

#[test]
fn band_cogs_of_level_2_and_folders_of_many() {
    let folder = tempfile::tempdir().unwrap();
    let (vnir, swir) =
        ("AST_07XT_00405012000190040_20251203144133", "AST_07XT_00405012000190040_20251203144134");
    place(
        folder.path(),
        &[
            ("tiles-lzw-p2-i16-rotated.tif", &format!("{vnir}_SRF_VNIR_B03N.tif")),
            ("strips-u8.tif", &format!("{vnir}_SRF_VNIR_QA_DataPlane.tif")),
            ("big-endian-p2-i16.tif", &format!("{swir}_SRF_SWIR_B04.tif")),
        ],
    );
    let granule = cog::open(folder.path()).unwrap();
    let facts = granule.facts();
    assert_eq!(facts.bands.iter().map(|b| b.band).collect::<Vec<_>>(), [Band::B3N, Band::B4]);
    assert_eq!((facts.name.id.as_str(), facts.files.len()), (vnir, 3));
    assert!(facts.warnings.is_empty(), "{:?}", facts.warnings);
    for band in &facts.bands {
        assert_eq!(band.geobox.transform.to_gdal(), [5e5, 29.5, 5.25, 4e6, 5.25, -29.5]);
        assert_eq!((band.dn_type, band.fill), (DnType::I16, Some(0)));
    }
    let skt = "AST_08_00405012000190040_20251203144820_SKT.tif";
    place(folder.path(), &[("tiles-packbits-u16.tif", skt)]);
    assert_eq!(BandCogs::open(folder.path()).unwrap_err().code(), ErrorCode::Usage);
    let granule = BandCogs::open(&folder.path().join(skt)).unwrap();
    assert_eq!(granule.facts().bands[0].band, Band::KineticTemperature);
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(cog::open(empty.path()).err().unwrap().code(), ErrorCode::NotFound);
    assert_eq!(cog::open(&empty.path().join(skt)).err().unwrap().code(), ErrorCode::NotFound);
}

#[test]
fn multi_band_with_gains_in_its_tags() {
    let folder = tempfile::tempdir().unwrap();
    let id = "AST_L1T_00305032000040446_20150409135350_78838";
    place(
        folder.path(),
        &[
            ("described-u8.tif", &format!("{id}_VNIR.tif")),
            ("tiles-deflate-p2-u16-planar5.tif", &format!("{id}_TIR.tif")),
        ],
    );
    std::fs::write(folder.path().join(format!("{id}_stac.json")), "{ damaged").unwrap();
    let granule = MultiBandCog::open(folder.path()).unwrap();
    let facts = granule.facts();
    assert_eq!((facts.form, facts.name.id.as_str(), facts.bands.len()), (GranuleForm::MultiBandCog, id, 8));
    let b3n = facts.band(Band::B3N).unwrap().conversion.unwrap();
    assert_eq!((b3n.ucc, b3n.offset, b3n.source), (0.862, -0.862, CoefficientSource::File));
    assert!(facts.band(Band::B14).unwrap().conversion.is_none());
    assert!(
        facts.warnings.len() == 1 && facts.warnings[0].contains("record left out"),
        "{:?}",
        facts.warnings
    );
    // Six planes cannot be the five bands of TIR.
    place(folder.path(), &[("tiles-deflate-p2-u8-chunky6.tif", &format!("{id}_TIR.tif"))]);
    assert_eq!(MultiBandCog::open(folder.path()).unwrap_err().code(), ErrorCode::Unsupported);
}

#[test]
fn elevation() {
    let folder = tempfile::tempdir().unwrap();
    let name = "AST14DEM_00405012000190040_20251203144820";
    place(folder.path(), &[("nodata-i16.tif", &format!("{name}.tif"))]);
    std::fs::write(folder.path().join("AST_L1A_00405012000190040_20251203144259.cmr.json"), L1A_RECORD)
        .unwrap();
    let granule = SingleGeotiff::open(&folder.path().join(format!("{name}.tif"))).unwrap();
    let facts = granule.facts();
    assert_eq!((facts.form, facts.bands.len()), (GranuleForm::SingleGeotiff, 1));
    assert_eq!((facts.bands[0].band, facts.bands[0].fill), (Band::Elevation, Some(-9999)));
    assert_eq!(facts.cloud_cover_percent, Some(2.0), "an AST14DEM has none of its own");
    let corner = granule.read(Band::Elevation, PixelRect { row: 0, column: 0, rows: 1, columns: 1 }).unwrap();
    assert!(matches!(corner.data, DnData::I16(v) if v[..] == [-9999]));
    assert_eq!(SingleGeotiff::open(folder.path()).unwrap().facts().bands, facts.bands);
    place(folder.path(), &[("strips-u8.tif", &format!("{name}.tif"))]);
    assert_eq!(SingleGeotiff::open(folder.path()).unwrap_err().code(), ErrorCode::Unsupported);
}

const FOOTPRINTS: &str = "aster-l1t-cog/tests/data-files/raster_footprint";

#[test]
fn real_swir_crop() {
    let Some(folder) = shared(FOOTPRINTS) else { return };
    let path = folder.join("AST_L1T_00310012006175412_20150516104359-SWIR-cropped.tif");
    let granule = MultiBandCog::open(&path).unwrap();
    let facts = granule.facts();
    assert_eq!(facts.time.to_string(), "2006-10-01T17:54:12Z");
    // python3: for b in 1..6, sha256(rasterio.open(path).read(b)) and sha256(uint8(read(b) != 0))
    let expected = [
        (
            "7efc88d7e6676258e0821e6e64abaa81b6bd3427088f464984f6467d519f3cfa",
            "b0706602d8e4d9b23235c457e0987c31a0a7f21ebca1627c49f3a47d2e99ba8d",
        ),
        (
            "3eda45a6d152fdf8e68f0fc53702f6f1ff405679d23d7b872b2a2c979c78664a",
            "df2e46754a555ae0f200239e69526d7804bd896050fb7c1e98f50c3c0d661a4c",
        ),
        (
            "e87b269df2550dcb765461630f3265c087e151f2dcc48beca18e12ad97f2d3e5",
            "a3862fd085ddd5821187e762d751b19bab5582d1baf86aae58d74fc3c817f103",
        ),
        (
            "2fb0821719d5e93eb051279880c861a1593e934937ef98796f9e790d4f70e581",
            "5d2efdd1ebcb75daf7549ba1c234d2c572d16ba99f47cdb5d2cfca336253f5b3",
        ),
        (
            "612fbaf98af869980c65481a8743fb28aa4cb8a6a7879576af8b6cd4e42f6435",
            "7ee998666038db3b3384050d482737ca62bf31574a59081f230ab86013c575fd",
        ),
        (
            "f1a711ae245bc8dadd21e9881843d324b6ad0b9553712dc1a774ab5b4c312c4e",
            "982e56617cb04966e6499aa3a1429f703024a69e369bb39a8b7213222db64ad7",
        ),
    ];
    assert_eq!(facts.bands.len(), 6);
    for (facts, (dn, mask)) in facts.bands.iter().zip(expected) {
        let window = granule.read(facts.band, PixelRect::whole(facts.geobox.shape)).unwrap();
        let bytes = bytes(&window);
        let valid: Vec<u8> = bytes.iter().map(|&v| u8::from(v != 0)).collect();
        assert_eq!((sha(&bytes).as_str(), sha(&valid).as_str()), (dn, mask), "band {}", facts.band);
        assert_eq!(facts.geobox.crs, Crs::Utm { zone: 13, south: false });
        // Column 360 and row 12 of a scene of 2830 x 2515 pixels whose corner centre is (414180, 4482360).
        let transform = facts.geobox.transform.to_gdal();
        assert_eq!(
            transform,
            [414_180.0 - 15.0 + 360.0 * 30.0, 30.0, 0.0, 4_482_360.0 + 15.0 - 12.0 * 30.0, 0.0, -30.0]
        );
    }
    assert!(
        facts.warnings.iter().any(|w| w.contains("repaired") && w.contains("column 360, row 12")),
        "{:?}",
        facts.warnings
    );
    assert!(facts.warnings.iter().any(|w| w.contains("no gain is recorded for bands 4, 5, 6, 7, 8, 9")));
}

#[test]
fn real_planetary_computer_scene_with_its_records() {
    let (Some(scene), Some(xml)) =
        (shared(&format!("{FOOTPRINTS}/aster")), shared("aster-l1t-xml/tests/data-files"))
    else {
        return;
    };
    let id = "AST_L1T_00305032000040446_20150409135350_78838";
    let folder = tempfile::tempdir().unwrap();
    for telescope in ["VNIR", "SWIR", "TIR"] {
        let from = scene.join(format!("{id}.{telescope}.SIMPLIFIED.tif"));
        std::fs::copy(from, folder.path().join(format!("{id}.{telescope}.tif"))).unwrap();
    }
    std::fs::copy(xml.join(format!("{id}.hdf.xml")), folder.path().join(format!("{id}.hdf.xml"))).unwrap();
    let granule = MultiBandCog::open(&folder.path().join(format!("{id}.TIR.tif"))).unwrap();
    let facts = granule.facts();
    assert_eq!(facts.bands.len(), 14);
    for (band, n, nx, ny) in
        [(Band::B3N, 15.0, 5593, 4945), (Band::B4, 30.0, 2797, 2473), (Band::B14, 90.0, 933, 825)]
    {
        let geobox = &facts.band(band).unwrap().geobox;
        assert_eq!(geobox.shape, Shape { ny, nx });
        // The corner's centre is (252000, 1744560) in all three.
        assert_eq!(geobox.transform.to_gdal(), [252_000.0 - n / 2.0, n, 0.0, 1_744_560.0 + n / 2.0, 0.0, -n]);
    }
    assert_eq!(facts.band(Band::B1).unwrap().gain, Some(Gain::High));
    assert_eq!(facts.band(Band::B9).unwrap().gain, Some(Gain::Normal));
    assert_eq!(facts.solar.unwrap().elevation_deg, 75.830363);
    assert_eq!(
        (facts.cloud_cover_percent, facts.radiometric_db_version.as_deref()),
        (Some(57.0), Some("04.00"))
    );
    assert_eq!(facts.time.to_string(), "2000-05-03T04:04:46.534Z");
    assert_eq!(facts.observation_modes, ["VNIR1, ON", "VNIR2, ON", "SWIR, ON", "TIR, ON"]);
    assert_eq!(facts.warnings.len(), 3, "{:?}", facts.warnings);
    // python3: sha256(rasterio.open(f).read(b)), little-endian
    for (band, expected) in [
        (Band::B2, "4b7784cd40710b83e57959a767fa1abe8c3bc06c189c3d757730e66f6770029a"),
        (Band::B9, "1cc11725e366d192902fb949deb6f5922f7fcff9681215e7b64c424f7c60f9a7"),
        (Band::B14, "e6d877b229d15e893c14f80cd1930fee4bbc87dfcbb30f07bfe257ccc3418e5a"),
    ] {
        let geobox = &facts.band(band).unwrap().geobox;
        let window = granule.read(band, PixelRect::whole(geobox.shape)).unwrap();
        assert_eq!(sha(&bytes(&window)), expected, "band {band}");
    }
}

#[test]
fn real_records_of_version_004() {
    let Some(records) = shared("cmr-umm") else { return };
    let root = tempfile::tempdir().unwrap();
    let dem = "AST14DEM_00405012000190040_20251203144820";
    place(root.path(), &[("nodata-i16.tif", &format!("{dem}.tif"))]);
    for name in [dem, "AST_L1A_00405012000190040_20251203144259"] {
        std::fs::copy(
            records.join(format!("{name}.umm-g.json")),
            root.path().join(format!("{name}.cmr.json")),
        )
        .unwrap();
    }
    let granule = SingleGeotiff::open(root.path()).unwrap();
    let facts = granule.facts();
    assert_eq!((facts.cloud_cover_percent, facts.files.len()), (Some(2.0), 3));
    assert_eq!(facts.solar.unwrap().azimuth_deg, 156.238865);
    assert_eq!(facts.time.to_string(), "2000-05-01T19:00:40.722Z");
    let l1t = "AST_L1T_00401052001185055_20250202022956";
    let folder = root.path().join("l1t");
    place(&folder, &[("strips-u8.tif", &format!("{l1t}_VNIR_B01.tif"))]);
    std::fs::copy(records.join(format!("{l1t}.umm-g.json")), folder.join(format!("{l1t}.cmr.json"))).unwrap();
    let granule = BandCogs::open(&folder).unwrap();
    let facts = granule.facts();
    assert_eq!(facts.solar.unwrap().elevation_deg, 27.756491);
    assert_eq!(facts.time.to_string(), "2001-01-05T18:50:55.27Z");
    assert!(facts.band(Band::B1).unwrap().gain.is_none(), "this version carries no gain");
    assert!(facts.warnings[0].contains("AST_L1A_00401052001185055_*.cmr.json"));
}
