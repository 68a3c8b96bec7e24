//! Plans and runs cubes: a job has a thread of its own and a pool sized by the request, never Node's.
use crate::cube_report::{
    CubeArray, CubeEvent, CubePlan, CubeReport, GridInfo, PlannedScene, SceneStatistics, SkippedScene,
    TimeStep, wanted_pixels,
};
use crate::granule_info::{side, text};
use crate::outcome::{NativeError, guarded, outcome};
use crate::remote::RemoteFiles;
use crate::request::CubeRequest;
use crate::thread::in_thread;
use aster_core::budget::free_disk_bytes;
use aster_core::cancel::CancelToken;
use aster_core::cube::describe::layout;
use aster_core::cube::plan::CubePlan as CorePlan;
use aster_core::cube::record::StepRecord;
use aster_core::cube::report::CubeReport as CoreReport;
use aster_core::cube::request::CubeRequest as CoreRequest;
use aster_core::cube::scene_plan::ScenePlan;
use aster_core::cube::sink::{ValueType, VariableSpec};
use aster_core::error::Error;
use aster_core::event::Event;
use aster_core::granule::files::Files;
use aster_core::job::{self, JobOutput};
use napi::bindgen_prelude::{AsyncTask, Object};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, JsDeferred, Status, Task};
use napi_derive::napi;
use ndarray::Array3;
use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

outcome!(PlanOutcome, CubePlan);
outcome!(ReportOutcome, CubeReport);

pub struct Plan(Option<CubeRequest>);

impl Task for Plan {
    type Output = Result<CubePlan, NativeError>;
    type JsValue = PlanOutcome;
    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(guarded(|| {
            let request = self.0.take().ok_or_else(|| Error::internal("a plan was asked for twice"))?;
            planned(request, &Files::local())
        }))
    }
    fn resolve(&mut self, _: Env, output: Self::Output) -> napi::Result<PlanOutcome> {
        Ok(output.into())
    }
}

fn planned(request: CubeRequest, files: &Files) -> aster_core::Result<CubePlan> {
    let request = CoreRequest::try_from(request)?;
    let plan = job::plan_in(&request, files)?;
    let path = request.output.path.as_ref();
    let folder = path.map(|p| p.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(".".as_ref()));
    // The names alone are wanted of the layout, not its date.
    let variables = layout(&plan, &request, "")?.variables.into_iter().map(|v| v.name).collect();
    let checkpoint_bytes_max = job::checkpoint_bytes_max(&request, &plan)?;
    Ok(CubePlan::new(&plan, variables, checkpoint_bytes_max, folder.and_then(free_disk_bytes)))
}

/// As `planCube`, with files that are elsewhere.
#[napi(ts_return_type = "Promise<PlanOutcome>")]
pub fn plan_remote_cube<'env>(
    env: &'env Env,
    request: CubeRequest,
    remote: &RemoteFiles,
) -> napi::Result<Object<'env>> {
    let files = remote.files(&CancelToken::new());
    in_thread(env, "aster-plan", move || planned(request, &files), PlanOutcome::from)
}

/// Plans a request: headers are read, pixels are not, nothing is written.
#[napi(ts_return_type = "Promise<PlanOutcome>")]
pub fn plan_cube(request: CubeRequest) -> AsyncTask<Plan> {
    AsyncTask::new(Plan(Some(request)))
}

type Finished = Result<CubeReport, NativeError>;
type Resolver = Box<dyn FnOnce(Env) -> napi::Result<ReportOutcome>>;
type Deferred = JsDeferred<ReportOutcome, Resolver>;
/// Bounded: a busy event loop misses progress, it never grows memory.
type Listener = ThreadsafeFunction<CubeEvent, (), CubeEvent, Status, false, false, 64>;

/// What the waiting side and the working side share.
#[derive(Default)]
struct Meeting {
    finished: Option<Finished>,
    waiting: Option<Deferred>,
}

/// A running job.
#[napi]
pub struct CubeJob {
    cancel: CancelToken,
    meeting: Arc<Mutex<Meeting>>,
}

#[napi]
impl CubeJob {
    /// Resolves, once, when the job has ended, its threads are joined and its callback is released.
    #[napi(ts_return_type = "Promise<ReportOutcome>")]
    pub fn wait<'env>(&self, env: &'env Env) -> napi::Result<Object<'env>> {
        let (deferred, promise) = env.create_deferred::<ReportOutcome, Resolver>()?;
        let mut meeting = self.meeting.lock().unwrap_or_else(PoisonError::into_inner);
        match meeting.finished.take() {
            Some(finished) => resolve(deferred, finished),
            None => meeting.waiting = Some(deferred),
        }
        Ok(promise)
    }

    /// Asks the job to stop; it ends within one chunk row and leaves no file under the final name.
    #[napi]
    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

fn resolve(deferred: Deferred, finished: Finished) {
    deferred.resolve(Box::new(move |_| Ok(finished.into())));
}

/// Starts a job; `onEvent` is called at most ten times a second and once per scene. Files of `remote` are fetched.
#[napi]
pub fn start_cube(
    request: CubeRequest,
    #[napi(ts_arg_type = "(event: CubeEvent) => void")] on_event: Listener,
    remote: Option<&RemoteFiles>,
) -> napi::Result<CubeJob> {
    let cancel = CancelToken::new();
    let files = remote.map_or_else(Files::local, |remote| remote.files(&cancel));
    let meeting = Arc::new(Mutex::new(Meeting::default()));
    let (token, place) = (cancel.clone(), Arc::clone(&meeting));
    std::thread::Builder::new().name("aster-job".to_string()).spawn(move || {
        let finished = work(request, &files, on_event, &token);
        let mut meeting = place.lock().unwrap_or_else(PoisonError::into_inner);
        match meeting.waiting.take() {
            Some(deferred) => resolve(deferred, finished),
            None => meeting.finished = Some(finished),
        }
    })?;
    Ok(CubeJob { cancel, meeting })
}

/// Takes the callback by value: it is released before the promise resolves.
fn work(request: CubeRequest, files: &Files, on_event: Listener, cancel: &CancelToken) -> Finished {
    guarded(move || {
        let listener = move |event: Event| {
            on_event.call(CubeEvent::from(event), ThreadsafeFunctionCallMode::NonBlocking);
        };
        job::run_in(&request.try_into()?, files, &listener, cancel)
    })
    .map(report)
}

fn report(output: JobOutput) -> CubeReport {
    let JobOutput { plan, layout, report, statistics, arrays } = output;
    let CoreReport { outputs, steps, paths, skipped, warnings, bytes_read, bytes_written, elapsed_ms } =
        report;
    let rows = steps.iter().zip(&statistics).flat_map(|(record, row)| {
        let of_variables = layout.variables.iter().zip(row);
        of_variables.map(move |(variable, found)| SceneStatistics::new(record, &variable.name, found))
    });
    let statistics = rows.collect();
    let shape = [steps.len(), plan.grid.shape.ny, plan.grid.shape.nx].map(side).to_vec();
    let (y, x) = if plan.grid.crs.is_geographic() { ("lat", "lon") } else { ("y", "x") };
    let dims: Vec<String> = ["time", y, x].map(str::to_string).to_vec();
    let array = |(v, mut data): (&VariableSpec, Array3<f32>)| {
        if v.value_type == ValueType::U32 {
            // Counts are never missing: where no scene was there are none.
            data.mapv_inplace(|n| if n.is_nan() { 0.0 } else { n });
        }
        CubeArray {
            variable: v.name.clone(),
            units: v.units.clone(),
            dims: dims.clone(),
            shape: shape.clone(),
            data: data.into_raw_vec_and_offset().0.into(),
        }
    };
    let variables: Vec<String> = layout.variables.iter().map(|v| v.name.clone()).collect();
    let scene_of: HashMap<&PathBuf, &ScenePlan> = plan.scenes.iter().map(|s| (&s.path, s)).collect();
    let look_of = looks_by_path(&plan);
    let made = |(record, paths): (&StepRecord, &Vec<PathBuf>)| {
        let looks: BTreeSet<usize> = paths.iter().filter_map(|p| look_of.get(p).copied()).collect();
        TimeStep::made(record, looks.len(), &variables)
    };
    let planned = |path: &PathBuf| Some(PlannedScene::new(&plan, scene_of.get(path)?));
    CubeReport {
        outputs: outputs.iter().map(text).collect(),
        grid: GridInfo::from(&plan.grid),
        scenes: paths.iter().flatten().filter_map(planned).collect(),
        skipped: skipped.iter().map(SkippedScene::from).collect(),
        steps: steps.iter().zip(&paths).map(made).collect(),
        bytes_read: bytes_read as f64,
        bytes_written: bytes_written as f64,
        elapsed_ms: elapsed_ms as f64,
        peak_memory_bytes: plan.peak_memory_bytes as f64,
        pixels: wanted_pixels(&plan),
        statistics,
        arrays: layout.variables.iter().zip(arrays).map(array).collect(),
        warnings,
        variables,
    }
}

/// The look, counted over all time steps, that the scene of each path belongs to.
fn looks_by_path(plan: &CorePlan) -> HashMap<&PathBuf, usize> {
    let looks = plan.steps.iter().flat_map(|s| &s.looks).enumerate();
    looks.flat_map(|(number, look)| look.iter().map(move |s| (&plan.scenes[*s].path, number))).collect()
}
