//! A process that we started: what it writes, line by line; signals; its memory; its end.

use crate::PATIENCE;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

/// A child process. It is killed, by its own pid, when it is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Mutex<Child>,
    pid: u32,
    written: Arc<Written>,
}

/// Lines of both streams in the order in which they came.
#[derive(Debug, Default)]
struct Written {
    state: Mutex<WrittenState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct WrittenState {
    lines: Vec<(Stream, String)>,
    ended: u8,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("could not start {:?}: {error}", command.get_program()));
        let written = Arc::new(Written::default());
        let stdout = child.stdout.take().expect("stdout is a pipe");
        let stderr = child.stderr.take().expect("stderr is a pipe");
        follow(stdout, Stream::Stdout, &written);
        follow(stderr, Stream::Stderr, &written);
        Self { pid: child.id(), child: Mutex::new(child), written }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let child = lock(&self.child);
        kill_process(Pid::from_child(&child), signal).expect("a running child takes a signal");
    }

    /// Wait for the end.
    pub(crate) fn wait(&self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = lock(&self.child).try_wait().expect("a child can be waited for") {
                self.wait_for_ended_streams();
                return Some(status);
            }
            if Instant::now() > deadline {
                return None;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// After the end, what was written last may still be on its way through a pipe.
    fn wait_for_ended_streams(&self) {
        let state = lock(&self.written.state);
        let waited = self.written.changed.wait_timeout_while(state, Duration::from_secs(2), |state| state.ended < 2);
        drop(waited);
    }

    /// How many lines there are, to look only at later ones.
    pub(crate) fn mark(&self) -> usize {
        lock(&self.written.state).lines.len()
    }

    /// The lines of one stream so far.
    pub(crate) fn lines(&self, stream: Stream) -> Vec<String> {
        let state = lock(&self.written.state);
        let of_stream = state.lines.iter().filter(|(of, _)| *of == stream);
        of_stream.map(|(_, line)| line.clone()).collect()
    }

    /// Wait until what was written after `mark` makes `find` find something; none if time or the process ends first.
    pub(crate) fn wait_for<T>(
        &self,
        mark: usize,
        patience: Duration,
        find: impl Fn(&[(Stream, String)]) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + patience;
        let mut state = lock(&self.written.state);
        loop {
            if let Some(found) = find(&state.lines[mark..]) {
                return Some(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || state.ended == 2 {
                return None;
            }
            state = self.written.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A value in kilobytes of `/proc/PID/status`, in bytes.
    pub(crate) fn status_bytes(&self, key: &str) -> u64 {
        let path = format!("/proc/{}/status", self.pid);
        let status = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let value = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        let kilobytes = value.and_then(|value| value.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        kilobytes.unwrap_or_else(|| panic!("{path} has no {key}")) * 1024
    }

    /// Processor time that it has used, in ticks of 10 ms.
    pub(crate) fn cpu_ticks(&self) -> u64 {
        let path = format!("/proc/{}/stat", self.pid);
        let stat = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        // Behind the name in parentheses, which may hold anything, come the state and ten numbers; then user and system.
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
    }

    /// Let it open no more than `files` from now on.
    pub(crate) fn limit_open_files(&self, files: u64) {
        use rustix::process::{Pid, Resource, Rlimit, prlimit};
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw).expect("a process has a number");
        let limit = Rlimit { current: Some(files), maximum: Some(files) };
        prlimit(Some(pid), Resource::Nofile, limit).expect("the limit of a process of ours can be lowered");
    }

    /// How many files and sockets are open.
    pub(crate) fn open_files(&self) -> usize {
        let path = format!("/proc/{}/fd", self.pid);
        std::fs::read_dir(&path).unwrap_or_else(|error| panic!("{path}: {error}")).count()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut child = lock(&self.child);
        drop(child.kill());
        drop(child.wait());
        drop(child);
        if std::thread::panicking() {
            self.wait_for_ended_streams();
            eprintln!("--- what process {} wrote ---", self.pid);
            let state = lock(&self.written.state);
            for (stream, line) in state.lines.iter().skip(state.lines.len().saturating_sub(200)) {
                eprintln!("{stream:?}: {line}");
            }
        }
    }
}

/// Wait for a short-lived command and return what it wrote.
pub(crate) fn finish(command: &mut Command) -> (ExitStatus, String, String) {
    let process = Process::start(command);
    let status = process.wait(PATIENCE);
    let status = status.unwrap_or_else(|| panic!("{:?} did not end", command.get_program()));
    let text = |stream| process.lines(stream).into_iter().map(|line| line + "\n").collect();
    (status, text(Stream::Stdout), text(Stream::Stderr))
}

fn follow(reader: impl Read + Send + 'static, stream: Stream, written: &Arc<Written>) {
    let written = written.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(reader).split(b'\n') {
            let Ok(line) = line else { break };
            lock(&written.state).lines.push((stream, String::from_utf8_lossy(&line).into_owned()));
            written.changed.notify_all();
        }
        lock(&written.state).ended += 1;
        written.changed.notify_all();
    });
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
