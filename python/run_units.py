#!/usr/bin/env python3
"""Runs units of a plan on a Dask scheduler: the part of `--execution-backend dask` that has to be Python.

Needs `distributed` and nothing else. The first line of stdin is the job, as JSON; the end of stdin asks to stop. Every line of stdout
is an event, as JSON: connected, workers, warning, unit (started, done, retry or failed), and at last end. What others say goes to stderr.
src/cluster/dask/protocol.ts has the same shapes.
"""
import asyncio
import concurrent.futures
import hashlib
import json
import os
import signal
import sys
import threading
import time
import uuid
import warnings

PROTOCOL = 1
RETRY_WAITS_S = (5, 20, 60)
LOOK_FOR_WORKERS_S = 3
MOST_MOVES = 20
STOP_GRACE_S = 30

# ---- on workers ---------------------------------------------------------------------------------------------------------
# Workers do not have this file: functions travel by value, so each imports what it needs.

PASSING = (75, 130, 137, 143)  # try again later; stopped, killed or ended by a signal


def find_command(command):
    """The command line of aster-timeseries on this machine: the caller's own if its files are here, else from the PATH."""
    import os
    import shutil

    if all(os.path.exists(word) for word in command if os.path.isabs(word)):
        return list(command)
    found = shutil.which("aster-timeseries")
    return None if found is None else [found]


def share_of(worker):
    """How many units a worker runs at once, and how many of its threads each may use."""
    state = getattr(worker, "state", worker)
    declared = state.total_resources.get("aster")
    slots = max(1, int(declared)) if declared is not None else state.nthreads
    return slots, max(1, state.nthreads // slots)


def run_unit(index, job, attempt=1):
    """One unit as a child process. Returns what became of it, also when it failed for good; raises what may pass."""
    import os
    import subprocess
    import time

    from distributed import get_worker

    worker = get_worker()
    outcome = {"index": index, "attempt": attempt, "worker": worker.address, "exitStatus": 75, "seconds": 0.0, "tail": ""}

    def passing(message, **more):
        error = RuntimeError(f"unit {index}: {message}")
        error.outcome = {**outcome, **more}
        return error

    command = find_command(job["command"])
    if command is None or not os.path.exists(job["manifest"]):
        missing = "aster-timeseries" if command is None else job["manifest"]
        time.sleep(20)  # a worker that cannot work must not be the quickest to ask for more
        raise passing(f"{missing} is not on {worker.address}", unfit=True, tail=f"{missing} is not there")
    _, threads = share_of(worker)
    command += ["run-unit", "--manifest", job["manifest"], "--index", str(index), "--stop-with-stdin", "--json"]
    command += ["--threads", str(min(threads, job["threads"])), *job["arguments"]]
    # Asked to stop, the driver closes the stdin of these; a worker that dies closes it as well. Either ends the unit.
    children = worker.__dict__.setdefault("aster_children", {})
    if job["run"] in worker.__dict__.get("aster_stopped", ()):
        raise passing("asked to stop")
    worker.log_event(f"aster-{job['run']}", {"index": index, "attempt": attempt, "worker": worker.address})
    started = time.monotonic()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    with subprocess.Popen(command, cwd=job["runFolder"], **pipes) as child:
        children[child.pid] = (job["run"], child)
        try:
            tail = b""
            for chunk in iter(lambda: child.stdout.read1(65536), b""):
                tail = (tail + chunk)[-4000:]
            status = child.wait()
        finally:
            del children[child.pid]
    status = 128 - status if status < 0 else status
    outcome.update(exitStatus=status, seconds=round(time.monotonic() - started, 3))
    if status != 0:
        outcome["tail"] = tail.decode("utf-8", "replace")
    if status in PASSING:
        raise passing(f"exit status {status}: {outcome['tail'][-500:]}")
    return outcome


def check_worker(job, dask_worker=None):
    """What is wrong with a worker, if anything, and how much it runs at once."""
    import hashlib
    import os
    import socket
    import subprocess

    slots, threads = share_of(dask_worker)
    limit = getattr(dask_worker, "memory_limit", None) or getattr(getattr(dask_worker, "memory_manager", None), "memory_limit", None)
    found = {"host": socket.gethostname(), "slots": slots, "threads": threads, "memoryLimitBytes": limit, "problem": None, "probe": None,
             "resource": "aster" in getattr(dask_worker, "state", dask_worker).total_resources}

    def problem(text):
        return {**found, "problem": text}

    try:
        with open(job["manifest"], "rb") as manifest:
            digest = hashlib.sha256(manifest.read()).hexdigest()
    except OSError as error:
        return problem(f"cannot read {job['manifest']}: {error.strerror}")
    if digest != job["manifestSha256"]:
        return problem(f"{job['manifest']} is another file there")
    probe = os.path.join(job["runFolder"], f".dask-{job['run']}-{found['host']}-{os.getpid()}")
    try:
        with open(probe, "x"):
            found["probe"] = probe
    except OSError as error:
        return problem(f"cannot write into {job['runFolder']}: {error.strerror}")
    command = find_command(job["command"])
    if command is None:
        return problem(f"has neither {' '.join(job['command'])} nor aster-timeseries on its PATH")
    try:
        for arguments in (["--version"], ["products", "--json"]):  # the second one loads the native addon
            pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            ran = subprocess.run(command + arguments, timeout=60, **pipes)
            if ran.returncode != 0:
                said = ran.stderr.decode("utf-8", "replace").strip()[-500:]
                return problem(f"cannot start {' '.join(command)}: exit status {ran.returncode}: {said}")
            if arguments == ["--version"] and ran.stdout.decode().strip() != job["version"]:
                return problem(f"has aster-timeseries {ran.stdout.decode().strip()}, this is {job['version']}")
    except (OSError, subprocess.TimeoutExpired) as error:
        return problem(f"cannot start {' '.join(command)}: {error}")
    return found


async def stop_units(run, grace_s, dask_worker=None):
    """Ends the units of a run on a worker: asks by closing their stdin, and kills those that do not listen."""
    import asyncio
    import time

    dask_worker.__dict__.setdefault("aster_stopped", set()).add(run)
    asked = [child for owner, child in list(dask_worker.__dict__.get("aster_children", {}).values()) if owner == run]
    for child in asked:
        child.stdin.close()
    deadline = time.monotonic() + grace_s
    while any(child.returncode is None for child in asked) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    for child in asked:
        if child.returncode is None:
            child.kill()
    return len(asked)


# ---- here ---------------------------------------------------------------------------------------------------------------


def emit(event, **facts):
    """One line on stdout; a reader that is gone is noticed through stdin."""
    try:
        sys.stdout.write(json.dumps({"event": event, **facts}) + "\n")
        sys.stdout.flush()
    except (OSError, ValueError):
        pass


class End(Exception):
    """The run is over before its units are."""

    def __init__(self, exit_status, reason, message, hint=None, **facts):
        super().__init__(message)
        self.exit_status = exit_status
        self.facts = {"reason": reason, "message": message, "hint": hint, **facts}


async def reach(address, timeout_s):
    """Opens the scheduler's port once: a wrong address should not take distributed's patience to find out."""
    protocol, _, rest = address.rpartition("://")
    host, _, port = rest.rpartition(":")
    if protocol not in ("tcp", "tls", "") or not port.isdigit():
        return
    _, writer = await asyncio.wait_for(asyncio.open_connection(host.strip("[]"), int(port)), timeout_s)
    writer.close()


async def connect(job):
    from distributed import Client

    address, timeout_s = job["scheduler"], job["timeoutSeconds"]
    try:
        await reach(address, timeout_s)
    except (OSError, asyncio.TimeoutError) as error:
        why = f"no answer within {timeout_s} s"
        if isinstance(error, OSError) and error.errno is not None:
            why = os.strerror(error.errno) if error.errno > 0 else error.strerror
        raise End(75, "unreachable", f"no Dask scheduler at {address}: {why}", "compare the address with what `dask scheduler` prints")
    client = Client(address, asynchronous=True, timeout=timeout_s, set_as_default=False, name="aster-timeseries")
    try:
        return await asyncio.wait_for(client, timeout_s + 1)
    except Exception as error:  # noqa: BLE001: whatever speaks there, it is no scheduler of ours
        what = "no reply" if isinstance(error, asyncio.TimeoutError) else str(error).split("\n")[0] or type(error).__name__
        raise End(75, "unreachable", f"what listens at {address} is no Dask scheduler, or one of another version: {what}",
                  "name the scheduler's own port, 8786 unless set otherwise; 8787 is its web page")


def tell_start(event):
    _, facts = event
    emit("unit", state="started", **facts)


def differing_versions(versions):
    """Lines on packages that client, scheduler and workers have in different versions."""
    here = versions["client"]
    others = {"the scheduler": versions["scheduler"], **versions["workers"]}
    lines = {}
    for name in ("python", "distributed", "dask", "cloudpickle", "msgpack", "tornado"):
        group = "host" if name == "python" else "packages"
        release = (lambda text: ".".join(str(text).split(".")[:2])) if name == "python" else str
        mine = dict(here[group]).get(name)
        for who, those in others.items():
            theirs = dict(those[group]).get(name) if those else None
            if theirs is not None and release(theirs) != release(mine):
                lines.setdefault(f"{name} is {mine} here, {theirs} on ", []).append(who)
    return [f"{line}{who[0]}" + (f" and {len(who) - 1} more" if len(who) > 1 else "") for line, who in lines.items()]


class Run:
    """The units of one job on one scheduler."""

    def __init__(self, client, job):
        self.client, self.job = client, job
        # Workers need no list of units.
        self.order = {name: value for name, value in job.items() if name != "units"}
        self.checked, self.slots, self.unfit = set(), {}, {}
        self.resources = None
        self.is_running, self.is_over = False, False
        self.counts = {"workers": 0, "slots": 0}

    async def look_at_workers(self):
        """Checks workers that came since the last look; says when their number has changed."""
        new = sorted(set(await self.client.nthreads()) - self.checked)
        found = await self.client.run(check_worker, self.order, workers=new, on_error="return") if new else {}
        # Who died meanwhile is not unfit, only gone; if not, the next look tells. Errors of files have a number, these have none.
        found = {who: facts for who, facts in found.items() if not (isinstance(facts, OSError) and facts.errno is None)}
        there = set(await self.client.nthreads())
        self.checked = (self.checked | set(found)) & there
        # Who declares the resource says who is meant: then the other workers are left alone.
        if any(isinstance(facts, dict) and facts["resource"] for facts in found.values()):
            self.resources = self.resources or {"aster": 1}
        for address in sorted(set(found) & there):
            facts = found[address]
            if not isinstance(facts, dict):
                self.refuse(address, f"cannot be checked: {type(facts).__name__}: {facts}")
            elif await self.probe_is_here(facts) and (facts["resource"] or self.resources is None):
                self.judge(address, facts)
        counts = {"workers": len(there & set(self.slots)), "slots": sum(self.slots.get(address, 0) for address in there)}
        if counts != self.counts:
            self.counts = counts
            emit("workers", **counts)

    def refuse(self, address, problem):
        self.unfit[address] = problem
        if self.is_running:  # before that it is an error
            emit("warning", message=f"worker {address} {problem}; it delays the units that it takes")

    def judge(self, address, facts):
        if facts["problem"] is not None:
            return self.refuse(address, facts["problem"])
        self.slots[address] = facts["slots"]
        limit, needed = facts["memoryLimitBytes"], facts["slots"] * self.job["memoryMiB"] * 2**20
        if limit and needed > limit:
            emit("warning", message=f"worker {address} runs {facts['slots']} units at once, which may need {needed >> 20} MiB; its limit "
                                    f"is {int(limit) >> 20} MiB: start workers with fewer threads, or with --resources aster=1")

    async def probe_is_here(self, facts):
        """What a worker wrote into the run folder has to be seen here, else only the folder's name is the same."""
        if facts["probe"] is None:
            return True
        deadline = time.monotonic() + 5
        while not os.path.exists(facts["probe"]) and time.monotonic() < deadline:
            await asyncio.sleep(0.2)
        try:
            os.remove(facts["probe"])
        except OSError:
            facts["problem"] = f"has a {self.job['runFolder']} of its own: the folder is not shared"
        return True

    async def units(self):
        await self.look_at_workers()
        if self.unfit:
            address, problem = next(iter(self.unfit.items()))
            raise End(78, "unfit", f"worker {address} {problem}",
                      "every worker needs the run folder under the same path and aster-timeseries of this version; to use only some "
                      "workers of a scheduler, start those with --resources aster=1")
        self.is_running = True
        indices, run = self.job["units"], self.job["run"]
        keys = [f"aster-{run}-{index}" for index in indices]
        futures = self.client.map(run_unit, indices, job=self.order, key=keys, pure=False, batch_size=1000, resources=self.resources)
        following = [asyncio.ensure_future(self.follow(index, future)) for index, future in zip(indices, futures)]
        del futures
        watching = asyncio.ensure_future(self.watch())
        try:
            await asyncio.gather(watching, self.all_of(following, watching))
        finally:
            self.is_over = True
            for task in (*following, watching):
                task.cancel()

    async def all_of(self, following, watching):
        await asyncio.gather(*following)
        watching.cancel()

    async def watch(self):
        """Notices workers that come and go, and a scheduler that goes."""
        try:
            while True:
                await asyncio.sleep(LOOK_FOR_WORKERS_S)
                self.require_scheduler()
                try:
                    await self.look_at_workers()
                except OSError:
                    self.require_scheduler()
        except asyncio.CancelledError:
            pass

    def require_scheduler(self):
        if self.client.status != "running":
            raise self.lost()

    def lost(self):
        return End(75, "lost", f"lost the Dask scheduler at {self.job['scheduler']}",
                   "finished units are kept; run the same command again when it is back")

    async def follow(self, index, future):
        """One unit to its end: as often as it takes, with pauses."""
        attempt, moves = 1, 0
        while True:
            outcome = await self.outcome_of(index, attempt, future)
            del future
            status = outcome["exitStatus"]
            if outcome.pop("unfit", False) and moves < MOST_MOVES:
                moves += 1
            elif outcome.pop("final", False) or status not in PASSING or attempt > self.job["retries"]:
                emit("unit", state="done" if status == 0 else "failed", **outcome)
                if status in (2, 77, 78):
                    raise End(status, "run-wide", f"unit {index} ended with exit status {status}: the others would as well", index=index,
                              tail=outcome["tail"])
                return
            else:
                wait_s = RETRY_WAITS_S[min(attempt, len(RETRY_WAITS_S)) - 1]
                emit("unit", state="retry", waitSeconds=wait_s, **outcome)
                await asyncio.sleep(wait_s)
                attempt += 1
            key = f"aster-{self.job['run']}-{index}-{attempt}-{moves}"
            future = self.client.submit(run_unit, index, self.order, attempt, key=key, pure=False, resources=self.resources)

    async def outcome_of(self, index, attempt, future):
        from distributed.scheduler import KilledWorker

        blank = {"index": index, "attempt": attempt, "worker": "", "exitStatus": 70, "seconds": 0.0, "tail": ""}
        try:
            return await future
        except KilledWorker as error:
            return {**blank, "exitStatus": 137, "final": True, "tail": f"{error.allowed_failures + 1} workers died while they ran it"}
        except (asyncio.CancelledError, concurrent.futures.CancelledError):
            self.require_scheduler()
            if not self.is_over and future.status == "cancelled":  # by somebody else: workers restarted, or a person
                return {**blank, "exitStatus": 75, "tail": "the scheduler gave the unit up"}
            raise asyncio.CancelledError from None
        except Exception as error:  # noqa: BLE001: the worker's, of any kind
            return getattr(error, "outcome", None) or {**blank, "tail": f"{type(error).__name__}: {error}"}


async def drive(job, stop):
    client = await connect(job)
    run = Run(client, job)
    try:
        versions = await client.get_versions()
        client.subscribe_topic(f"aster-{job['run']}", tell_start)
        emit("connected", protocol=PROTOCOL, scheduler=client.scheduler.address, dashboard=client.dashboard_link,
             distributed=versions["client"]["packages"]["distributed"])
        for line in differing_versions(versions):
            emit("warning", message=line)
        working = asyncio.ensure_future(run.units())
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            working.cancel()
            raise End(130, "stopped", "stopped before all units were done")
        stopping.cancel()
        await working
    except End as end:
        if end.facts["reason"] in ("stopped", "run-wide"):
            await end_units(client, job)
        raise
    except OSError as error:  # distributed's of a broken connection; what workers do wrong comes back as a value
        raise run.lost() from error
    finally:
        try:
            await asyncio.wait_for(client.close(), 5)
        except Exception:  # noqa: BLE001: a scheduler that is gone
            pass


async def end_units(client, job):
    """Takes what is queued off the scheduler, and ends what runs."""
    try:
        futures = list(client.futures)
        if futures:
            from distributed import Future

            await client.cancel([Future(key, client) for key in futures], force=True)
        await asyncio.wait_for(client.run(stop_units, job["run"], STOP_GRACE_S, on_error="ignore"), STOP_GRACE_S + 5)
    except Exception as error:  # noqa: BLE001: units end with their workers then
        emit("warning", message=f"could not end the units on the workers: {type(error).__name__}: {error}")


def watch_stdin(loop, stop):
    while sys.stdin.buffer.read1(4096):
        pass
    loop.call_soon_threadsafe(stop.set)


async def main():
    try:
        import distributed
    except ImportError as error:
        raise End(78, "no-distributed", f"{sys.executable} cannot import distributed: {error}",
                  f"{sys.executable} -m pip install distributed")
    if tuple(int(part) for part in distributed.__version__.split(".")[:1]) < (2023,):
        raise End(78, "no-distributed", f"{sys.executable} has distributed {distributed.__version__}, 2023.1 or newer is needed",
                  f"{sys.executable} -m pip install --upgrade distributed")
    warnings.filterwarnings("ignore", category=distributed.versions.VersionMismatchWarning)
    job = json.loads(sys.stdin.buffer.readline())
    job["run"] = uuid.uuid4().hex[:12]
    with open(job["manifest"], "rb") as manifest:  # hashed by workers as well
        job["manifestSha256"] = hashlib.sha256(manifest.read()).hexdigest()
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(name, stop.set)
    threading.Thread(target=watch_stdin, args=(loop, stop), daemon=True).start()
    await drive(job, stop)


if __name__ == "__main__":
    code, last = 0, {"reason": "finished", "message": None, "hint": None}
    try:
        asyncio.run(main())
    except End as end:
        code, last = end.exit_status, end.facts
    except Exception as error:  # noqa: BLE001: a bug, told with its traceback
        import traceback

        traceback.print_exc()
        code, last = 70, {"reason": "bug", "message": f"{type(error).__name__}: {error}", "hint": None}
    emit("end", exitStatus=code, **last)
    sys.stderr.flush()
    os._exit(code)  # distributed's own threads may wait for a scheduler that is gone
