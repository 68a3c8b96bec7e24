//! The committed sample archive, read and planned: headers against the generator's truth, gates, memory, warnings.
#![cfg(feature = "netcdf")]
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
use aster_core::ErrorCode;
use aster_core::cube::calibrate::own_conversion;
use aster_core::cube::request::{CubeOutput, CubeRequest};
use aster_core::geo::bbox::Area;
use aster_core::granule::archive::{Archive, scan};
use aster_core::granule::facts::GranuleFacts;
use aster_core::job;
use serde_json::Value;
use std::path::PathBuf;

fn sample() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/sample")
}

fn archive() -> Vec<(PathBuf, GranuleFacts)> {
    let Archive { granules, .. } = scan(&sample(), None).unwrap();
    granules.into_iter().map(|(path, facts)| (path, facts.unwrap())).collect()
}

fn request(granules: Vec<PathBuf>) -> CubeRequest {
    CubeRequest { granules, indices: vec!["ndvi".into()], ..CubeRequest::of(CubeOutput::memory()) }
}

fn paths(keep: impl Fn(&GranuleFacts) -> bool) -> Vec<PathBuf> {
    archive().into_iter().filter(|(_, f)| keep(f)).map(|(p, _)| p).collect()
}

#[test]
fn headers_say_what_the_generator_meant() {
    let truth: Value = serde_json::from_slice(&std::fs::read(sample().join("truth.json")).unwrap()).unwrap();
    let listed = truth.as_array().unwrap();
    let found = archive();
    assert_eq!(found.len(), listed.len());
    for (path, facts) in &found {
        let expected =
            listed.iter().find(|v| v["name"] == facts.name.id).unwrap_or_else(|| panic!("{path:?}"));
        for band in &facts.bands {
            assert_eq!(
                band.geobox.crs.epsg().unwrap(),
                expected["epsg"].as_u64().unwrap() as u32,
                "{path:?}"
            );
            let centre = &expected["upper_left_centre"][band.band.subsystem().as_str()];
            let at = band.geobox.centre_of(0, 0);
            assert!((at.x - centre[0].as_f64().unwrap()).abs() < 1e-6, "{path:?} {}", band.band);
            assert!((at.y - centre[1].as_f64().unwrap()).abs() < 1e-6, "{path:?} {}", band.band);
            let gain = band.gain.map(|g| g.to_string());
            let stated = expected["gains"][band.band.name()].as_str().map(|g| g.replace("LOW", "LO1"));
            assert!(gain.is_none() || gain == stated, "{path:?} {} {gain:?} {stated:?}", band.band);
            let ucc = own_conversion(facts, band).map(|c| c.ucc);
            assert_eq!(ucc, expected["ucc"][band.band.name()].as_f64(), "{path:?} {}", band.band);
        }
    }
}

#[test]
fn the_smallest_budget_named_is_enough_and_one_less_is_not() {
    let mut wanted = request(paths(|f| f.bands.len() > 5));
    wanted.max_memory_bytes = Some(1);
    let error = job::plan(&wanted).unwrap_err();
    assert_eq!(error.code(), ErrorCode::MemoryBudget);
    let needed = error.needed_bytes().unwrap();
    wanted.max_memory_bytes = Some(needed);
    assert!(job::plan(&wanted).unwrap().peak_memory_bytes <= needed);
    wanted.max_memory_bytes = Some(needed - 1);
    assert_eq!(job::plan(&wanted).unwrap_err().code(), ErrorCode::MemoryBudget);
}

#[test]
fn peak_memory_does_not_grow_with_the_number_of_scenes() {
    let day = paths(|f| f.bands.len() > 5);
    let mut wanted = request(day.clone());
    wanted.output.format = "statistics".into();
    wanted.area = Some(Area::new(137.99, -31.12, 138.03, -31.08).unwrap());
    let all = job::plan(&wanted).unwrap().peak_memory_bytes;
    let each = day.into_iter().map(|p| {
        let one = CubeRequest { granules: vec![p], ..wanted.clone() };
        job::plan(&one).unwrap().peak_memory_bytes
    });
    assert_eq!(Some(all), each.max());
}

#[test]
fn swir_of_2009_is_refused_unless_asked_for() {
    let late = paths(|f| f.time.to_string().starts_with("2009"));
    assert_eq!(late.len(), 1);
    let mut wanted = CubeRequest { indices: vec!["ratio_4_6".into()], ..request(late) };
    let refused = job::plan(&wanted).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::NoData);
    assert!(refused.message().contains("2008-04-01"), "{refused}");
    wanted.allow_bad_swir = true;
    assert_eq!(job::plan(&wanted).unwrap().scenes.len(), 1);
}

#[test]
fn a_night_scene_has_no_vnir_and_says_so() {
    let night = paths(|f| f.bands.len() == 5);
    let refused = job::plan(&request(night.clone())).unwrap_err();
    assert_eq!(refused.code(), ErrorCode::NoData);
    assert!(refused.message().contains("the granule has TIR"), "{refused}");
    let warm = CubeRequest {
        indices: vec![],
        bands: vec!["10".into()],
        calibration: Some("temperature".into()),
        ..request(night)
    };
    assert_eq!(job::plan(&warm).unwrap().scenes.len(), 1);
}

#[test]
fn versions_are_mixed_only_with_a_warning() {
    let plan = job::plan(&request(paths(|f| f.bands.len() > 5))).unwrap();
    assert!(plan.warnings.iter().any(|w| w.contains("mixes")), "{:?}", plan.warnings);
    let times: Vec<_> = plan.scenes.iter().map(|s| s.facts.time).collect();
    assert!(times.is_sorted());
}

#[test]
fn arrays_do_not_depend_on_threads() {
    let run = |threads| {
        let one = CubeRequest { n_workers: Some(threads), ..request(paths(|f| f.bands.len() > 5)) };
        job::run(&one, &|_| {}, &Default::default()).unwrap().arrays
    };
    let (a, b) = (run(1), run(2));
    let same = a.iter().flatten().zip(b.iter().flatten()).all(|(x, y)| x.to_bits() == y.to_bits());
    assert!(same && a[0].dim() == b[0].dim());
}

#[test]
fn a_cancelled_job_ends_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut wanted = request(paths(|f| f.bands.len() > 5));
    wanted.output = CubeOutput {
        format: "netcdf".into(),
        path: Some(folder.path().join("out.nc")),
        ..CubeOutput::memory()
    };
    let cancel = aster_core::cancel::CancelToken::new();
    let pull = cancel.clone();
    let listener = move |event: aster_core::event::Event| {
        if event.counters.scenes_done == 1 {
            pull.cancel();
        }
    };
    assert_eq!(job::run(&wanted, &listener, &cancel).unwrap_err().code(), ErrorCode::Cancelled);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
