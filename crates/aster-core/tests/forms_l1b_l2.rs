//! Path-oriented HDF-EOS2 granules (L1B, AST_07, AST_08) from file to cube: place, calibration and values against the generator's truth
//! and gdalwarp's pictures of it.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![allow(clippy::print_stdout, reason = "figures are shown with --nocapture")]
use aster_core::cube::calibrate::own_conversion;
use aster_core::cube::request::{CubeOutput, CubeRequest};
use aster_core::geo::affine::{Affine, Xy};
use aster_core::geo::bbox::Area;
use aster_core::geo::crs::Crs;
use aster_core::geo::transform::Transformer;
use aster_core::granule::dn::DnData;
use aster_core::granule::open::open;
use aster_core::granule::swath_lattice::geodetic_latitude_deg;
use aster_core::grid::geobox::PixelRect;
use aster_core::job::{self, JobOutput};
use aster_core::product::band::Band;
use aster_core::radiometry::gain::CoefficientSource;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::PathBuf;

/// What the affine map may be off at a corner, metres.
const PLACE_M: f64 = 0.05;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/forms/path_oriented")
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(folder().join(name)).unwrap()).unwrap()
}

fn number(v: &Value) -> f64 {
    v.as_f64().unwrap()
}

fn band_of(v: &Value) -> Band {
    v["band"].as_str().unwrap().parse().unwrap()
}

/// Every granule's truth, one entry per band.
fn truth() -> Vec<(PathBuf, Value, Value)> {
    let each = |g: &Value| -> Vec<(PathBuf, Value, Value)> {
        let path = folder().join(g["file"].as_str().unwrap());
        g["bands"].as_array().unwrap().iter().map(|b| (path.clone(), g.clone(), b.clone())).collect()
    };
    json("truth.json").as_array().unwrap().iter().flat_map(each).collect()
}

/// What gdalwarp made of one band.
struct Case {
    path: PathBuf,
    band: Band,
    epsg: u64,
    area: Option<Area>,
    grid: Value,
    nearest: Vec<Option<f64>>,
    nearest_stride: usize,
    bilinear: Vec<Option<f64>>,
    bilinear_stride: usize,
}

fn cases() -> Vec<Case> {
    let list =
        |v: &Value| v["dn"].as_array().unwrap().iter().map(serde_json::Value::as_f64).collect::<Vec<_>>();
    let stride = |v: &Value| usize::try_from(v["stride"].as_u64().unwrap()).unwrap();
    let area = |v: &Value| {
        let edge = |k: usize| number(&v[k]);
        v.is_array().then(|| Area::new(edge(0), edge(1), edge(2), edge(3)).unwrap())
    };
    let one = |v: &Value| Case {
        path: folder().join(v["file"].as_str().unwrap()),
        band: band_of(v),
        epsg: v["epsg"].as_u64().unwrap(),
        area: area(&v["area"]),
        grid: v["grid"].clone(),
        nearest: list(&v["nearest"]),
        nearest_stride: stride(&v["nearest"]),
        bilinear: list(&v["bilinear"]),
        bilinear_stride: stride(&v["bilinear"]),
    };
    json("warped.json")["cases"].as_array().unwrap().iter().map(one).collect()
}

impl Case {
    fn label(&self) -> String {
        format!("{} band {} on EPSG:{}", self.path.file_name().unwrap().display(), self.band, self.epsg)
    }
    fn request(&self) -> CubeRequest {
        CubeRequest {
            granules: vec![self.path.clone()],
            bands: vec![self.band.name().into()],
            crs: Some(format!("EPSG:{}", self.epsg)),
            area: self.area,
            resolution: self.area.map(|_| number(&self.grid["pixel"])),
            ..CubeRequest::of(CubeOutput::memory())
        }
    }
    /// The job's output; its grid has to be the one GDAL was given.
    fn run(&self, resampling: &str, calibration: Option<&str>) -> JobOutput {
        let request = CubeRequest {
            resampling: Some(resampling.into()),
            calibration: calibration.map(str::to_string),
            ..self.request()
        };
        let output = job::run(&request, &|_| {}, &Default::default()).unwrap();
        let (grid, t) = (&output.layout.grid, output.layout.grid.transform);
        let pixel = number(&self.grid["pixel"]);
        assert_eq!(grid.crs.epsg().map(u64::from), Some(self.epsg), "{}", self.label());
        assert_eq!(grid.shape.nx as u64, self.grid["columns"].as_u64().unwrap(), "{}", self.label());
        assert_eq!(grid.shape.ny as u64, self.grid["rows"].as_u64().unwrap(), "{}", self.label());
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9 * b.abs(), "{}: {a} {b}", self.label());
        near(t.x0, number(&self.grid["left"]));
        near(t.y0, number(&self.grid["top"]));
        near(t.dx, pixel);
        near(t.dy, -pixel);
        output
    }
}

/// Pixels of the first variable at every `stride`-th row and column, moved by (`down`, `right`).
fn picked(output: &JobOutput, stride: usize, down: usize, right: usize) -> Vec<f64> {
    let a = &output.arrays[0];
    let (_, ny, nx) = a.dim();
    let at = |r: usize, c: usize| f64::from(a[[0, (r + down) % ny, (c + right) % nx]]);
    (0..ny)
        .step_by(stride)
        .flat_map(|r| (0..nx).step_by(stride).map(move |c| (r, c)))
        .map(|(r, c)| at(r, c))
        .collect()
}

/// Share of pixels that hold the same number, or nothing in both.
fn equal(ours: &[f64], theirs: &[Option<f64>]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let same = ours.iter().zip(theirs).filter(|(a, b)| b.map_or(a.is_nan(), |b| **a == b)).count();
    same as f64 / ours.len() as f64
}

/// Share of equal pixels where GDAL has a value: background that is missing in both proves nothing.
fn equal_where_there_is_data(ours: &[f64], theirs: &[Option<f64>]) -> f64 {
    let kept: Vec<usize> = (0..theirs.len()).filter(|&i| theirs[i].is_some()).collect();
    let (a, b): (Vec<_>, Vec<_>) = kept.iter().map(|&i| (ours[i], theirs[i])).unzip();
    equal(&a, &b)
}

#[test]
fn headers_say_where_and_what() {
    let mut worst: f64 = 0.0;
    for (path, granule, expected) in truth() {
        let opened = open(&path).unwrap();
        let facts = opened.facts();
        assert_eq!(facts.name.id, granule["name"].as_str().unwrap());
        assert_eq!(facts.name.product, granule["product"].as_str().unwrap());
        assert_eq!(facts.bands.len(), granule["bands"].as_array().unwrap().len(), "{path:?}");
        assert!(facts.warnings.is_empty(), "{path:?} {:?}", facts.warnings);
        let band = facts.band(band_of(&expected)).unwrap();
        let label = format!("{path:?} {}", band.band);
        assert_eq!(band.geobox.crs.epsg().map(u64::from), expected["epsg"].as_u64(), "{label}");
        let shape = [band.geobox.shape.ny, band.geobox.shape.nx];
        assert_eq!(serde_json::to_value(shape).unwrap(), expected["shape"], "{label}");
        let truth: Vec<f64> = expected["gdal_transform"].as_array().unwrap().iter().map(number).collect();
        let truth = Affine::from_gdal(truth.try_into().unwrap());
        let (ny, nx) = (shape[0] as f64, shape[1] as f64);
        for (x, y) in [(0.0, 0.0), (nx, 0.0), (0.0, ny), (nx, ny)] {
            let (a, b) = (band.geobox.transform.apply(Xy { x, y }), truth.apply(Xy { x, y }));
            worst = worst.max((a.x - b.x).hypot(a.y - b.y));
        }
        // A coefficient times the whole image is what it may move a corner by.
        let (a, b) = (band.geobox.transform.to_gdal(), truth.to_gdal());
        for (k, reach) in [1.0, nx, ny, 1.0, nx, ny].into_iter().enumerate() {
            assert!((a[k] - b[k]).abs() * reach < PLACE_M, "{label} coefficient {k}: {} {}", a[k], b[k]);
        }
        assert!(!band.geobox.transform.is_upright(), "{label}");
        assert_eq!(
            band.gain.map(|g| g.to_string().replace("LO1", "LOW")),
            text(&expected["gain"]),
            "{label}"
        );
        match expected["ucc"].as_f64() {
            Some(ucc) => {
                let stated = own_conversion(facts, band).unwrap();
                assert_eq!((stated.ucc, stated.offset, stated.source), (ucc, -ucc, CoefficientSource::File));
            }
            None => assert_eq!(band.conversion, None, "{label}"),
        }
        let whole = opened.read(band.band, PixelRect::whole(band.geobox.shape)).unwrap();
        let bytes: Vec<u8> = match &whole.data {
            DnData::U8(v) => v.to_vec(),
            DnData::U16(v) => v.iter().flat_map(|n| n.to_le_bytes()).collect(),
            DnData::I16(v) => v.iter().flat_map(|n| n.to_le_bytes()).collect(),
        };
        let digest: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(digest, expected["dn_sha256"].as_str().unwrap(), "{label}");
    }
    println!("largest corner error {worst:.2e} m");
    assert!(worst < PLACE_M, "{worst} m");
}

fn text(v: &Value) -> Option<String> {
    v.as_str().map(str::to_string)
}

#[test]
fn gains_of_the_table_serve_where_the_file_states_no_coefficient() {
    let path = folder().join("AST_L1B_00308092002234502_20150419112209_518.hdf");
    let opened = open(&path).unwrap();
    let facts = opened.facts();
    let ucc = |b| own_conversion(facts, facts.band(b).unwrap()).unwrap().ucc;
    assert_eq!([ucc(Band::B1), ucc(Band::B2), ucc(Band::B3N)], [1.688, 0.708, 1.15]);
}

#[test]
fn nearest_takes_the_pixels_gdal_takes() {
    for case in cases() {
        let output = case.run("nearest", Some("dn"));
        let ours = picked(&output, case.nearest_stride, 0, 0);
        let same = equal(&ours, &case.nearest);
        let with_data = equal_where_there_is_data(&ours, &case.nearest);
        let (_, ny, nx) = output.arrays[0].dim();
        let moves = [(0, 1), (1, 0), (0, nx - 1), (ny - 1, 0), (1, 1), (ny - 1, nx - 1)];
        let moved = moves.map(|(down, right)| {
            equal_where_there_is_data(&picked(&output, case.nearest_stride, down, right), &case.nearest)
        });
        let moved = moved.into_iter().fold(0.0, f64::max);
        println!(
            "{}: {} pixels, {:.3} % equal ({:.3} % of those with data), {:.1} % if moved by one",
            case.label(),
            ours.len(),
            100.0 * same,
            100.0 * with_data,
            100.0 * moved
        );
        assert!(same >= 0.999 && with_data >= 0.999, "{}: {same} {with_data}", case.label());
        assert!(moved < 0.5, "{}: a shift would not show ({moved})", case.label());
    }
}

#[test]
fn bilinear_is_within_one_dn_of_gdal() {
    for case in cases() {
        let output = case.run("bilinear", None);
        // Back to DN: the scale and offset of the quantity the job chose by itself.
        let opened = open(&case.path).unwrap();
        let facts = opened.facts();
        let (scale, offset) = own_conversion(facts, facts.band(case.band).unwrap())
            .map_or((if case.band == Band::KineticTemperature { 0.1 } else { 0.001 }, 0.0), |c| {
                (c.ucc, c.offset)
            });
        let ours = picked(&output, case.bilinear_stride, 0, 0);
        assert_eq!(ours.len(), case.bilinear.len());
        let (mut worst, mut sum, mut both, mut one) = (0.0_f64, 0.0, 0_u32, 0_u32);
        for (a, b) in ours.iter().zip(&case.bilinear) {
            match (a.is_nan(), b) {
                (false, Some(b)) => {
                    let off = ((a - offset) / scale - b).abs();
                    worst = worst.max(off);
                    sum += off;
                    both += 1;
                }
                (true, None) => (),
                _ => one += 1,
            }
        }
        let mean = sum / f64::from(both);
        println!(
            "{}: {both} pixels, worst {worst:.3} DN, mean {mean:.4}, {one} on one side only",
            case.label()
        );
        assert!(worst < 1.0, "{}: {worst} DN", case.label());
        assert!(f64::from(one) <= 0.001 * ours.len() as f64, "{}: {one} on one side only", case.label());
        assert!(both > 50, "{}", case.label());
    }
}

fn run(request: &CubeRequest) -> JobOutput {
    job::run(request, &|_| {}, &Default::default()).unwrap()
}

fn units(output: &JobOutput) -> Vec<(String, String)> {
    output.layout.variables.iter().map(|v| (v.name.to_string(), v.units.to_string())).collect()
}

#[test]
fn level_2_speaks_its_own_quantity_when_nothing_is_asked() {
    let of = |product: &str| {
        let path = truth().into_iter().find(|(_, g, _)| g["product"] == product).unwrap().0;
        let subsystems = if product == "AST_07" { vec!["VNIR".to_string()] } else { vec![] };
        run(&CubeRequest { granules: vec![path], subsystems, ..CubeRequest::of(CubeOutput::memory()) })
    };
    let finite = |a: &ndarray::Array3<f32>| {
        let v: Vec<f32> = a.iter().copied().filter(|v| v.is_finite()).collect();
        (v.iter().copied().fold(f32::MAX, f32::min), v.iter().copied().fold(f32::MIN, f32::max))
    };
    let warm = of("AST_08");
    assert_eq!(units(&warm), [("KineticTemperature".to_string(), "K".to_string())]);
    assert_eq!(warm.layout.grid.transform.dx, 90.0);
    assert_eq!(warm.layout.grid.crs.epsg(), Some(32754));
    // 441.7 K is lava: hotter than the stated valid range, and kept.
    let (low, high) = finite(&warm.arrays[0]);
    assert!((276.0..280.0).contains(&low) && (high - 441.7).abs() < 1e-3, "{low} {high}");

    let rho = of("AST_07");
    let names: Vec<String> = units(&rho).into_iter().map(|(n, u)| format!("{n} {u}")).collect();
    assert_eq!(names, ["ImageData1 1", "ImageData2 1", "ImageData3N 1"]);
    assert_eq!(rho.layout.grid.transform.dx, 15.0);
    for (k, a) in rho.arrays.iter().enumerate() {
        let (low, high) = finite(a);
        assert!(low >= -0.0071 && high <= 0.651 && high > 0.3, "{k}: {low} {high}");
        // Overshoot of the atmospheric correction stays negative: int16 is read with its sign.
        assert!(k > 0 || (low + 0.007).abs() < 1e-6, "{low}");
    }
}

#[test]
fn ndvi_of_ast_07_is_made_of_its_own_reflectance() {
    let all = cases();
    let of =
        |band| all.iter().find(|c| c.band == band && c.path.to_string_lossy().contains("AST_07")).unwrap();
    let (red, near_infrared) = (of(Band::B2), of(Band::B3N));
    let request = CubeRequest { bands: vec![], indices: vec!["ndvi".into()], ..red.request() };
    let ours = picked(&run(&request), red.nearest_stride, 0, 0);
    let (mut close, mut valid, mut gaps) = (0_u32, 0_u32, 0_u32);
    for ((r, n), v) in red.nearest.iter().zip(&near_infrared.nearest).zip(&ours) {
        match (r, n) {
            (Some(r), Some(n)) => {
                valid += 1;
                close += u32::from((v - (n - r) / (n + r)).abs() < 1e-6);
            }
            _ => gaps += u32::from(!v.is_nan()),
        }
    }
    println!("NDVI: {close} of {valid} equal, {gaps} where a band is missing");
    assert!(valid > 1000 && f64::from(close) >= 0.999 * f64::from(valid), "{close} of {valid}");
    assert!(gaps <= 2, "{gaps}");
}

#[test]
fn geocentric_latitudes_taken_as_they_are_would_put_l1b_kilometres_off() {
    for (path, granule, expected) in truth() {
        if granule["product"] != "AST_L1B" {
            continue;
        }
        let opened = open(&path).unwrap();
        let geobox = opened.facts().band(band_of(&expected)).unwrap().geobox.clone();
        let file = hdf4::File::open(&path).unwrap();
        let eos = file.eos().unwrap();
        let swath = eos.swath(expected["swath"].as_str().unwrap()).unwrap();
        let lattice = |name: &str| -> Vec<f64> {
            let field = swath.geolocation_fields.iter().find(|f| f.name == name).unwrap();
            let dataset = file.dataset(field.dataset.as_deref().unwrap()).unwrap();
            file.read(dataset, &hdf4::Window::whole(dataset)).unwrap()
        };
        let (lats, lons) = (lattice("Latitude"), lattice("Longitude"));
        let at = |lats: Vec<f64>| -> Vec<Xy> {
            let (mut x, mut y) = (lons.clone(), lats);
            Transformer::new(&Crs::Geographic, &geobox.crs).unwrap().forward(&mut x, &mut y).unwrap();
            x.into_iter().zip(y).map(|(x, y)| Xy { x, y }).collect()
        };
        let raw = at(lats.clone());
        let right = at(lats.iter().map(|l| geodetic_latitude_deg(*l)).collect());
        let map = |name: &str| swath.dimension_maps.iter().find(|m| m.data == name).unwrap();
        let (rows, columns) = (map("ImageLine"), map("ImagePixel"));
        let (mut apart, mut worst) = (0.0, 0.0_f64);
        for k in 0..121_i64 {
            let pixel = |m: &hdf4::DimensionMap, k: i64| (m.offset + k * m.increment) as f64 + 0.5;
            let fitted = geobox.transform.apply(Xy { x: pixel(columns, k % 11), y: pixel(rows, k / 11) });
            let k = usize::try_from(k).unwrap();
            apart += (raw[k].x - fitted.x).hypot(raw[k].y - fitted.y) / 121.0;
            worst = worst.max((right[k].x - fitted.x).hypot(right[k].y - fitted.y));
        }
        let stated = number(&expected["metres_without_conversion"]);
        println!(
            "{} band {}: {apart:.1} m without conversion, {worst:.1e} m with it",
            path.file_name().unwrap().display(),
            expected["band"]
        );
        assert!(apart > 10_000.0, "{path:?} {apart}");
        assert!((apart - stated).abs() < 1.0, "{path:?} {apart} {stated}");
        assert!(worst < PLACE_M, "{path:?} {worst}");
    }
}
