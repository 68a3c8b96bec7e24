//! Runs a plan: looks and chunks in the plan's order; computes and encodes in parallel, stores in a fixed order.
use crate::cancel::CancelToken;
use crate::cube::collect::Collected;
use crate::cube::encode::{Made, encode, encode_coded, observe};
use crate::cube::look::{Attempt, Failure, Laid, Part, lookups_of, parts_of, values, with_loaded};
use crate::cube::plan::{CubePlan, Order};
use crate::cube::progress::Progress;
use crate::cube::record::{StepRecord, record_of};
use crate::cube::sample::LoadedScene;
use crate::cube::scene_plan::{ScenePlan, Skipped};
use crate::cube::sink::{ChunkKey, ChunkObserver, ChunkSink, Coded, CubeLayout};
use crate::cube::steps::{Look, StepPlan};
use crate::cube::storable::make_storable;
use crate::cube::tally::{Counts, Tally, add};
use crate::error::{Error, ErrorCode, Result};
use crate::event::{EventKind, EventListener};
use crate::granule::files::Files;
use crate::granule::spare::Spare;
use crate::grid::geobox::PixelRect;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// What execution leaves behind for the report.
#[derive(Debug, Default)]
pub struct Executed {
    /// Time steps that came.
    pub records: Vec<StepRecord>,
    /// Indices of each step's scenes in the plan.
    pub scenes: Vec<Vec<usize>>,
    /// Scenes whose data turned out to be bad.
    pub skipped: Vec<Skipped>,
    /// Bytes of DN read.
    pub bytes_read: u64,
    /// Bytes stored.
    pub bytes_written: u64,
    /// Values per variable of the output that its packed range does not hold; they are missing.
    pub beyond_packing: Vec<u64>,
}

/// Everything a run needs besides the plan.
pub struct Surroundings<'a> {
    /// What the sink was made for.
    pub layout: &'a CubeLayout,
    /// Where chunks go.
    pub sink: &'a dyn ChunkSink,
    /// Sees every chunk's values as well.
    pub observer: Option<&'a dyn ChunkObserver>,
    /// Progress.
    pub listener: &'a EventListener,
    /// Where granules' files are.
    pub files: &'a Files,
    /// Request to stop.
    pub cancel: &'a CancelToken,
    /// Stop at the first bad granule.
    pub strict: bool,
}

/// Runs `plan` within the current rayon pool.
///
/// # Errors
/// `CANCELLED`, errors of the sink, with `strict` the first bad granule, and `CORRUPT` when every granule is bad.
pub fn execute(plan: &CubePlan, around: &Surroundings<'_>) -> Result<Executed> {
    let variables = around.layout.variables.len();
    let done = Executed { beyond_packing: vec![0; variables], ..Executed::default() };
    let progress = Progress::new(plan, around.listener);
    let spare = Spare::default();
    let mut run = Run { plan, around, done, progress, left_out: Vec::new(), spare: &spare };
    run.progress.tell(EventKind::Planned, None, None);
    match plan.order {
        Order::Steps => run.by_steps()?,
        Order::Blocks => run.by_blocks()?,
    }
    if run.done.records.is_empty() {
        let first = run.done.skipped.into_iter().next();
        return Err(first.map_or_else(
            || Error::new(ErrorCode::NotFound, "no scene could be used"),
            |s| s.error.at(&s.path),
        ));
    }
    run.done.bytes_read = run.progress.counters.bytes_read;
    run.done.bytes_written = run.progress.counters.bytes_written;
    Ok(run.done)
}

/// A completed unit of work, as an interrupted output keeps it: a time step, or a block of the grid.
#[derive(Debug, Serialize, Deserialize)]
struct Unit {
    /// Scenes left out so far, as indices into the plan.
    left_out: Vec<usize>,
    /// Number of the time step in the plan.
    planned: usize,
    /// The record of that step.
    step: Option<StepRecord>,
    /// Valid pixels of the block, `[step][variable]`.
    valid_pixels: Vec<Vec<u64>>,
    /// Values per variable that the packed range does not hold.
    beyond_packing: Vec<u64>,
}

struct Run<'a> {
    plan: &'a CubePlan,
    around: &'a Surroundings<'a>,
    done: Executed,
    progress: Progress<'a>,
    left_out: Vec<usize>,
    /// Of the look before.
    spare: &'a Spare,
}

impl<'a> Run<'a> {
    fn by_steps(&mut self) -> Result<()> {
        let mut first = 0;
        for unit in self.resumed()? {
            let Some(record) = unit.step else { break };
            self.leave_out_again(&unit.left_out);
            add(&mut self.done.beyond_packing, &unit.beyond_packing);
            first = unit.planned + 1;
            if let Some(step) = self.plan.steps.get(unit.planned).and_then(|s| s.without(&self.left_out)) {
                self.finished(&step, record);
            }
        }
        for (planned, step) in self.plan.steps.iter().enumerate().skip(first) {
            while let Some(step) = step.without(&self.left_out) {
                match self.step(&step) {
                    Ok((record, lost)) => {
                        self.checkpoint(planned, Some(record.clone()), Vec::new(), lost)?;
                        self.finished(&step, record);
                        break;
                    }
                    // The step is done again without the scene, or its number goes to the next one: what was
                    // stored of it must go.
                    Err(Failure::Scene(scene, error)) => {
                        self.leave_out(scene, error, self.done.records.len())?
                    }
                    Err(Failure::Job(error)) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// One look, block after block; what is known of it, and the values lost to packing.
    fn step(&mut self, step: &StepPlan) -> Attempt<(StepRecord, Vec<u64>)> {
        let (plan, around, spare) = (self.plan, self.around, self.spare);
        let time = self.done.records.len();
        let mut tally = Tally::of(around.layout.variables.len());
        let mut saturated = Vec::new();
        for (look, block) in step.looks.iter().flat_map(|l| plan.blocks.iter().map(move |b| (l, *b))) {
            let parts = parts_of(plan, look, plan.pixels_of(block))?;
            with_loaded(plan, &parts, (around.files, spare), around.cancel, |loaded| {
                self.has_read(&parts);
                saturated = loaded.iter().map(|scene| saturated_of(plan, scene)).collect();
                let touched = positions_of(plan, &parts, block);
                let lookups = lookups_of(plan, loaded);
                self.pipeline(touched, &mut tally, |(row, column)| {
                    let laid = values(plan, &parts, loaded, &lookups, plan.chunk_rect(row, column))?;
                    let mut made = Vec::new();
                    for (variable, laid) in laid.into_iter().flatten().enumerate() {
                        let key = ChunkKey { variable, time, row, column };
                        let encoded = match laid {
                            Laid::Codes(codes, table) => {
                                encode_coded(around, key, Coded { codes: &codes, table })
                            }
                            Laid::Values(mut values) => encode(around, key, &mut values, true),
                        };
                        made.extend(encoded.map_err(Failure::Job)?);
                    }
                    Ok(made)
                })
            })?;
        }
        let whole = plan.blocks.len() == 1;
        Ok((record_of(plan, step, tally.valid, whole.then_some(saturated)), tally.lost))
    }

    fn by_blocks(&mut self) -> Result<()> {
        let resumed = self.resumed()?;
        if let Some(last) = resumed.last() {
            self.leave_out_again(&last.left_out);
        }
        let mut first = resumed.len();
        let mut valid = Counts::default();
        for unit in &resumed {
            valid.add(&unit.valid_pixels);
            add(&mut self.done.beyond_packing, &unit.beyond_packing);
        }
        'all: loop {
            let steps: Vec<StepPlan> =
                self.plan.steps.iter().filter_map(|s| s.without(&self.left_out)).collect();
            for block in self.plan.blocks.iter().skip(first) {
                match self.block(*block, &steps) {
                    Ok((counts, lost)) => {
                        valid.add(&counts);
                        self.checkpoint(0, None, counts, lost)?;
                    }
                    // The scene may be in blocks that are done: all begins anew without it.
                    Err(Failure::Scene(scene, error)) => {
                        self.leave_out(scene, error, 0)?;
                        (first, valid) = (0, Counts::default());
                        self.done.beyond_packing.fill(0);
                        continue 'all;
                    }
                    Err(Failure::Job(error)) => return Err(error),
                }
            }
            for (number, step) in steps.iter().enumerate() {
                let counts = valid.of_step(number, self.around.layout.variables.len());
                self.finished(step, record_of(self.plan, step, counts, None));
            }
            return Ok(());
        }
    }

    /// All time steps of a block; its valid pixels, `[step][variable]`, and the values lost to packing.
    fn block(&mut self, block: PixelRect, steps: &[StepPlan]) -> Attempt<(Vec<Vec<u64>>, Vec<u64>)> {
        let (plan, around) = (self.plan, self.around);
        let variables = around.layout.variables.len();
        let (mut counts, mut lost) = (Vec::new(), vec![0; variables]);
        for (number, together) in steps.chunks(plan.chunk_steps).enumerate() {
            let time = number * plan.chunk_steps;
            let positions = positions_in(block);
            let mut states: Vec<Option<Collected>> = positions.iter().map(|_| None).collect();
            for (place, step) in together.iter().enumerate() {
                let mut tally = Tally::of(plan.wanted.variables.len());
                for look in &step.looks {
                    self.collect(look, block, (time, place), &mut states, &mut tally)?;
                }
                add(&mut lost, &tally.lost);
                counts.push(tally.valid);
            }
            let collected: Vec<((usize, usize), Collected)> =
                positions.into_iter().zip(states).filter_map(|(at, state)| Some((at, state?))).collect();
            let mut tally = Tally::of(variables);
            self.pipeline(collected, &mut tally, |((row, column), state)| {
                let mut made = Vec::new();
                let finished = state.finish(plan, |variable, values| {
                    let key = ChunkKey { variable, time, row, column };
                    made.extend(encode(around, key, values, plan.wanted.reduction.is_some())?);
                    Ok(())
                });
                finished.map_err(Failure::Job)?;
                Ok(made)
            })?;
            if let (true, Some(last)) = (plan.wanted.reduction.is_some(), counts.last_mut()) {
                *last = tally.valid;
            }
            add(&mut lost, &tally.lost);
        }
        Ok((counts, lost))
    }

    /// Adds a look to the states of a block's chunks.
    fn collect(
        &mut self,
        look: &Look,
        block: PixelRect,
        (time, place): (usize, usize),
        states: &mut [Option<Collected>],
        tally: &mut Tally,
    ) -> Attempt<()> {
        let (plan, around, spare) = (self.plan, self.around, self.spare);
        let parts = parts_of(plan, look, plan.pixels_of(block))?;
        if parts.is_empty() {
            return Ok(());
        }
        let counted = with_loaded(plan, &parts, (around.files, spare), around.cancel, |loaded| {
            self.has_read(&parts);
            let lookups = lookups_of(plan, loaded);
            let each = positions_in(block).into_par_iter().zip(states.par_iter_mut());
            let counted = each.map(|((row, column), state)| {
                let Some(laid) = values(plan, &parts, loaded, &lookups, plan.chunk_rect(row, column))? else {
                    return Ok(None);
                };
                let mut laid: Vec<Vec<f32>> = laid.into_iter().map(Laid::into_values).collect();
                let mut counts = Tally::of(laid.len());
                for (variable, values) in laid.iter_mut().enumerate() {
                    if plan.wanted.reduction.is_none() {
                        let spec = &around.layout.variables[variable];
                        counts.lost[variable] = make_storable(spec, values).map_err(Failure::Job)?;
                        observe(around, ChunkKey { variable, time: time + place, row, column }, values);
                    }
                    counts.valid[variable] = values.iter().filter(|v| !v.is_nan()).count() as u64;
                }
                if counts.valid.iter().any(|n| *n > 0) {
                    let state = state.get_or_insert_with(|| Collected::new(plan));
                    state.add(place, laid).map_err(Failure::Job)?;
                }
                Ok(Some(counts))
            });
            counted.collect::<Attempt<Vec<Option<Tally>>>>()
        })?;
        for counts in counted.iter().flatten() {
            add(&mut tally.valid, &counts.valid);
            add(&mut tally.lost, &counts.lost);
        }
        self.progress.moved(counted.iter().flatten().count(), 0);
        Ok(())
    }

    /// Makes batch after batch while the batch before is stored: stores come in one order whatever the number
    /// of threads, so the bytes of the output do not depend on it.
    fn pipeline<T: Send>(
        &mut self,
        items: Vec<T>,
        tally: &mut Tally,
        make: impl Fn(T) -> Attempt<Vec<Made>> + Sync,
    ) -> Attempt<()> {
        let around = self.around;
        let mut items = items.into_iter();
        let mut waiting: Vec<Made> = Vec::new();
        loop {
            around.cancel.check().map_err(Failure::Job)?;
            let batch: Vec<T> = items.by_ref().take(self.plan.batch.max(1)).collect();
            let (count, is_last) = (batch.len(), batch.is_empty());
            for (chunk, lost) in &waiting {
                tally.valid[chunk.key.variable] += chunk.valid;
                tally.lost[chunk.key.variable] += lost;
            }
            let (stored, made) = rayon::join(
                || waiting.into_iter().map(|(chunk, _)| around.sink.store(chunk)).sum::<Result<u64>>(),
                || batch.into_par_iter().map(&make).collect::<Attempt<Vec<_>>>(),
            );
            let chunks = if self.plan.order == Order::Steps { count } else { 0 };
            self.progress.moved(chunks, stored.map_err(Failure::Job)?);
            waiting = made?.into_iter().flatten().collect();
            if is_last {
                return Ok(());
            }
        }
    }

    fn has_read(&mut self, parts: &[Part<'_>]) {
        let bands = parts.iter().flat_map(|(_, part)| &part.bands);
        self.progress.counters.bytes_read += bands.map(|b| b.window_bytes).sum::<u64>();
    }

    fn finished(&mut self, step: &StepPlan, record: StepRecord) {
        self.done.records.push(record);
        self.done.scenes.push(step.scenes().collect());
        for scene in step.scenes() {
            self.progress.counters.scenes_done += 1;
            self.progress.tell(EventKind::Scene, Some(self.plan.scenes[scene].path.clone()), None);
        }
    }

    fn leave_out(&mut self, scene: usize, error: Error, time_steps: usize) -> Result<()> {
        let ScenePlan { path, facts, .. } = &self.plan.scenes[scene];
        if self.around.strict {
            return Err(error.at(path));
        }
        self.left_out.push(scene);
        self.progress.counters.scenes_done += 1;
        self.progress.tell(EventKind::Skipped, Some(path.clone()), Some(error.message().to_string()));
        self.done.skipped.push(Skipped { path: path.clone(), id: Some(facts.name.id.clone()), error });
        self.around.sink.rewind(time_steps)?;
        if let Some(observer) = self.around.observer {
            observer.rewind(time_steps);
        }
        Ok(())
    }

    /// Scenes that an interrupted run left out are left out again.
    fn leave_out_again(&mut self, scenes: &[usize]) {
        for &scene in scenes.iter().filter(|s| **s < self.plan.scenes.len()) {
            if !self.left_out.contains(&scene) {
                let ScenePlan { path, facts, .. } = &self.plan.scenes[scene];
                let error = Error::new(ErrorCode::Corrupt, "left out by the run that was interrupted");
                let skipped = Skipped { path: path.clone(), id: Some(facts.name.id.clone()), error };
                self.left_out.push(scene);
                self.done.skipped.push(skipped);
            }
        }
    }

    fn resumed(&self) -> Result<Vec<Unit>> {
        let units = self.around.sink.resumed().into_iter();
        let failed = |e| Error::internal(format!("the journal of the output cannot be understood: {e}"));
        units.map(|text| serde_json::from_str(&text).map_err(failed)).collect()
    }

    /// Ends a unit of work: what it lost to packing counts from here on.
    fn checkpoint(
        &mut self,
        planned: usize,
        step: Option<StepRecord>,
        valid_pixels: Vec<Vec<u64>>,
        beyond_packing: Vec<u64>,
    ) -> Result<()> {
        add(&mut self.done.beyond_packing, &beyond_packing);
        let unit = Unit { left_out: self.left_out.clone(), planned, step, valid_pixels, beyond_packing };
        let text = serde_json::to_string(&unit).map_err(|e| Error::internal(format!("no JSON: {e}")))?;
        self.around.sink.checkpoint(&text)
    }
}

/// Source pixels at the top of the DN range, per input of the plan.
fn saturated_of(plan: &CubePlan, scene: &LoadedScene<'_>) -> Vec<u64> {
    (0..plan.wanted.inputs.len()).map(|input| scene.saturated(input)).collect()
}

/// Rows and columns of the chunks of a block.
fn positions_in(block: PixelRect) -> Vec<(usize, usize)> {
    let rows = block.row..block.row + block.rows;
    rows.flat_map(|r| (block.column..block.column + block.columns).map(move |c| (r, c))).collect()
}

/// Those that some part touches.
fn positions_of(plan: &CubePlan, parts: &[Part<'_>], block: PixelRect) -> Vec<(usize, usize)> {
    let touches = |(row, column): &(usize, usize)| {
        let rect = plan.chunk_rect(*row, *column);
        parts.iter().any(|(_, part)| part.target.intersects(&rect))
    };
    positions_in(block).into_iter().filter(touches).collect()
}
