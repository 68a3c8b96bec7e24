//! Statistics along time against their obvious twins: sort everything, add everything, try every pair.
use super::fold::Fold;
use super::gather::{gather_bytes, gather_reduce};
use super::medoid::{NO_STEP, medoid_index, take_steps};
use super::*;
use crate::error::ErrorCode;
use proptest::prelude::*;

const STREAMING: [Statistic; 7] = [
    Statistic::Mean,
    Statistic::Min,
    Statistic::Max,
    Statistic::First,
    Statistic::Last,
    Statistic::Count,
    Statistic::Std,
];

/// The definition, in double precision from a sorted copy.
fn obvious(steps: &[Vec<f32>], pixel: usize, statistic: Statistic) -> f32 {
    let in_time: Vec<f64> = steps.iter().map(|s| f64::from(s[pixel])).filter(|v| !v.is_nan()).collect();
    let mut sorted = in_time.clone();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let mean = in_time.iter().sum::<f64>() / n;
    let at = |p: f64| {
        let position = p / 100.0 * (n - 1.0);
        let (a, b) = (sorted[position.floor() as usize], sorted[position.ceil() as usize]);
        a + (b - a) * position.fract()
    };
    (match statistic {
        Statistic::Count => n,
        _ if in_time.is_empty() => f64::NAN,
        Statistic::Mean => mean,
        Statistic::Median => at(50.0),
        Statistic::Percentile(p) => at(p),
        Statistic::Min => sorted[0],
        Statistic::Max => sorted[sorted.len() - 1],
        Statistic::First => in_time[0],
        Statistic::Last => in_time[in_time.len() - 1],
        Statistic::Std => (in_time.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n).sqrt(),
        Statistic::Medoid => unreachable!(),
    }) as f32
}

/// Equal but for the last bits of float32, relative to the size of the values.
fn near(a: f32, b: f32, size: f32) -> bool {
    a.is_nan() && b.is_nan() || (a - b).abs() <= 2.0 * f32::EPSILON * size
}

/// `[time][pixel]`, every fifth value missing, and few distinct ones, so that there are equals.
fn stack(steps: usize, pixels: usize, seed: u32) -> Vec<Vec<f32>> {
    let mut state = seed | 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 8
    };
    let mut value = || if next().is_multiple_of(5) { f32::NAN } else { (next() % 50) as f32 * 0.37 - 9.0 };
    (0..steps).map(|_| (0..pixels).map(|_| value()).collect()).collect()
}

proptest! {
    #[test]
    fn a_fold_is_the_definition(steps in 0usize..40, pixels in 1usize..70, seed: u32, chosen in 1u8..128) {
        let stack = stack(steps, pixels, seed);
        let statistics: Vec<Statistic> =
            STREAMING.into_iter().enumerate().filter(|(i, _)| chosen & (1 << i) != 0).map(|(_, s)| s).collect();
        let mut fold = Fold::new(&statistics, pixels);
        stack.iter().for_each(|values| fold.add(values).unwrap());
        let mut out = vec![0.0; pixels];
        for statistic in STREAMING {
            // The first value is kept for the standard deviation too.
            let by_the_way = statistic == Statistic::First && statistics.contains(&Statistic::Std)
                || statistic == Statistic::Count && fold.finish(Statistic::Mean, &mut out).is_ok()
                || statistic == Statistic::Mean && statistics.contains(&Statistic::Std);
            let finished = fold.finish(statistic, &mut out);
            prop_assert_eq!(finished.is_ok(), statistics.contains(&statistic) || by_the_way);
            for (p, v) in out.iter().enumerate().filter(|_| finished.is_ok()) {
                let want = obvious(&stack, p, statistic);
                prop_assert!(near(*v, want, 10.0), "{statistic} of pixel {p}: {v}, not {want}");
            }
        }
    }

    #[test]
    fn a_selection_is_a_sort(steps in 0usize..60, pixels in 1usize..70, p in 0.0..=100.0f64, seed: u32) {
        let stack = stack(steps, pixels, seed);
        let views: Vec<&[f32]> = stack.iter().map(Vec::as_slice).collect();
        let all = [Statistic::Median, Statistic::Percentile(p), Statistic::Percentile(0.0), Statistic::Percentile(100.0)];
        for statistic in all.into_iter().chain(STREAMING) {
            let mut out = vec![0.0; pixels];
            gather_reduce(&views, statistic, &mut out).unwrap();
            for (p, v) in out.iter().enumerate() {
                let want = obvious(&stack, p, statistic);
                prop_assert!(near(*v, want, 10.0), "{statistic} of pixel {p}: {v}, not {want}");
            }
        }
    }

    #[test]
    fn a_medoid_is_nearest_to_all(steps in 0usize..12, pixels in 1usize..150, variables in 1usize..4, seed: u32) {
        // [variable][time][pixel]
        let cube: Vec<Vec<Vec<f32>>> = (0..variables).map(|v| stack(steps, pixels, seed ^ (v as u32 * 77))).collect();
        let views: Vec<Vec<&[f32]>> =
            (0..steps).map(|t| cube.iter().map(|stack| stack[t].as_slice()).collect()).collect();
        let mut index = vec![0; pixels];
        medoid_index(&views, &mut index).unwrap();
        for (p, got) in index.iter().enumerate() {
            let valid = |t: &usize| cube.iter().all(|stack| !stack[*t][p].is_nan());
            let steps: Vec<usize> = (0..steps).filter(valid).collect();
            let distance = |a: usize, b: usize| {
                cube.iter().map(|s| f64::from(s[a][p]) - f64::from(s[b][p])).map(|d| d * d).sum::<f64>().sqrt()
            };
            let sum = |t: usize| steps.iter().map(|u| distance(t, *u)).sum::<f64>();
            let least = steps.iter().map(|t| sum(*t)).fold(f64::INFINITY, f64::min);
            // The first within rounding: sums are added in another order here.
            let want = steps.iter().find(|t| sum(**t) <= least + 1e-9);
            let of = |t: u32| steps.contains(&(t as usize)).then(|| sum(t as usize));
            prop_assert!(
                want.map_or(*got == NO_STEP, |w| *got == *w as u32 || of(*got).is_some_and(|s| s <= least + 1e-9)),
                "pixel {p}: step {got}, not {want:?}"
            );
            if variables == 1 && want.is_some() {
                let mut sorted: Vec<f32> = steps.iter().map(|t| cube[0][*t][p]).collect();
                sorted.sort_by(f32::total_cmp);
                let middle = [sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]];
                prop_assert!(middle.contains(&cube[0][*got as usize][p]), "the medoid of one variable is its median");
            }
        }
        for stack in &cube {
            let views: Vec<&[f32]> = stack.iter().map(Vec::as_slice).collect();
            let mut taken = vec![0.0; pixels];
            take_steps(&views, &index, &mut taken).unwrap();
            for (p, (v, k)) in taken.iter().zip(&index).enumerate() {
                let want = stack.get(*k as usize).map_or(f32::NAN, |values| values[p]);
                prop_assert!(near(*v, want, 0.0));
            }
        }
    }
}

#[test]
fn ties_go_to_the_earliest() {
    // Whole numbers: sums are exact. 2 and 3 are equally near to 1 and 4.
    let columns =
        [[4.0, 3.0, 2.0, 1.0], [1.0, 2.0, 3.0, 4.0], [7.0, 7.0, 7.0, 7.0], [f32::NAN, 5.0, 9.0, 5.0]];
    let steps: Vec<Vec<f32>> = (0..4).map(|t| columns.iter().map(|c| c[t]).collect()).collect();
    let views: Vec<Vec<&[f32]>> = steps.iter().map(|s| vec![s.as_slice()]).collect();
    let mut index = [0; 4];
    medoid_index(&views, &mut index).unwrap();
    assert_eq!(index, [1, 1, 0, 1]);
}

#[test]
fn a_large_offset_costs_no_digits() {
    // Kelvin-like values on a pedestal a million times their deviation; an outlier comes first.
    let n = 1000;
    for first in [1e6_f32, 1e6 + 1e5] {
        let steps: Vec<Vec<f32>> =
            (0..n).map(|t| vec![if t == 0 { first } else { 1e6 + (t % 7) as f32 }]).collect();
        let mut fold = Fold::new(&[Statistic::Std, Statistic::Mean], 1);
        steps.iter().for_each(|s| fold.add(s).unwrap());
        let mut out = [0.0];
        fold.finish(Statistic::Std, &mut out).unwrap();
        let want = obvious(&steps, 0, Statistic::Std);
        assert!(((out[0] - want) / want).abs() < 1.2e-7, "{} {want}", out[0]);
        fold.finish(Statistic::Mean, &mut out).unwrap();
        assert_eq!(out[0], obvious(&steps, 0, Statistic::Mean));
    }
    let mut constant = Fold::new(&[Statistic::Std], 1);
    (0..n).for_each(|_| constant.add(&[0.1]).unwrap());
    let mut out = [1.0];
    constant.finish(Statistic::Std, &mut out).unwrap();
    assert_eq!(out[0], 0.0);
}

#[test]
fn names_there_and_back() {
    for (text, suffix) in
        [("mean", "mean"), ("p10", "p10"), ("p2.5", "p2_5"), ("p0", "p0"), ("medoid", "medoid")]
    {
        let statistic: Statistic = text.parse().unwrap();
        assert_eq!((statistic.to_string().as_str(), statistic.name_suffix().as_str()), (text, suffix));
    }
    for (_, statistic) in NAMED {
        assert_eq!(statistic.to_string().parse::<Statistic>().unwrap(), statistic);
        assert!(statistic.cell_methods().is_some() || statistic.comment().is_some(), "{statistic}");
    }
    assert_eq!(" P97.5 ".parse::<Statistic>().unwrap(), Statistic::Percentile(97.5));
    for (text, hint) in [
        ("meen", "did you mean mean"),
        ("p101", "p0 to p100"),
        ("p-1", "a percentile"),
        ("", "choose mean"),
        ("p1e1", "a percentile"),
        ("pinf", "min"),
        ("kurtosis", "p2.5"),
    ] {
        let error = text.parse::<Statistic>().unwrap_err();
        assert_eq!(error.code(), ErrorCode::Usage, "{text}");
        assert!(error.hint_text().unwrap().contains(hint), "{text}: {:?}", error.hint_text());
    }
}

#[test]
fn memory_is_what_is_said() {
    let bytes = |names: &[&str]| {
        Fold::bytes_per_pixel(&names.iter().map(|n| n.parse().unwrap()).collect::<Vec<Statistic>>())
    };
    assert_eq!(bytes(&["median"]), 0);
    assert_eq!(bytes(&["count"]), 4);
    assert_eq!(bytes(&["mean", "count"]), 12);
    assert_eq!(bytes(&["mean", "std", "first"]), 24);
    assert_eq!(bytes(&["min", "max", "first", "last"]), 16);
    assert!(gather_bytes(1000) < 1 << 20);
}

#[test]
fn other_shapes_are_refused() {
    let mut fold = Fold::new(&[Statistic::Mean], 2);
    assert_eq!(fold.add(&[1.0]).unwrap_err().code(), ErrorCode::Internal);
    assert!(fold.finish(Statistic::Mean, &mut [0.0]).is_err());
    assert!(fold.finish(Statistic::Std, &mut [0.0; 2]).is_err());
    assert!(gather_reduce(&[&[1.0], &[1.0, 2.0]], Statistic::Median, &mut [0.0]).is_err());
    assert!(gather_reduce(&[&[1.0]], Statistic::Medoid, &mut [0.0]).is_err());
    assert!(medoid_index(&[vec![&[1.0]], vec![&[1.0], &[1.0]]], &mut [0]).is_err());
}

/// One chunk of a long series, one thread:
/// `cargo test --release -p aster-core --lib reduce::tests::speed -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
#[allow(clippy::print_stdout)]
fn speed() {
    let pixels = 512 * 512;
    for steps in [10, 100, 1000] {
        let stack = stack(steps, pixels, 3);
        let views: Vec<&[f32]> = stack.iter().map(Vec::as_slice).collect();
        let mut out = vec![0.0; pixels];
        let per_value = 1e9 / (pixels * steps) as f64;
        for statistics in [vec![Statistic::Mean], vec![Statistic::Std], STREAMING.to_vec()] {
            let start = std::time::Instant::now();
            let mut fold = Fold::new(&statistics, pixels);
            views.iter().for_each(|values| fold.add(values).unwrap());
            fold.finish(statistics[0], &mut out).unwrap();
            let ns = start.elapsed().as_secs_f64() * per_value;
            println!("{steps:4} steps, fold of {}: {ns:.2} ns/value", statistics.len());
        }
        for statistic in [Statistic::Median, Statistic::Percentile(10.0)] {
            let start = std::time::Instant::now();
            gather_reduce(&views, statistic, &mut out).unwrap();
            println!(
                "{steps:4} steps, {statistic}: {:.2} ns/value",
                start.elapsed().as_secs_f64() * per_value
            );
        }
        if steps <= 100 {
            let part = 1 << 14;
            let three: Vec<Vec<&[f32]>> =
                views.iter().map(|v| vec![&v[..part], &v[part..2 * part], &v[2 * part..3 * part]]).collect();
            let start = std::time::Instant::now();
            medoid_index(&three, &mut vec![0; part]).unwrap();
            let ns = start.elapsed().as_secs_f64() * 1e9 / (part * steps * (steps - 1) / 2) as f64;
            println!("{steps:4} steps, medoid of 3 variables: {ns:.2} ns/pair and pixel");
        }
    }
}
