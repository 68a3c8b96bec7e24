//! Time steps: which scenes make a look at the place, and which looks make a step of the output.
use crate::cube::scene_plan::ScenePlan;
use crate::cube::wanted::Wanted;
use jiff::Timestamp;

/// Scenes that are laid on one another before anything else: of each variable and pixel the earliest scene with
/// a value counts. Indices into the plan's scenes, in time order.
pub type Look = Vec<usize>;

/// One time step.
#[derive(Debug, Clone, PartialEq)]
pub struct StepPlan {
    /// Acquisition of the first scene, or the label of the period.
    pub time: Timestamp,
    /// Beginning and end of the period; all of time, where looks are reduced without periods.
    pub period: Option<(Timestamp, Timestamp)>,
    /// Looks in time order; one, unless looks are reduced.
    pub looks: Vec<Look>,
}

impl StepPlan {
    /// Scenes of all looks.
    pub fn scenes(&self) -> impl Iterator<Item = usize> + '_ {
        self.looks.iter().flatten().copied()
    }

    /// The step without some scenes; nothing when none is left.
    pub fn without(&self, left_out: &[usize]) -> Option<Self> {
        let keep = |look: &Look| -> Look { look.iter().copied().filter(|s| !left_out.contains(s)).collect() };
        let looks: Vec<Look> = self.looks.iter().map(keep).filter(|look| !look.is_empty()).collect();
        (!looks.is_empty()).then(|| Self { looks, ..self.clone() })
    }
}

/// The time steps of `scenes`, which are in time order.
pub(super) fn steps_of(scenes: &[ScenePlan], wanted: &Wanted) -> Vec<StepPlan> {
    let places: Vec<(Timestamp, f64)> = scenes.iter().map(|s| (s.facts.time, centre_longitude(s))).collect();
    let looks = wanted.group_by.groups(&places);
    let time_of = |look: &Look| look.first().map_or(Timestamp::UNIX_EPOCH, |&s| scenes[s].facts.time);
    let Some(reduction) = &wanted.reduction else {
        let single = |look: Look| StepPlan { time: time_of(&look), period: None, looks: vec![look] };
        return looks.into_iter().map(single).collect();
    };
    match reduction.period {
        Some(period) => {
            let times: Vec<Timestamp> = looks.iter().map(time_of).collect();
            let bins = period.bins(&times).into_iter();
            bins.map(|(bin, members)| StepPlan {
                time: bin.label,
                period: Some((bin.start, bin.end)),
                looks: members.into_iter().filter_map(|i| looks.get(i).cloned()).collect(),
            })
            .collect()
        }
        None => {
            let times = || scenes.iter().map(|s| s.facts.time);
            let (Some(first), Some(last)) = (times().min(), times().max()) else { return Vec::new() };
            vec![StepPlan { time: first, period: Some((first, last)), looks }]
        }
    }
}

/// Longitude of the centre of the first band; solar days depend on it.
fn centre_longitude(scene: &ScenePlan) -> f64 {
    let area = scene.bands.first().and_then(|b| b.source.area().ok());
    area.map_or(0.0, |a| a.centre().0)
}
