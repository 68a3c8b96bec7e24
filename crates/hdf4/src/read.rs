//! Executes a plan in parallel, straight into the caller's buffer.
#![forbid(unsafe_code)]

use std::path::Path;

use rayon::prelude::*;

use crate::codec::{self, Scratch};
use crate::dataset::Dataset;
use crate::element::{Access, Extents};
use crate::error::{Error, Result};
use crate::number_type::{ByteOrder, swap_in_place};
use crate::plan::{ChunkJob, Plan, Runs, Work};
use crate::source::{ByteSource, Pread};
use crate::special::chunked::ChunkData;
use crate::special::compressed::Compressed;

/// Work is cut into strips of this size: large enough to pay for a task, small enough for the cache.
const STRIP: usize = 1 << 20;

/// How stored values become the caller's values.
struct Form<'d> {
    fill: &'d [u8],
    /// Bytes per value if they must be reversed, else 1.
    swap: usize,
}

/// Fills `out`, which must be as long as the plan says, with values in `order`.
pub(crate) fn execute(
    access: &Access<'_>,
    dataset: &Dataset,
    plan: &Plan<'_>,
    base: Option<&Path>,
    order: ByteOrder,
    out: &mut [u8],
) -> Result<()> {
    let swap = if dataset.order == order { 1 } else { dataset.number_type.size() };
    let form = Form { fill: &dataset.fill, swap };
    if access.source.as_slice().is_none() && !matches!(plan.work, Work::External(..)) {
        access.source.prefetch(&plan.ranges()?)?;
    }
    match &plan.work {
        Work::Fill => {
            form.fill(out, 0);
            form.convert(out);
            Ok(())
        }
        Work::Plain(extents, runs) => plain(access.source, extents, runs, &form, out),
        Work::External(external, runs) => {
            let file = Pread::open(external.locate(base)?)?;
            let held = file.len().saturating_sub(external.offset).min(external.length);
            let mut extents = Extents::flat(external.offset..external.offset + held);
            extents.total = external.length;
            plain(&file, &extents, runs, &form, out)
        }
        Work::Stream(stream, runs) => whole_stream(access, stream, runs, &form, out),
        Work::Chunks(header, jobs) => chunks(access, header.chunk_bytes, jobs, &form, out),
    }
}

impl Form<'_> {
    /// Repeats the fill value over `dst`, which starts `phase` bytes into the array.
    fn fill(&self, dst: &mut [u8], phase: u64) {
        let Some((&first, rest)) = self.fill.split_first() else { return };
        if rest.iter().all(|&b| b == first) {
            dst.fill(first);
            return;
        }
        let shift = (phase % self.fill.len() as u64) as usize;
        for (i, byte) in dst.iter_mut().enumerate() {
            *byte = self.fill[(i + shift) % self.fill.len()];
        }
    }

    fn convert(&self, dst: &mut [u8]) {
        swap_in_place(dst, self.swap);
    }

    /// Copies `dst.len()` stored bytes from `start`, or fill where nothing was written.
    fn copy(&self, source: &dyn ByteSource, extents: &Extents, start: u64, dst: &mut [u8]) -> Result<()> {
        for piece in extents.pieces(start, dst.len()) {
            let phase = start + piece.buffer.start as u64;
            let dst = &mut dst[piece.buffer];
            match piece.offset {
                Some(offset) => source.read_into(offset, dst)?,
                None => self.fill(dst, phase),
            }
        }
        Ok(())
    }
}

/// Runs of plain bytes: the result is cut into strips that are filled side by side.
fn plain(
    source: &dyn ByteSource,
    extents: &Extents,
    runs: &Runs,
    form: &Form<'_>,
    out: &mut [u8],
) -> Result<()> {
    let strip = |(index, strip): (usize, &mut [u8])| -> Result<()> {
        let mut at = index as u64 * STRIP as u64;
        let mut rest = &mut *strip;
        while !rest.is_empty() {
            // The result is dense, so its position alone tells the run.
            let (run, within) = (at / runs.length, at % runs.length);
            let n = rest.len().min(usize::try_from(runs.length - within).unwrap_or(usize::MAX));
            let (dst, tail) = rest.split_at_mut(n);
            form.copy(source, extents, runs.get(run).0 + within, dst)?;
            at += n as u64;
            rest = tail;
        }
        form.convert(strip);
        Ok(())
    };
    if out.len() <= STRIP {
        strip((0, out))
    } else {
        out.par_chunks_mut(STRIP).enumerate().try_for_each(strip)
    }
}

/// One stream for the whole array: decoded once, up to the last byte needed.
fn whole_stream(
    access: &Access<'_>,
    stream: &Compressed,
    runs: &Runs,
    form: &Form<'_>,
    out: &mut [u8],
) -> Result<()> {
    let span = runs.span();
    let end = span.end.min(stream.length).max(span.start);
    let held = usize::try_from(end - span.start).unwrap_or(usize::MAX);
    let payload = stream.payload.gather(access.source)?;
    // A stream too long to hold may only be decoded piece by piece.
    let total = if stream.length > access.limits.max_decoded_bytes { u64::MAX } else { stream.length };
    let decode = |dst: &mut [u8]| {
        codec::decode(&stream.coder, &payload, span.start, total, dst, &mut Scratch::default())
            .map_err(|what| Error::corrupt(stream.offset(), what))
    };
    if runs.total == 1 {
        let (dst, beyond) = out.split_at_mut(held.min(out.len()));
        decode(dst)?;
        form.fill(beyond, end);
    } else {
        if end - span.start > access.limits.max_decoded_bytes {
            return Err(Error::limit("decoded bytes", end - span.start, access.limits.max_decoded_bytes));
        }
        let mut decoded = vec![0; held];
        decode(&mut decoded)?;
        let length = runs.length as usize;
        for ((source, _), dst) in runs.iter().zip(out.chunks_exact_mut(length)) {
            let from = (source - span.start) as usize;
            let have = decoded.get(from..).unwrap_or_default();
            let n = have.len().min(length);
            dst[..n].copy_from_slice(&have[..n]);
            form.fill(&mut dst[n..], source + n as u64);
        }
    }
    if form.swap > 1 {
        out.par_chunks_mut(STRIP).for_each(|strip| form.convert(strip));
    }
    Ok(())
}

/// Chunks: rows of chunks own disjoint slabs of the result.
fn chunks(
    access: &Access<'_>,
    chunk_bytes: u64,
    jobs: &[ChunkJob],
    form: &Form<'_>,
    out: &mut [u8],
) -> Result<()> {
    let mut slabs: Vec<(&mut [u8], &[ChunkJob])> = Vec::new();
    let mut rest = out;
    for group in jobs.chunk_by(|a, b| a.slab == b.slab) {
        let n = group.first().map_or(0, |j| j.slab.end - j.slab.start) as usize;
        let (slab, tail) = rest.split_at_mut_checked(n).ok_or_else(|| Error::corrupt(0, "chunks overlap"))?;
        rest = tail;
        slabs.push((slab, group));
    }
    let serial = |scratch: &mut Scratch, slab: &mut [u8], group: &[ChunkJob]| -> Result<()> {
        group.iter().try_for_each(|job| one_chunk(access, chunk_bytes, job, form, slab, scratch))
    };
    if jobs.len() == 1 || rayon::current_num_threads() == 1 {
        let mut scratch = Scratch::default();
        return slabs.into_iter().try_for_each(|(slab, group)| serial(&mut scratch, slab, group));
    }
    if slabs.len() >= 4 * rayon::current_num_threads() {
        return slabs
            .into_par_iter()
            .try_for_each_init(Scratch::default, |scratch, (slab, group)| serial(scratch, slab, group));
    }
    // Few slabs: decode their chunks side by side, in batches to bound memory, then put them in place.
    let batch = 2 * rayon::current_num_threads();
    for (slab, group) in slabs {
        for jobs in group.chunks(batch) {
            let decoded: Vec<Option<Vec<u8>>> = jobs
                .par_iter()
                .map_init(Scratch::default, |scratch, job| match &job.data {
                    ChunkData::Compressed(stream) => {
                        decode_chunk(access, stream, chunk_bytes, form, scratch)?;
                        Ok(Some(std::mem::take(&mut scratch.chunk)))
                    }
                    _ => Ok(None),
                })
                .collect::<Result<_>>()?;
            for (job, decoded) in jobs.iter().zip(decoded) {
                match decoded {
                    Some(bytes) => place(&bytes, &job.runs, form, slab),
                    None => one_chunk(access, chunk_bytes, job, form, slab, &mut Scratch::default())?,
                }
            }
        }
    }
    Ok(())
}

/// Reads one chunk into its places in the slab.
fn one_chunk(
    access: &Access<'_>,
    chunk_bytes: u64,
    job: &ChunkJob,
    form: &Form<'_>,
    slab: &mut [u8],
    scratch: &mut Scratch,
) -> Result<()> {
    let length = job.runs.length as usize;
    match &job.data {
        ChunkData::Compressed(stream) => {
            decode_chunk(access, stream, chunk_bytes, form, scratch)?;
            place(&scratch.chunk, &job.runs, form, slab);
        }
        ChunkData::Plain(extents) => {
            for (source, target) in job.runs.iter() {
                let dst = &mut slab[target as usize..][..length];
                form.copy(access.source, extents, source, dst)?;
                form.convert(dst);
            }
        }
        ChunkData::Missing => {
            for (source, target) in job.runs.iter() {
                let dst = &mut slab[target as usize..][..length];
                form.fill(dst, source);
                form.convert(dst);
            }
        }
    }
    Ok(())
}

/// Decodes a whole chunk into the scratch space.
fn decode_chunk(
    access: &Access<'_>,
    stream: &Compressed,
    chunk_bytes: u64,
    form: &Form<'_>,
    scratch: &mut Scratch,
) -> Result<()> {
    let payload = stream.payload.gather(access.source)?;
    // A limit on chunk bytes was enforced when the header was read.
    let mut chunk = std::mem::take(&mut scratch.chunk);
    chunk.resize(chunk_bytes as usize, 0);
    let held = stream.length.min(chunk_bytes);
    let (dst, beyond) = chunk.split_at_mut(held as usize);
    codec::decode(&stream.coder, &payload, 0, stream.length, dst, scratch)
        .map_err(|what| Error::corrupt(stream.offset(), what))?;
    form.fill(beyond, held);
    scratch.chunk = chunk;
    Ok(())
}

/// Copies the wanted part of a decoded chunk, converting it while it is in the cache.
fn place(chunk: &[u8], runs: &Runs, form: &Form<'_>, slab: &mut [u8]) {
    let length = runs.length as usize;
    for (source, target) in runs.iter() {
        let dst = &mut slab[target as usize..][..length];
        dst.copy_from_slice(&chunk[source as usize..][..length]);
        form.convert(dst);
    }
}
