//! The values of one look in one chunk: every wanted variable, sampled, computed, and laid scene on scene.
use crate::cancel::CancelToken;
use crate::cube::lookup::Lookup;
use crate::cube::plan::CubePlan;
use crate::cube::sample::LoadedScene;
use crate::cube::scene_plan::ScenePlan;
use crate::cube::sink::{CODES, Coded};
use crate::cube::wanted::VariableKind;
use crate::error::{Error, Result};
use crate::granule::Granule;
use crate::granule::dn::DnWindow;
use crate::granule::files::Files;
use crate::granule::open::open_in;
use crate::granule::spare::Spare;
use crate::grid::clip::Cover;
use crate::grid::geobox::PixelRect;
use crate::index::eval::eval_row;
use rayon::prelude::*;
use std::borrow::Cow;

/// A bad granule is left out; anything else ends the job.
pub(super) enum Failure {
    /// Index of the scene, and what is wrong with it.
    Scene(usize, Error),
    /// The end.
    Job(Error),
}

pub(super) type Attempt<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A granule is not to blame for what would happen to every other one too.
    fn of_scene(scene: usize, error: Error) -> Self {
        if error.code().concerns_all() { Self::Job(error) } else { Self::Scene(scene, error) }
    }
}

/// A scene of a look within a block, and its index in the plan.
pub(super) type Part<'a> = (usize, Cow<'a, ScenePlan>);

/// The scenes of a look that touch `block`, their windows cut to it.
pub(super) fn parts_of<'a>(plan: &'a CubePlan, look: &[usize], block: PixelRect) -> Attempt<Vec<Part<'a>>> {
    let cut = |&index: &usize| {
        let part = plan.scenes[index].within(plan, block);
        part.map(|part| part.map(|part| (index, part))).map_err(|e| Failure::Scene(index, e)).transpose()
    };
    look.iter().filter_map(cut).collect()
}

/// Decodes the windows of `parts` and hands the scenes to `act`. All decoding happens here, before the first
/// chunk is computed, into memory that windows before had.
pub(super) fn with_loaded<T>(
    plan: &CubePlan,
    parts: &[Part<'_>],
    (files, spare): (&Files, &Spare),
    cancel: &CancelToken,
    act: impl FnOnce(&[LoadedScene<'_>]) -> Attempt<T>,
) -> Attempt<T> {
    cancel.check().map_err(Failure::Job)?;
    let opened = parts
        .par_iter()
        .map(|(index, part)| open_in(&part.path, files).map_err(|e| Failure::of_scene(*index, e)));
    let granules = opened.collect::<Attempt<Vec<Box<dyn Granule>>>>()?;
    let windows = parts.par_iter().zip(&granules).map(|((index, part), granule)| {
        load(granule.as_ref(), part, spare).map_err(|e| Failure::of_scene(*index, e))
    });
    let windows = windows.collect::<Attempt<Vec<_>>>()?;
    spare.clear();
    let scenes = parts.iter().zip(windows);
    let loaded: Vec<LoadedScene<'_>> =
        scenes.map(|((_, part), windows)| LoadedScene::new(part, plan.wanted.resampling, windows)).collect();
    let acted = act(&loaded);
    loaded.into_iter().flat_map(LoadedScene::into_windows).for_each(|window| spare.give(window));
    acted
}

/// DN of every band that touches the grid, decoded in parallel.
fn load<'g>(granule: &'g dyn Granule, scene: &ScenePlan, spare: &Spare) -> Result<Vec<Option<DnWindow<'g>>>> {
    let touching = scene.bands.iter().filter(|band| !band.window.is_empty());
    let reads: Vec<_> = touching.map(|band| (band.band, band.window)).collect();
    let mut read = granule.read_all(&reads, spare)?.into_iter();
    Ok(scene.bands.iter().map(|band| if band.window.is_empty() { None } else { read.next() }).collect())
}

/// A variable in a chunk: `chunk.ny * chunk.nx` values, row by row, NaN where missing.
pub(super) enum Laid<'l> {
    Values(Vec<f32>),
    /// Their codes, where all come from one scene by look-up, and the values of the codes.
    Codes(Vec<u16>, &'l [f32; CODES]),
}

impl Laid<'_> {
    pub(super) fn into_values(self) -> Vec<f32> {
        match self {
            Self::Values(values) => values,
            Self::Codes(codes, table) => Coded { codes: &codes, table }.values(),
        }
    }

    /// The values, from now on without codes.
    fn values(&mut self) -> &mut [f32] {
        if let Self::Codes(codes, table) = self {
            *self = Self::Values(Coded { codes, table }.values());
        }
        match self {
            Self::Values(values) => values,
            Self::Codes(..) => &mut [],
        }
    }
}

/// All wanted variables in the chunk at `rect` of the grid. Nothing when no scene of the look touches the chunk.
/// `lookups` are those of the scenes, see [`lookups_of`].
pub(super) fn values<'l>(
    plan: &CubePlan,
    parts: &[Part<'_>],
    loaded: &[LoadedScene<'_>],
    lookups: &'l [Option<Vec<Lookup>>],
    rect: PixelRect,
) -> Attempt<Option<Vec<Laid<'l>>>> {
    let cover = plan.clip.as_ref().map_or(Cover::All, |clip| clip.covers(rect));
    if cover == Cover::None {
        return Ok(None);
    }
    let scenes = parts.iter().zip(loaded).zip(lookups);
    let touching = scenes.filter(|(((_, part), _), _)| part.target.intersects(&rect));
    let mut laid: Option<Vec<Laid<'_>>> = None;
    for (((index, _), scene), lookups) in touching {
        let later = match lookups {
            Some(lookups) => looked_up(plan, scene, lookups, rect),
            None => computed(plan, scene, rect),
        };
        let later = later.map_err(|e| Failure::of_scene(*index, e))?;
        match &mut laid {
            None => laid = Some(later),
            Some(chunks) => {
                for (below, above) in later.into_iter().zip(chunks) {
                    let pairs = above.values().iter_mut().zip(below.into_values());
                    pairs.for_each(|(a, b)| *a = if a.is_nan() { b } else { *a });
                }
            }
        }
    }
    if let (Cover::Some, Some(clip), Some(chunks)) = (cover, &plan.clip, &mut laid) {
        for laid in chunks {
            clip.apply(rect, plan.chunk.nx, laid.values());
        }
    }
    Ok(laid)
}

/// How the variables of each scene are looked up; nothing for a scene of which one has to be computed.
pub(super) fn lookups_of(plan: &CubePlan, loaded: &[LoadedScene<'_>]) -> Vec<Option<Vec<Lookup>>> {
    let of_variable = |scene: &LoadedScene<'_>, variable: &VariableKind| {
        let inputs = inputs_of(plan, variable).into_iter();
        let tables = inputs.map(|input| Some((input, scene.table_of(input)?))).collect::<Option<Vec<_>>>()?;
        Lookup::new(variable, &tables)
    };
    let of_scene =
        |scene| plan.wanted.variables.iter().map(|variable| of_variable(scene, variable)).collect();
    loaded.par_iter().map(of_scene).collect()
}

fn looked_up<'l>(
    plan: &CubePlan,
    scene: &LoadedScene<'_>,
    lookups: &'l [Lookup],
    rect: PixelRect,
) -> Result<Vec<Laid<'l>>> {
    let mut sampler = scene.chunk(plan, rect)?;
    let pixels = plan.chunk.ny * plan.chunk.nx;
    let mut rows = vec![vec![0u16; rect.columns]; plan.wanted.inputs.len()];
    // Code 0 is missing.
    let mut chunks = vec![vec![0u16; pixels]; lookups.len()];
    for y in 0..rect.rows {
        sampler.dn_row(rect.row + y, &mut rows);
        let at = y * plan.chunk.nx;
        for (lookup, codes) in lookups.iter().zip(&mut chunks) {
            lookup.row(&rows, &mut codes[at..at + rect.columns]);
        }
    }
    Ok(chunks.into_iter().zip(lookups).map(|(codes, lookup)| Laid::Codes(codes, lookup.table())).collect())
}

fn computed<'l>(plan: &CubePlan, scene: &LoadedScene<'_>, rect: PixelRect) -> Result<Vec<Laid<'l>>> {
    let mut sampler = scene.chunk(plan, rect)?;
    let variables = &plan.wanted.variables;
    let sources: Vec<Vec<usize>> = variables.iter().map(|v| inputs_of(plan, v)).collect();
    let mut rows = vec![vec![0f32; rect.columns]; plan.wanted.inputs.len()];
    let mut chunks = vec![vec![f32::NAN; plan.chunk.ny * plan.chunk.nx]; variables.len()];
    for y in 0..rect.rows {
        sampler.row(rect.row + y, &mut rows);
        let at = y * plan.chunk.nx;
        for ((variable, source), chunk) in variables.iter().zip(&sources).zip(&mut chunks) {
            let out = &mut chunk[at..at + rect.columns];
            match (variable, source.as_slice()) {
                (VariableKind::Band(_), [only]) => out.copy_from_slice(&rows[*only]),
                (VariableKind::Index(index, _), list) => {
                    let inputs: Vec<&[f32]> = list.iter().map(|&i| rows[i].as_slice()).collect();
                    eval_row(index, &inputs, out);
                }
                _ => {}
            }
        }
    }
    Ok(chunks.into_iter().map(Laid::Values).collect())
}

/// Where a variable's inputs stand among the plan's.
fn inputs_of(plan: &CubePlan, variable: &VariableKind) -> Vec<usize> {
    let wanted = variable.inputs();
    wanted.iter().filter_map(|w| plan.wanted.inputs.iter().position(|i| i == w)).collect()
}
