//! The values of one look in one chunk: every wanted variable, sampled, computed, and laid scene on scene.
use crate::cancel::CancelToken;
use crate::cube::plan::CubePlan;
use crate::cube::sample::LoadedScene;
use crate::cube::scene_plan::ScenePlan;
use crate::cube::wanted::VariableKind;
use crate::error::{Error, Result};
use crate::granule::dn::DnWindow;
use crate::granule::{Granule, open::open};
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
/// chunk is computed.
pub(super) fn with_loaded<T>(
    plan: &CubePlan,
    parts: &[Part<'_>],
    cancel: &CancelToken,
    act: impl FnOnce(&[LoadedScene<'_>]) -> Attempt<T>,
) -> Attempt<T> {
    cancel.check().map_err(Failure::Job)?;
    let opened =
        parts.par_iter().map(|(index, part)| open(&part.path).map_err(|e| Failure::Scene(*index, e)));
    let granules = opened.collect::<Attempt<Vec<Box<dyn Granule>>>>()?;
    let windows = parts
        .par_iter()
        .zip(&granules)
        .map(|((index, part), granule)| load(granule.as_ref(), part).map_err(|e| Failure::Scene(*index, e)));
    let windows = windows.collect::<Attempt<Vec<_>>>()?;
    let scenes = parts.iter().zip(windows);
    let loaded: Vec<LoadedScene<'_>> =
        scenes.map(|((_, part), windows)| LoadedScene::new(part, plan.wanted.resampling, windows)).collect();
    act(&loaded)
}

/// DN of every band that touches the grid, decoded in parallel.
fn load<'g>(granule: &'g dyn Granule, scene: &ScenePlan) -> Result<Vec<Option<DnWindow<'g>>>> {
    let read = scene.bands.par_iter().map(|band| match band.window.is_empty() {
        true => Ok(None),
        false => granule.read(band.band, band.window).map(Some),
    });
    read.collect()
}

/// Values of all wanted variables in the chunk at `rect` of the grid: `[variable]`, each of `chunk.ny * chunk.nx`
/// values row by row, NaN where missing. Nothing when no scene of the look touches the chunk.
pub(super) fn values(
    plan: &CubePlan,
    parts: &[Part<'_>],
    loaded: &[LoadedScene<'_>],
    rect: PixelRect,
) -> Attempt<Option<Vec<Vec<f32>>>> {
    let cover = plan.clip.as_ref().map_or(Cover::All, |clip| clip.covers(rect));
    if cover == Cover::None {
        return Ok(None);
    }
    let touching = parts.iter().zip(loaded).filter(|((_, part), _)| part.target.intersects(&rect));
    let mut laid: Option<Vec<Vec<f32>>> = None;
    for ((index, _), scene) in touching {
        let later = of_scene(plan, scene, rect).map_err(|e| Failure::Scene(*index, e))?;
        match &mut laid {
            None => laid = Some(later),
            Some(chunks) => {
                for (below, above) in later.iter().zip(chunks) {
                    above.iter_mut().zip(below).for_each(|(a, b)| *a = if a.is_nan() { *b } else { *a });
                }
            }
        }
    }
    if let (Cover::Some, Some(clip), Some(chunks)) = (cover, &plan.clip, &mut laid) {
        chunks.iter_mut().for_each(|values| clip.apply(rect, plan.chunk.nx, values));
    }
    Ok(laid)
}

fn of_scene(plan: &CubePlan, loaded: &LoadedScene<'_>, rect: PixelRect) -> Result<Vec<Vec<f32>>> {
    let mut sampler = loaded.chunk(plan, rect)?;
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
    Ok(chunks)
}

/// Where a variable's inputs stand among the plan's.
fn inputs_of(plan: &CubePlan, variable: &VariableKind) -> Vec<usize> {
    let wanted = variable.inputs();
    wanted.iter().filter_map(|w| plan.wanted.inputs.iter().position(|i| i == w)).collect()
}
