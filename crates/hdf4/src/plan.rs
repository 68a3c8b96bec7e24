//! From a window of an array to the byte ranges and copies it takes, before any value is read.
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::ops::Range;

use crate::dataset::Dataset;
use crate::element::{Access, Extents, Layout};
use crate::error::{Error, Result};
use crate::special::chunked::{ChunkData, ChunkedHeader};
use crate::special::compressed::Compressed;
use crate::special::external::External;
use crate::tag;

/// A box inside an array: first index and number of values along every dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// First index along every dimension.
    pub start: Vec<u64>,
    /// Number of values along every dimension.
    pub count: Vec<u64>,
}

impl Window {
    /// The whole array.
    pub fn whole(dataset: &Dataset) -> Window {
        Window { start: vec![0; dataset.dims().len()], count: dataset.dims().to_vec() }
    }

    /// `rows` x `cols` values of a two-dimensional array from (`row`, `col`).
    pub fn rows_cols(row: u64, col: u64, rows: u64, cols: u64) -> Window {
        Window { start: vec![row, col], count: vec![rows, cols] }
    }

    /// Number of values, or `None` if there are too many to count.
    pub fn len(&self) -> Option<u64> {
        self.count.iter().try_fold(1u64, |p, &c| p.checked_mul(c))
    }

    /// Whether the window holds no values.
    pub fn is_empty(&self) -> bool {
        self.count.contains(&0)
    }

    fn check(&self, dims: &[u64]) -> Result<()> {
        let rank = dims.len();
        if self.start.len() != rank || self.count.len() != rank {
            let given = self.start.len().max(self.count.len());
            return Err(Error::usage(format!("the window has {given} dimensions, the array {rank}")));
        }
        for (i, &dim) in dims.iter().enumerate() {
            let (start, count) = (self.start[i], self.count[i]);
            if start.checked_add(count).is_none_or(|end| end > dim) {
                return Err(Error::usage(format!(
                    "the window takes {count} values from {start} along dimension {i}, which has {dim}"
                )));
            }
        }
        Ok(())
    }
}

/// Sorts ranges and joins those that overlap or lie at most `gap` bytes apart.
pub fn coalesce(mut ranges: Vec<Range<u64>>, gap: u64) -> Vec<Range<u64>> {
    ranges.retain(|r| r.start < r.end);
    ranges.sort_by_key(|r| r.start);
    let mut joined: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end.saturating_add(gap) => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

/// Copies of equally long contiguous runs between two arrays of different shape; offsets are in bytes.
#[derive(Debug, Clone)]
pub(crate) struct Runs {
    /// (count, source stride, target stride) of the dimensions walked through, slowest first.
    outer: Vec<(u64, u64, u64)>,
    source: u64,
    target: u64,
    /// Bytes of one run.
    pub(crate) length: u64,
    /// Number of runs.
    pub(crate) total: u64,
}

impl Runs {
    /// Runs of a box of `count` values at `from` in an array of shape `dims`, going to `to` in one of shape `target`.
    fn new(count: &[u64], dims: &[u64], from: &[u64], target: &[u64], to: &[u64], size: u64) -> Runs {
        let mut runs = Runs { outer: Vec::new(), source: 0, target: 0, length: size, total: 1 };
        let (mut step, mut step_to, mut dense) = (size, size, true);
        for i in (0..count.len()).rev() {
            if dense {
                runs.length *= count[i];
                dense = count[i] == dims[i] && count[i] == target[i];
            } else {
                runs.outer.push((count[i], step, step_to));
                runs.total *= count[i];
            }
            runs.source += from[i] * step;
            runs.target += to[i] * step_to;
            // Both shapes fit in memory or in a checked product, so these do too.
            step *= dims[i];
            step_to *= target[i];
        }
        runs.outer.reverse();
        if runs.length == 0 {
            runs.total = 0;
        }
        runs
    }

    /// Source and target offset of one run.
    pub(crate) fn get(&self, mut index: u64) -> (u64, u64) {
        let (mut source, mut target) = (self.source, self.target);
        for &(count, step, step_to) in self.outer.iter().rev() {
            let at = index % count;
            index /= count;
            source += at * step;
            target += at * step_to;
        }
        (source, target)
    }

    /// All runs as (source, target).
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        (0..self.total).map(|i| self.get(i))
    }

    /// First and last source byte touched.
    pub(crate) fn span(&self) -> Range<u64> {
        match self.total.checked_sub(1) {
            Some(last) => self.get(0).0..self.get(last).0 + self.length,
            None => 0..0,
        }
    }
}

/// What reading a window takes.
pub(crate) struct Plan<'d> {
    /// Bytes of the result.
    pub(crate) bytes: u64,
    pub(crate) work: Work<'d>,
}

/// The kinds of work, one per storage.
pub(crate) enum Work<'d> {
    /// Nothing is stored.
    Fill,
    /// Copy runs of stored bytes.
    Plain(Cow<'d, Extents>, Runs),
    /// Copy runs of bytes of another file.
    External(&'d External, Runs),
    /// Decode a stream, then copy runs of it.
    Stream(&'d Compressed, Runs),
    /// Decode or copy chunks; they follow each other slab by slab.
    Chunks(&'d ChunkedHeader, Vec<ChunkJob>),
}

/// One chunk and where its values go.
pub(crate) struct ChunkJob {
    /// Byte range of the result shared by all chunks of this row of chunks.
    pub(crate) slab: Range<u64>,
    /// From the chunk to the slab.
    pub(crate) runs: Runs,
    pub(crate) data: ChunkData,
}

/// Plans a window.
pub(crate) fn plan<'d>(access: &Access<'_>, dataset: &'d Dataset, window: &Window) -> Result<Plan<'d>> {
    let layout = dataset.layout()?;
    window.check(dataset.dims())?;
    let size = dataset.size();
    let bytes = window.len().and_then(|n| n.checked_mul(size)).unwrap_or(u64::MAX);
    if bytes > access.limits.max_decoded_bytes {
        return Err(Error::limit("bytes of the window", bytes, access.limits.max_decoded_bytes));
    }
    let origin = vec![0; window.count.len()];
    let runs = || {
        let runs = Runs::new(&window.count, dataset.dims(), &window.start, &window.count, &origin, size);
        if runs.total > access.limits.max_runs {
            return Err(Error::limit("runs of the window", runs.total, access.limits.max_runs));
        }
        Ok(runs)
    };
    let work = match layout {
        _ if bytes == 0 => Work::Fill,
        Layout::Empty => Work::Fill,
        Layout::Flat(span) => Work::Plain(Cow::Owned(Extents::flat(span.clone())), runs()?),
        Layout::Linked(extents) => Work::Plain(Cow::Borrowed(extents), runs()?),
        Layout::External(external) => Work::External(external, runs()?),
        Layout::Compressed(stream) => {
            let runs = runs()?;
            stream.plausible(runs.span().end.min(stream.length))?;
            Work::Stream(stream, runs)
        }
        Layout::Chunked(header) => Work::Chunks(header, chunk_jobs(access, dataset, header, window)?),
    };
    Ok(Plan { bytes, work })
}

fn chunk_jobs(
    access: &Access<'_>,
    dataset: &Dataset,
    header: &ChunkedHeader,
    window: &Window,
) -> Result<Vec<ChunkJob>> {
    let table = dataset.table(access, header)?;
    let rank = window.count.len();
    let first: Vec<u64> = (0..rank).map(|i| window.start[i] / header.chunk[i]).collect();
    let last: Vec<u64> =
        (0..rank).map(|i| (window.start[i] + window.count[i] - 1) / header.chunk[i]).collect();
    let touched = (0..rank).try_fold(1u64, |p, i| p.checked_mul(last[i] - first[i] + 1)).unwrap_or(u64::MAX);
    if touched > access.limits.max_chunks {
        return Err(Error::limit("chunks of the window", touched, access.limits.max_chunks));
    }
    let counts = header.counts();
    let row = window.count[1..].iter().product::<u64>() * dataset.size();
    let mut found = Vec::new();
    let mut at = first.clone();
    loop {
        let number = at.iter().zip(&counts).fold(0u64, |n, (&a, &c)| n.saturating_mul(c).saturating_add(a));
        found.push((at.clone(), table.get(&number).copied()));
        let Some(i) = (0..rank).rev().find(|&i| at[i] < last[i]) else { break };
        at[i] += 1;
        at[i + 1..].copy_from_slice(&first[i + 1..]);
    }
    // The headers of compressed chunks, together; plain chunks are read in part only.
    let special = |&r: &u16| access.directory.get(tag::CHUNK, r).is_some_and(|d| d.special);
    access.announce(found.iter().filter_map(|f| f.1).filter(special).map(|r| (tag::CHUNK, r)))?;
    let mut jobs = Vec::with_capacity(found.len());
    for (at, reference) in found {
        let (mut from, mut to, mut count) = (Vec::new(), Vec::new(), Vec::new());
        for (i, &at) in at.iter().enumerate() {
            let corner = at * header.chunk[i];
            let begin = corner.max(window.start[i]);
            let end = (corner + header.chunk[i]).min(window.start[i] + window.count[i]);
            from.push(begin - corner);
            to.push(begin - window.start[i]);
            count.push(end - begin);
        }
        let slab = to[0] * row..(to[0] + count[0]) * row;
        to[0] = 0;
        let mut target = window.count.clone();
        target[0] = count[0];
        let runs = Runs::new(&count, &header.chunk, &from, &target, &to, dataset.size());
        let data = match reference {
            Some(reference) => ChunkData::resolve(access, reference)?,
            None => ChunkData::Missing,
        };
        if let ChunkData::Compressed(stream) = &data {
            stream.plausible(stream.length.min(header.chunk_bytes))?;
        }
        jobs.push(ChunkJob { slab, runs, data });
    }
    Ok(jobs)
}

impl Plan<'_> {
    /// Byte ranges of the file that hold the window, sorted and disjoint.
    pub(crate) fn ranges(&self) -> Result<Vec<Range<u64>>> {
        let mut ranges = Vec::new();
        match &self.work {
            Work::Fill => {}
            Work::Plain(extents, runs) => stored(extents, runs, &mut ranges),
            Work::External(external, _) => {
                return Err(Error::unsupported(format!(
                    "planning data in the external file \"{}\"",
                    external.name.escape_debug()
                )));
            }
            Work::Stream(stream, _) => payload(stream, &mut ranges),
            Work::Chunks(_, jobs) => {
                for job in jobs {
                    match &job.data {
                        ChunkData::Missing => {}
                        ChunkData::Plain(extents) => stored(extents, &job.runs, &mut ranges),
                        ChunkData::Compressed(stream) => payload(stream, &mut ranges),
                    }
                }
            }
        }
        Ok(coalesce(ranges, 0))
    }

    /// Bytes of the array, before decoding limits, that the file really holds for this window (an upper bound).
    pub(crate) fn backed(&self) -> u64 {
        match &self.work {
            Work::Fill => 0,
            Work::Plain(extents, _) => extents.stored(),
            Work::External(external, _) => external.length,
            Work::Stream(stream, _) => stream.length,
            Work::Chunks(header, jobs) => {
                let held = jobs.iter().filter(|j| !matches!(j.data, ChunkData::Missing)).count() as u64;
                held.saturating_mul(header.chunk_bytes)
            }
        }
    }
}

fn stored(extents: &Extents, runs: &Runs, ranges: &mut Vec<Range<u64>>) {
    for (source, _) in runs.iter() {
        let mut at = source;
        while at < source + runs.length {
            // Pieces are counted in `usize`; a run longer than that is walked in steps.
            let n = (source + runs.length - at).min(1 << 30);
            for piece in extents.pieces(at, n as usize) {
                if let Some(offset) = piece.offset {
                    let range = offset..offset + piece.buffer.len() as u64;
                    match ranges.last_mut() {
                        Some(last) if last.end == range.start => last.end = range.end,
                        _ => ranges.push(range),
                    }
                }
            }
            at += n;
        }
    }
}

fn payload(stream: &Compressed, ranges: &mut Vec<Range<u64>>) {
    ranges.extend(stream.payload.parts.iter().map(|p| p.offset..p.offset + p.len));
}
