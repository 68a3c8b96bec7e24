//! Times one task on one file and prints `wall_ms cpu_ms bytes`: bench_read FILE TASK; compare.py names the tasks.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Instant;

use cpu_time::ProcessTime;
use hdf4::{Dataset, File, NumberType, Window};
use rayon::prelude::*;

fn main() {
    let mut args = std::env::args().skip(1);
    let path = args.next().expect("a file");
    let task = args.next().expect("a task");
    // The first read of a process pays for page tables and the thread pool, as in the other readers.
    let warm_up = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/swath.hdf");
    let warm = File::open(warm_up).unwrap();
    warm.read_bytes_le(&warm.datasets()[0], &Window::whole(&warm.datasets()[0])).unwrap();
    rayon::broadcast(|_| ());

    if let "reread" | "reuse" = task.as_str() {
        return reread(&File::open(&path).unwrap(), task == "reuse");
    }
    let (start, cpu) = (Instant::now(), ProcessTime::now());
    let file = File::open(&path).unwrap();
    let bands: Vec<&Dataset> =
        file.datasets().iter().filter(|d| d.name().starts_with("ImageData") && d.dims().len() == 2).collect();
    let parts: Vec<Vec<u8>> = match task.as_str() {
        // Values are dropped only when all are read, as a caller that uses them would.
        "bands" => bands.par_iter().map(|d| read(&file, d, &Window::whole(d))).collect::<Vec<_>>(),
        "window" | "windows" => bands
            .iter()
            .filter(|d| d.dims()[0] >= 1024)
            .take(if task == "window" { 1 } else { usize::MAX })
            .collect::<Vec<_>>()
            .par_iter()
            .map(|d| read(&file, d, &Window::rows_cols(d.dims()[0] / 2, d.dims()[1] / 2, 512, 512)))
            .collect(),
        "borrow" => bands.iter().map(|d| borrow(&file, d)).collect(),
        "open" | "each" => Vec::new(),
        other => panic!("unknown task {other}"),
    };
    let bytes = if task == "each" { each(&file, &bands) } else { parts.iter().map(Vec::len).sum() };
    let (wall, cpu) = (start.elapsed(), cpu.elapsed());
    println!("{:.3} {:.3} {bytes}", wall.as_secs_f64() * 1e3, cpu.as_secs_f64() * 1e3);
}

/// Mean of twenty windows of one band in an open file; kept, or one after the other in the same memory.
fn reread(file: &File, reuse: bool) {
    let band = file.datasets().iter().find(|d| d.name().starts_with("ImageData")).unwrap();
    let window = |i: u64| Window::rows_cols(100 + i % 4 * 1000, 100 + i / 4 * 1000, 512, 512);
    let (start, cpu) = (Instant::now(), ProcessTime::now());
    let mut bytes = 0;
    if reuse {
        let mut out = vec![0u8; 512 * 512];
        for i in 0..20 {
            file.read_into(band, &window(i), &mut out).unwrap();
            bytes += out.len();
        }
    } else {
        let parts: Vec<Vec<u8>> = (0..20).map(|i| read(file, band, &window(i))).collect();
        bytes = parts.iter().map(Vec::len).sum();
    }
    let (wall, cpu) = (start.elapsed() / 20, cpu.elapsed() / 20);
    println!("{:.3} {:.3} {bytes}", wall.as_secs_f64() * 1e3, cpu.as_secs_f64() * 1e3);
}

/// Reads into the type a caller would use and hands back the bytes it took.
fn read(file: &File, dataset: &Dataset, window: &Window) -> Vec<u8> {
    match dataset.number_type() {
        NumberType::U8 => file.read::<u8>(dataset, window).unwrap(),
        _ => file.read_bytes_le(dataset, window).unwrap(),
    }
}

/// One band after the other into the same memory, the way a caller that reduces bands would.
fn each(file: &File, bands: &[&Dataset]) -> usize {
    let (mut bytes, mut words) = (Vec::new(), Vec::new());
    let mut total = 0;
    for band in bands {
        let (window, n) = (Window::whole(band), band.len() as usize);
        if band.number_type() == NumberType::U8 {
            bytes.resize(n.max(bytes.len()), 0u8);
            file.read_into(band, &window, &mut bytes[..n]).unwrap();
        } else {
            words.resize(n.max(words.len()), 0u16);
            file.read_into(band, &window, &mut words[..n]).unwrap();
        }
        total += n * band.number_type().size();
    }
    total
}

/// Looks at every byte of a band in place, where that is possible.
fn borrow(file: &File, dataset: &Dataset) -> Vec<u8> {
    match dataset.number_type() {
        NumberType::U8 => {
            let bytes = file.borrow_u8(dataset).unwrap().unwrap_or_default();
            vec![bytes.iter().fold(0u8, |a, &b| a ^ b)]
        }
        _ => file.read_bytes_le(dataset, &Window::whole(dataset)).unwrap(),
    }
}
