//! Components that nobody vouches for are compiled in a process of their own: a compiler can be made to take minutes
//! or gibibytes, and Wasmtime doesn't call that a vulnerability. There it costs nobody anything but a refusal.

use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::CompileError;

/// Components up to this size have the same allowance. Larger ones are interpreters of other languages.
const USUAL_BYTES: usize = 8 << 20;

/// What compiling a component may use up, by its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Processor time of all threads together.
    pub cpu_seconds: u64,
    /// Address space.
    pub memory_bytes: u64,
}

impl Allowance {
    /// The allowance of a component of so many bytes.
    pub fn of(wasm_bytes: usize) -> Allowance {
        let mebibytes = (wasm_bytes.saturating_sub(USUAL_BYTES) as u64).div_ceil(1 << 20);
        Allowance { cpu_seconds: 20 + 5 * mebibytes, memory_bytes: (1 << 30) + mebibytes * (128 << 20) }
    }

    /// Processor time passes at least this fast.
    fn wall_clock(self) -> Duration {
        Duration::from_secs(self.cpu_seconds.saturating_mul(5))
    }
}

/// How to start a process that reads a component from its standard input, holds itself to its [`Allowance`], and
/// writes machine code to its standard output, or a sentence to its standard error.
#[derive(Clone, Debug)]
pub struct Compiler {
    /// The gateway's own program: machine code from any other is refused by Wasmtime or, worse, isn't.
    pub program: PathBuf,
    /// What makes it such a process.
    pub argument: &'static str,
}

impl Compiler {
    /// Machine code of the component `wasm`.
    pub(crate) fn compile(&self, wasm: &[u8]) -> Result<Vec<u8>, CompileError> {
        let allowance = Allowance::of(wasm.len());
        let mut child = self.start().map_err(|error| CompileError::NoCompiler(self.program.clone(), error))?;
        let (code, complaint) = converse(&mut child, wasm, allowance.wall_clock());
        // It has closed its output, or was too slow to.
        let was_slow = code.is_none();
        if was_slow {
            // It may have ended by itself meanwhile.
            let _ = child.kill();
        }
        let status = child.wait().map_err(|error| CompileError::NoCompiler(self.program.clone(), error))?;
        match code {
            Some(code) if status.success() => Ok(code),
            _ => Err(why(status, was_slow, &complaint, allowance)),
        }
    }

    fn start(&self) -> io::Result<Child> {
        Command::new(&self.program)
            .arg(self.argument)
            // Secrets of the gateway's environment are none of its business.
            .env_clear()
            .current_dir(Path::new("/"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    }
}

/// Write the component, read the machine code (none if it took too long) and what is said besides.
fn converse(child: &mut Child, wasm: &[u8], patience: Duration) -> (Option<Vec<u8>>, String) {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (sender, receiver) = mpsc::channel();
    let wasm = wasm.to_vec();
    std::thread::spawn(move || {
        if let Some(mut stdin) = stdin {
            // It says itself what is wrong if it doesn't read all of it.
            let _ = stdin.write_all(&wasm);
        }
        let code = stdout.map(read).unwrap_or_default();
        let complaint = stderr.map(|stderr| read(stderr.take(4096))).unwrap_or_default();
        // Nobody listens any more if it took too long.
        let _ = sender.send((code, String::from_utf8_lossy(&complaint).trim().to_owned()));
    });
    match receiver.recv_timeout(patience) {
        Ok((code, complaint)) => (Some(code), complaint),
        Err(_) => (None, String::new()),
    }
}

fn read(mut from: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What is missing shows in the exit status, and in the digest of the machine code.
    let _ = from.read_to_end(&mut bytes);
    bytes
}

/// Signals that end a process which passes its limits: XCPU and KILL for time, ABRT and SEGV for memory.
const OUT_OF_TIME: [i32; 2] = [24, 9];
const OUT_OF_MEMORY: [i32; 3] = [6, 11, 7];

fn why(status: ExitStatus, was_slow: bool, complaint: &str, allowance: Allowance) -> CompileError {
    match status.signal() {
        _ if was_slow => CompileError::Time(allowance.cpu_seconds),
        Some(signal) if OUT_OF_TIME.contains(&signal) => CompileError::Time(allowance.cpu_seconds),
        Some(signal) if OUT_OF_MEMORY.contains(&signal) => CompileError::Memory(allowance.memory_bytes >> 20),
        _ if complaint.is_empty() => CompileError::Invalid(format!("its compiler ended with {status}")),
        _ => CompileError::Invalid(complaint.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shell reads the script: a program that was just written can't be started while a test beside this one forks
    /// with its file open.
    fn compiler(script: &str) -> (tempfile::TempDir, Compiler) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("compiler");
        std::fs::write(&file, script).unwrap();
        let argument = file.to_str().unwrap().to_owned().leak();
        (folder, Compiler { program: "/bin/sh".into(), argument })
    }

    #[test]
    fn what_it_writes_is_the_code_and_its_environment_is_empty() {
        let (_folder, compiler) = compiler("/bin/cat; echo \"$0 [$HOME]\"");
        let code = format!("wasm {} []\n", compiler.argument);
        assert_eq!(compiler.compile(b"wasm ").unwrap(), code.as_bytes());
    }

    #[test]
    fn each_way_to_fail_has_its_sentence() {
        for (script, sentence) in [
            ("echo 'no such thing' >&2; exit 1", "the component is not valid: no such thing"),
            ("kill -XCPU $$", "compiling the component takes more than 20 s of processor time"),
            ("kill -ABRT $$", "compiling the component takes more than 1024 MiB of memory"),
        ] {
            let (_folder, compiler) = compiler(script);
            assert_eq!(compiler.compile(b"wasm").unwrap_err().to_string(), sentence);
        }
    }

    #[test]
    fn larger_components_may_use_more() {
        let usual = Allowance { cpu_seconds: 20, memory_bytes: 1 << 30 };
        assert_eq!((Allowance::of(100), Allowance::of(8 << 20)), (usual, usual));
        assert_eq!(Allowance::of(12 << 20), Allowance { cpu_seconds: 40, memory_bytes: (1 << 30) + (512 << 20) });
    }
}
