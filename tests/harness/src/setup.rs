//! What a gateway is started with: its document, the files beside it, its environment.

use crate::command::{Outcome, binary, target};
use crate::gateway::Gateway;
use crate::origin::Origin;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A document with `{name}` placeholders and whatever it refers to. The gateway runs in a folder of its own.
#[derive(Clone, Debug)]
pub struct Setup {
    yaml: String,
    values: Vec<(String, String)>,
    files: Vec<(String, Vec<u8>)>,
    environment: Vec<(String, String)>,
    /// Program and first arguments, if it is not the gateway's binary.
    program: Option<Vec<PathBuf>>,
}

impl Setup {
    /// The document is completed with `listen` and `admin` on free loopback ports, unless it has them.
    pub fn new(yaml: &str) -> Self {
        Self { yaml: yaml.to_owned(), values: Vec::new(), files: Vec::new(), environment: Vec::new(), program: None }
    }

    /// Put an origin's URL for `{origin}`.
    pub fn origin(self, origin: &Origin) -> Self {
        self.value("origin", &origin.url())
    }

    /// Put `value` for `{name}`.
    pub fn value(mut self, name: &str, value: &str) -> Self {
        self.values.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Lay a file beside the document. Example: `.file("loop.wasm", …)` for `file: ./loop.wasm`.
    pub fn file(mut self, name: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.push((name.to_owned(), content.into()));
        self
    }

    /// Set a variable of the environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Start the gateway and wait until it listens.
    ///
    /// # Panics
    ///
    /// If it doesn't come up; its output says why.
    pub fn start(self) -> Gateway {
        self.try_start().unwrap_or_else(|outcome| panic!("the gateway did not come up: {outcome:#?}"))
    }

    /// Start the gateway; if it ends instead of listening, return how.
    pub fn try_start(self) -> Result<Gateway, Outcome> {
        Gateway::launch(self)
    }

    /// `tollgate check` of the document.
    pub fn check(self) -> Outcome {
        let folder = self.lay_out(&self.yaml);
        Outcome::of(&mut self.command("check", &folder))
    }

    /// `tollgate explain` of the document, with what follows the file.
    pub fn explain(self, arguments: &[&str]) -> Outcome {
        let folder = self.lay_out(&self.yaml);
        Outcome::of(self.command("explain", &folder).args(arguments))
    }

    /// `tollgate run` of a document that must be refused.
    ///
    /// # Panics
    ///
    /// If the gateway comes up.
    pub fn refused(self) -> Outcome {
        match self.try_start() {
            Ok(_) => panic!("the gateway came up with a document that should have been refused"),
            Err(outcome) => outcome,
        }
    }

    /// Let no file of the gateway grow beyond `bytes`: its disk is full, and nobody else's.
    pub fn file_size_limit(mut self, bytes: u64) -> Self {
        // POSIX counts in blocks of 512 bytes. Without the signal, writing fails as it does on a full disk.
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", bytes / 512);
        self.program = Some(vec!["/bin/sh".into(), "-c".into(), script.into(), binary()]);
        self
    }

    #[cfg(test)]
    pub(crate) fn program(mut self, words: &[&Path]) -> Self {
        self.program = Some(words.iter().map(|word| word.to_path_buf()).collect());
        self
    }

    /// The document as the gateway gets it.
    pub(crate) fn document(&self, yaml: &str) -> String {
        let mut document = String::new();
        for key in ["listen", "admin"] {
            if !yaml.lines().any(|line| line.starts_with(&format!("{key}:"))) {
                document += &format!("{key}: 127.0.0.1:0\n");
            }
        }
        document += yaml;
        for (name, value) in &self.values {
            document = document.replace(&format!("{{{name}}}"), value);
        }
        document
    }

    /// Will a gateway with this document listen on an admin address?
    pub(crate) fn has_admin(&self) -> bool {
        !self.yaml.lines().any(|line| line.split_whitespace().eq(["admin:", "off"]))
    }

    /// Make the folder, with the document and the files in it.
    pub(crate) fn lay_out(&self, yaml: &str) -> TempDir {
        let folder = TempDir::with_prefix("tollgate-test-").expect("a temporary folder can be made");
        for (name, content) in &self.files {
            write(&folder.path().join(name), content);
        }
        write(&document_path(folder.path()), self.document(yaml).as_bytes());
        folder
    }

    pub(crate) fn yaml(&self) -> &str {
        &self.yaml
    }

    /// `tollgate SUBCOMMAND tollgate.yaml`, in the folder.
    pub(crate) fn command(&self, subcommand: &str, folder: &TempDir) -> Command {
        let program = self.program.clone().unwrap_or_else(|| vec![binary()]);
        let (program, arguments) = program.split_first().expect("a program is named");
        let mut command = Command::new(program);
        command
            .args(arguments)
            .arg(subcommand)
            .arg(document_path(folder.path()))
            .current_dir(folder.path())
            // One for all tests, so that components compile once; and not the user's own.
            .env("XDG_CACHE_HOME", compile_cache())
            .env_remove("TOLLGATE_LOG")
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// Where the gateways of tests keep machine code.
pub fn compile_cache() -> PathBuf {
    std::path::absolute(target().join("test-cache")).expect("an absolute path")
}

pub(crate) fn document_path(folder: &Path) -> PathBuf {
    folder.join("tollgate.yaml")
}

/// Write at one stroke: a gateway that watches the file must never see half of it.
pub(crate) fn write(path: &Path, content: &[u8]) {
    let temporary = path.with_extension("new");
    let written = std::fs::write(&temporary, content).and_then(|()| std::fs::rename(&temporary, path));
    written.unwrap_or_else(|error| panic!("could not write {}: {error}", path.display()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_gets_ports_and_values() {
        let setup = Setup::new("").value("origin", "http://o").value("key", "k");
        assert_eq!(
            setup.document("a: {origin}\nb: '{key}{other}'\n"),
            "listen: 127.0.0.1:0\nadmin: 127.0.0.1:0\na: http://o\nb: 'k{other}'\n"
        );
        assert_eq!(setup.document("admin: off\nlisten: x\n"), "admin: off\nlisten: x\n");
    }
}
