//! Speed and ratio of the chunk encoder beside general ones: bench_deflate FILE [f32|u8|u16|i16] [ROUNDS].
//!
//! FILE holds chunks of 512 x 512 little-endian numbers, one after another. Every encoder gets every chunk in
//! every round; CPU times of the best round are printed, and every stream is inflated once and compared.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use aster_core::cube::sink::{CODES, Coded};
use aster_core::write::deflate::Deflater;
use cpu_time::ProcessTime;
use flate2::{Compress, Compression, FlushCompress};
use libdeflater::{CompressionLvl, Compressor, Decompressor};
use std::time::Duration;

const SIDE: usize = 512;

/// Makes the stream of one chunk, given by its number and its bytes.
type Encode<'a> = Box<dyn FnMut(usize, &[u8]) -> Vec<u8> + 'a>;

fn main() {
    let mut args = std::env::args().skip(1);
    let path = args.next().expect("a file");
    let kind = args.next().unwrap_or_else(|| "f32".into());
    let rounds: usize = args.next().map_or(5, |n| n.parse().expect("a number of rounds"));
    let width = match kind.as_str() {
        "u8" => 1,
        "u16" | "i16" => 2,
        "f32" => 4,
        other => panic!("unknown type {other}"),
    };
    let raw = std::fs::read(&path).unwrap();
    let chunks: Vec<&[u8]> = raw.chunks_exact(SIDE * SIDE * width).collect();
    let total = chunks.len() * SIDE * SIDE * width;

    // What is computed are floats: ours has to shuffle them, or keep them whole. Other encoders are given bytes, shuffled
    // unless their name says plain.
    let values: Vec<Vec<f32>> =
        if width == 4 { chunks.iter().map(|chunk| floats(chunk)).collect() } else { Vec::new() };
    let plain = chunks;
    let chunks: Vec<Vec<u8>> = plain.iter().map(|chunk| shuffled(chunk, width)).collect();
    let ours = Deflater::new(1);
    let mut fast = Compressor::new(CompressionLvl::new(1).unwrap());
    let mut small = Compressor::new(CompressionLvl::new(4).unwrap());
    let mut fast_plain = Compressor::new(CompressionLvl::new(1).unwrap());
    let mut room = vec![0; 2 * SIDE * SIDE * width];
    let mut encoders: Vec<(&str, Encode<'_>)> = vec![
        (
            "memcpy",
            Box::new(move |_, chunk| {
                room[..chunk.len()].copy_from_slice(chunk);
                std::hint::black_box(&room);
                Vec::new()
            }),
        ),
        (
            "ours",
            Box::new(|i, chunk| {
                if width == 4 {
                    ours.zlib_f32(&values[i], SIDE).unwrap()
                } else {
                    ours.zlib(chunk, SIDE * SIDE, SIDE).unwrap()
                }
            }),
        ),
        ("libdeflate 1", Box::new(move |_, chunk| libdeflate(&mut fast, chunk))),
        ("libdeflate 4", Box::new(move |_, chunk| libdeflate(&mut small, chunk))),
        ("zlib-rs 4", Box::new(move |_, chunk| zlib_rs(chunk))),
    ];

    if width == 4 {
        encoders.push(("repeats, plain", Box::new(|i, _| ours.zlib_values(&values[i], SIDE).unwrap())));
        let coded: Vec<(Vec<u16>, Box<[f32; CODES]>)> = values.iter().map(|values| codes(values)).collect();
        let ours = &ours;
        encoders.push((
            "repeats, plain, codes",
            Box::new(move |i, _| {
                let (codes, table) = &coded[i];
                ours.zlib_coded(Coded { codes, table }, SIDE).unwrap().0
            }),
        ));
    }
    encoders.push(("libdeflate 1, plain", Box::new(|i, _| libdeflate(&mut fast_plain, plain[i]))));

    println!("{path}: {} chunks, {:.1} MB", chunks.len(), total as f64 / 1e6);
    let mut best = vec![Duration::MAX; encoders.len()];
    let mut sizes = vec![0; encoders.len()];
    for round in 0..rounds {
        for (i, (name, encode)) in encoders.iter_mut().enumerate() {
            let start = ProcessTime::now();
            let streams: Vec<Vec<u8>> =
                chunks.iter().enumerate().map(|(i, chunk)| encode(i, chunk)).collect();
            best[i] = best[i].min(start.elapsed());
            sizes[i] = streams.iter().map(Vec::len).sum();
            match (round, name.contains("plain")) {
                (0, true) => check(&plain, &streams),
                (0, false) => check(&chunks, &streams),
                _ => {}
            }
        }
    }
    for ((name, _), (time, size)) in encoders.iter().zip(best.iter().zip(&sizes)) {
        let rate = total as f64 / 1e6 / time.as_secs_f64();
        println!(
            "{name:19} {rate:8.0} MB/s {:9.3} MB, ratio {:.3}",
            *size as f64 / 1e6,
            total as f64 / *size as f64
        );
    }
}

/// Different values in the order in which they come; more than 65,536 start again, which only this bench forgives.
fn codes(values: &[f32]) -> (Vec<u16>, Box<[f32; CODES]>) {
    let mut table = Box::new([f32::NAN; CODES]);
    let mut seen = std::collections::HashMap::new();
    let codes = values.iter().map(|v| {
        let next = seen.len() as u16;
        let code = *seen.entry(v.to_bits()).or_insert(next);
        table[usize::from(code)] = *v;
        code
    });
    (codes.collect(), table)
}

fn floats(chunk: &[u8]) -> Vec<f32> {
    chunk.as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

fn shuffled(chunk: &[u8], width: usize) -> Vec<u8> {
    (0..width).flat_map(|plane| chunk.iter().skip(plane).step_by(width).copied()).collect()
}

fn libdeflate(compressor: &mut Compressor, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0; compressor.zlib_compress_bound(bytes.len())];
    let length = compressor.zlib_compress(bytes, &mut out).unwrap();
    out.truncate(length);
    out
}

fn zlib_rs(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 100 + 100);
    Compress::new(Compression::new(4), true).compress_vec(bytes, &mut out, FlushCompress::Finish).unwrap();
    out
}

fn check(chunks: &[impl AsRef<[u8]>], streams: &[Vec<u8>]) {
    for (chunk, stream) in chunks.iter().zip(streams).filter(|(_, stream)| !stream.is_empty()) {
        let chunk = chunk.as_ref();
        let mut back = vec![0; chunk.len()];
        Decompressor::new().zlib_decompress(stream, &mut back).unwrap();
        assert!(back == chunk);
    }
}
