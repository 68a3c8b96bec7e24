//! Statistics of an area against their definitions, from all pixels at once.
use super::*;
use crate::cube::sink::{ValueType, VariableSpec};
use crate::error::ErrorCode;
use crate::geo::affine::Affine;
use crate::geo::crs::Crs;
use crate::geo::polygon::MultiPolygon;
use crate::grid::clip::ClipRule;
use crate::grid::geobox::GeoBox;

const NY: usize = 37;
const NX: usize = 53;
const SIDE: Shape = Shape { ny: 16, nx: 20 };
const STEPS: usize = 3;
const VARIABLES: usize = 2;

fn layout() -> CubeLayout {
    let variable = |name: &str| VariableSpec {
        name: name.to_string(),
        long_name: name.to_string(),
        standard_name: None,
        units: "1".to_string(),
        value_type: ValueType::F32,
        keep_bits: None,
        repeats: false,
        attributes: Vec::new(),
    };
    CubeLayout {
        grid: GeoBox {
            crs: Crs::Geographic,
            transform: Affine::upright(10.0, 70.0, 0.5, 0.5),
            shape: Shape { ny: NY, nx: NX },
        },
        chunk: SIDE,
        chunk_steps: 1,
        time_steps: STEPS,
        variables: vec![variable("a"), variable("b")],
        title: String::new(),
        history: String::new(),
        request_json: String::new(),
        resume_key: String::new(),
    }
}

/// Value of a pixel, larger in the south, where pixels are; nothing at all at time step 1 of variable 1.
fn value(time: usize, variable: usize, row: usize, column: usize) -> f32 {
    let n = (row * 7919 + column * 104_729 + time * 31 + variable * 17) % 9973;
    if n.is_multiple_of(4) || (time, variable) == (1, 1) { f32::NAN } else { n as f32 * 0.01 + row as f32 }
}

fn chunks(time: usize) -> Vec<(ChunkKey, Vec<f32>)> {
    let (down, across) = (NY.div_ceil(SIDE.ny), NX.div_ceil(SIDE.nx));
    let keys = (0..VARIABLES).flat_map(|variable| {
        (0..down * across).map(move |i| ChunkKey { variable, time, row: i / across, column: i % across })
    });
    let of = |key: ChunkKey| {
        let pixel = |i: usize| {
            let (row, column) = (key.row * SIDE.ny + i / SIDE.nx, key.column * SIDE.nx + i % SIDE.nx);
            let inside = row < NY && column < NX;
            if inside { value(time, key.variable, row, column) } else { f32::NAN }
        };
        (key, (0..SIDE.ny * SIDE.nx).map(pixel).collect())
    };
    keys.map(of).collect()
}

/// By the definitions, from all pixels at once.
fn obvious(time: usize, variable: usize, is_inside: &dyn Fn(usize, usize) -> bool) -> AreaStatistics {
    let pixels = || (0..NY).flat_map(|r| (0..NX).map(move |c| (r, c))).filter(|(r, c)| is_inside(*r, *c));
    let areas = PixelArea::of(&layout().grid).unwrap();
    let area_m2 = |row: usize, column: usize| {
        let mut one = [0.0];
        areas.row_m2(row, column, &mut one);
        one[0]
    };
    let weighed: Vec<(f64, f64)> = pixels()
        .map(|(r, c)| (f64::from(value(time, variable, r, c)), area_m2(r, c)))
        .filter(|(v, _)| !v.is_nan())
        .collect();
    let total: f64 = weighed.iter().map(|(_, w)| w).sum();
    let mean = weighed.iter().map(|(v, w)| v * w).sum::<f64>() / total;
    let variance = weighed.iter().map(|(v, w)| w * (v - mean).powi(2)).sum::<f64>() / total;
    let mut sorted: Vec<f64> = weighed.iter().map(|(v, _)| *v).collect();
    sorted.sort_by(f64::total_cmp);
    let at = |p: f64| {
        let position = p / 100.0 * (sorted.len() as f64 - 1.0);
        let end = |p: f64| sorted.get(p as usize).copied().unwrap_or(f64::NAN);
        end(position.floor()) + (end(position.ceil()) - end(position.floor())) * position.fract()
    };
    AreaStatistics {
        count: sorted.len() as u64,
        valid_fraction: sorted.len() as f64 / pixels().count() as f64,
        mean,
        std: variance.sqrt(),
        min: sorted.first().copied().unwrap_or(f64::NAN),
        max: sorted.last().copied().unwrap_or(f64::NAN),
        percentiles: PERCENTILES.map(at),
    }
}

fn check(got: &[Vec<AreaStatistics>], is_inside: &dyn Fn(usize, usize) -> bool) {
    for (time, row) in got.iter().enumerate() {
        for (variable, got) in row.iter().enumerate() {
            let want = obvious(time, variable, is_inside);
            let case = format!("time {time}, variable {variable}: {got:?}, not {want:?}");
            assert_eq!((got.count, got.valid_fraction), (want.count, want.valid_fraction), "{case}");
            let near = |a: f64, b: f64, e: f64| a.is_nan() && b.is_nan() || (a - b).abs() <= e;
            assert!(near(got.min, want.min, 0.0) && near(got.max, want.max, 0.0), "{case}");
            let pairs = got.percentiles.iter().zip(want.percentiles);
            assert!(pairs.into_iter().all(|(a, b)| near(*a, b, 1e-9)), "{case}");
            assert!(near(got.mean, want.mean, 1e-9) && near(got.std, want.std, 1e-9), "{case}");
        }
    }
}

fn run(sink: &StatisticsSink, times: &[usize]) -> Result<()> {
    times.iter().flat_map(|t| chunks(*t)).try_for_each(|(key, values)| {
        let chunk = sink.encode(key, &values)?;
        sink.store(chunk).map(drop)
    })
}

fn sink(clip: Option<Arc<Clip>>) -> StatisticsSink {
    let layout = layout();
    StatisticsSink::new(layout.clone(), PixelArea::of(&layout.grid).unwrap(), clip)
}

#[test]
fn statistics_are_the_definitions() {
    let all = sink(None);
    run(&all, &[0, 1, 2]).unwrap();
    check(&all.statistics(), &|_, _| true);
    assert_eq!(all.statistics()[1][1].count, 0);
    let ring = "[[11.2,69.3],[30.1,68.0],[33.0,55.0],[20.0,60.0],[12.0,52.0]]";
    let json = format!(r#"{{"type":"Polygon","coordinates":[{ring}]}}"#);
    let polygon = MultiPolygon::from_geojson(&json).unwrap();
    let clip = Arc::new(Clip::new(&polygon, &layout().grid, ClipRule::Centre).unwrap());
    let clipped = sink(Some(clip.clone()));
    run(&clipped, &[0, 1, 2]).unwrap();
    check(&clipped.statistics(), &|r, c| clip.runs(r).any(|run| run.contains(&c)));
}

#[test]
fn a_scene_may_be_taken_back() {
    let plain = sink(None);
    run(&plain, &[0, 1, 2]).unwrap();
    let rewound = sink(None);
    run(&rewound, &[0, 1]).unwrap();
    rewound.rewind(1).unwrap();
    run(&rewound, &[1, 2]).unwrap();
    check(&rewound.statistics(), &|_, _| true);
    let bits = |sink: &StatisticsSink| format!("{:?}", sink.statistics());
    assert_eq!(bits(&plain), bits(&rewound));
}

#[test]
fn values_are_held_for_one_time_step_unless_interleaved() {
    let held = |sink: &StatisticsSink| -> u64 {
        let state = sink.state.lock().unwrap();
        state.cells.iter().flatten().flat_map(|cell| &cell.held).map(|bytes| bytes.capacity() as u64).sum()
    };
    let pixels = (NY * NX) as u64;
    let in_order = sink(None);
    for time in 0..STEPS {
        run(&in_order, &[time]).unwrap();
        assert!(held(&in_order) > 0 && held(&in_order) <= 4 * pixels * VARIABLES as u64);
    }
    assert_eq!(run(&in_order, &[1]).unwrap_err().code(), ErrorCode::Internal);
    in_order.statistics();
    assert_eq!(held(&in_order), 0);
    let interleaved = sink(None).interleaved();
    run(&interleaved, &[2, 0, 1]).unwrap();
    assert!(held(&interleaved) <= StatisticsSink::held_bytes_bound(pixels, VARIABLES * STEPS));
    check(&interleaved.statistics(), &|_, _| true);
}
