//! A program on one core, and what it has used of CPU time and memory.

use crate::debian;
use crate::step;
use anyhow::{Context, Result, bail};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a proxy may take until it listens: compiling its components takes longest.
const START_PATIENCE: Duration = Duration::from_secs(60);

/// The proxy has a core of its own; load and origin share the other one.
#[derive(Clone, Copy)]
pub(super) enum Core {
    Proxy,
    Load,
}

/// A program on a core; where there is but one, they share it.
pub(super) fn on(core: Core, program: impl AsRef<Path>) -> Command {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    let core = match core {
        Core::Load if cores > 1 => "1",
        _ => "0",
    };
    let mut command = Command::new("taskset");
    command.args(["-c", core]).arg(program.as_ref());
    command
}

/// A port that is free now.
pub(super) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no port is free")?;
    Ok(listener.local_addr()?)
}

/// Allow this process and its children as many connections as the machine's settings let it.
pub(super) fn raise_open_files() -> Result<()> {
    let limits = std::fs::read_to_string("/proc/self/limits").context("could not read /proc/self/limits")?;
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let hard = files.and_then(|files| files.split_whitespace().nth(1)).context("no limit of open files")?;
    let mut prlimit = Command::new("prlimit");
    prlimit.args(["--pid", &std::process::id().to_string(), &format!("--nofile={hard}:{hard}")]);
    step::output(&mut prlimit).map(drop)
}

/// A running program with its children. It ends when this is dropped.
pub(super) struct Process {
    child: Child,
    log: PathBuf,
    ticks_per_second: f64,
}

impl Process {
    /// Start it; what it says goes to `log`.
    pub(super) fn start(mut command: Command, log: PathBuf) -> Result<Self> {
        let out = std::fs::File::create(&log).with_context(|| format!("could not make {}", log.display()))?;
        let ticks = step::output(Command::new("getconf").arg("CLK_TCK"))?;
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let child = command.spawn().context("could not start taskset (Debian: util-linux)")?;
        Ok(Self { child, log, ticks_per_second: ticks.trim().parse()? })
    }

    /// Wait until it listens.
    pub(super) fn listens(&mut self, address: SocketAddr) -> Result<()> {
        let begin = Instant::now();
        while TcpStream::connect(address).is_err() {
            if self.child.try_wait()?.is_some() || begin.elapsed() > START_PATIENCE {
                bail!("it doesn't listen: {}", std::fs::read_to_string(&self.log).unwrap_or_default().trim());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Microseconds of CPU time that all its threads have used, in user space and in the kernel, to the hundredth of a second.
    pub(super) fn cpu_micros(&self) -> Result<f64> {
        let mut ticks = 0;
        for id in self.tree() {
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
            // What stands before may have spaces: the program's name, in parentheses. Then fields 3 and on of proc(5).
            let (_, fields) = stat.rsplit_once(") ").context("no name in stat")?;
            ticks += fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum::<u64>();
        }
        Ok(ticks as f64 / self.ticks_per_second * 1e6)
    }

    /// KiB of resident memory, mapped machine code included.
    pub(super) fn resident_kib(&self) -> Result<u64> {
        let mut resident = 0;
        for id in self.tree() {
            let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS in status")?;
            resident += line.trim_end_matches("kB").trim().parse::<u64>()?;
        }
        Ok(resident)
    }

    /// End it as its operator would, and wait until it has.
    pub(super) fn end(mut self) -> Result<()> {
        step::succeed(Command::new("kill").args(["-TERM", &self.child.id().to_string()]))?;
        let begin = Instant::now();
        while self.child.try_wait()?.is_none() {
            if begin.elapsed() > START_PATIENCE {
                bail!("it doesn't end");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// It and what it has started.
    fn tree(&self) -> Vec<u32> {
        let mut tree = vec![self.child.id()];
        let mut at = 0;
        while let Some(id) = tree.get(at) {
            let tasks = std::fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
            let children = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
            let children: Vec<u32> =
                children.flat_map(|ids| ids.split(' ').filter_map(|id| id.parse().ok()).collect::<Vec<_>>()).collect();
            tree.extend(children);
            at += 1;
        }
        tree
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A wrapper's child would outlive it. None of them holds anything that has to be kept.
        let ids = self.tree().into_iter().map(|id| id.to_string());
        drop(Command::new("kill").arg("-KILL").args(ids).stderr(Stdio::null()).status());
        drop(self.child.wait());
    }
}

/// A program of the system's that a user's `PATH` may not lead to.
pub(super) fn system(program: &str) -> PathBuf {
    match debian::on_path(program) {
        true => PathBuf::from(program),
        false => Path::new("/usr/sbin").join(program),
    }
}
