//! The gateway's binary under callgrind, which counts instructions of user space between two dumps.

use crate::step;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

pub(super) struct Counted {
    process: Child,
    folder: PathBuf,
    /// Where it listens.
    pub(super) address: String,
}

impl Counted {
    /// Start `binary` with a document, in a folder that keeps what was compiled for the next time.
    ///
    /// Valgrind's processor has fewer features than this one, so that machine code of other runs is of no use here.
    pub(super) fn start(binary: &Path, document: &str, folder: &Path) -> Result<Self> {
        let run = folder.join("run");
        drop(std::fs::remove_dir_all(&run));
        std::fs::create_dir_all(&run).with_context(|| format!("could not make {}", run.display()))?;
        std::fs::write(run.join("tollgate.yaml"), document)?;
        let log = std::fs::File::create(run.join("log"))?;
        let mut process = Command::new("valgrind")
            // Wasmtime writes machine code, which valgrind must see; code from files doesn't change.
            .args(["--quiet", "--tool=callgrind", "--smc-check=all-non-file", "--instr-atstart=no"])
            .arg(format!("--callgrind-out-file={}", run.join("counts").display()))
            .arg(format!("--vgdb-prefix={}", run.join("vgdb").display()))
            .arg(binary)
            .args(["run", "tollgate.yaml"])
            .current_dir(&run)
            .env("XDG_CACHE_HOME", folder.join("cache"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("could not start valgrind")?;
        let stdout = process.stdout.take().context("valgrind has no stdout")?;
        let mut gateway = Self { process, folder: run, address: String::new() };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        match line.trim().strip_prefix("listening on ") {
            Some(address) => gateway.address = address.to_owned(),
            None => bail!("the gateway did not start: {}", std::fs::read_to_string(gateway.folder.join("log"))?),
        }
        gateway.tell(&["instrumentation", "on"])?;
        Ok(gateway)
    }

    /// Instructions of all threads since the last dump.
    pub(super) fn dump(&self) -> Result<u64> {
        self.tell(&["dump"])?;
        let mut total = None;
        for entry in self.folder.read_dir()? {
            let path = entry?.path();
            let is_counts = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with("counts");
            if !path.file_name().is_some_and(is_counts) {
                continue;
            }
            let counts = std::fs::read_to_string(&path)?;
            std::fs::remove_file(&path)?;
            // The file that callgrind makes when it starts, to see whether it can, has none.
            if let Some(count) = counts.lines().find_map(|line| line.strip_prefix("totals: ")) {
                total = Some(total.unwrap_or(0) + count.trim().parse::<u64>()?);
            }
        }
        total.context("callgrind wrote no total")
    }

    fn tell(&self, words: &[&str]) -> Result<()> {
        let mut vgdb = Command::new("vgdb");
        vgdb.arg(format!("--pid={}", self.process.id()));
        vgdb.arg(format!("--vgdb-prefix={}", self.folder.join("vgdb").display())).args(words);
        step::output(&mut vgdb).map(drop)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        // It holds nothing that has to be kept.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
