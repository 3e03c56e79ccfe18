//! `policy.yaml`: what a policy's folder is.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::ValueEnum;
use serde::Deserialize;
use tollgate_core::grants::Capability;
use tollgate_core::manifest::is_id;
use tollgate_core::place::Phase;

use crate::load;

/// The file that makes a folder a policy.
pub(crate) const FILE: &str = "policy.yaml";

/// What a policy is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Language {
    Rust,
    #[value(alias = "javascript")]
    #[serde(alias = "javascript")]
    Js,
    #[value(alias = "typescript")]
    #[serde(alias = "typescript")]
    Ts,
    Python,
    Go,
    C,
}

impl Language {
    /// The folder of its template below `sdk/`.
    pub(super) fn folder(self) -> &'static str {
        match self {
            Language::Rust => "rust",
            Language::Js => "js",
            Language::Ts => "ts",
            Language::Python => "python",
            Language::Go => "go",
            Language::C => "c",
        }
    }

    /// As people call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Language::Rust => "Rust",
            Language::Js => "JavaScript",
            Language::Ts => "TypeScript",
            Language::Python => "Python",
            Language::Go => "Go",
            Language::C => "C",
        }
    }

    /// The folder of its library below `sdk/`.
    pub(super) fn library(self) -> &'static str {
        match self {
            Language::Ts => "js",
            other => other.folder(),
        }
    }
}

/// A policy's folder.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) folder: PathBuf,
    pub(super) name: String,
    pub(super) language: Language,
    /// Where the component's source begins.
    pub(super) source: PathBuf,
    /// Where its cases are.
    pub(super) tests: PathBuf,
    pub(super) phases: Vec<Phase>,
    pub(super) body_gate: bool,
    pub(super) capabilities: Vec<Capability>,
    /// It reads files of directories that are granted to it.
    pub(super) files: bool,
}

/// Among `capabilities` the one that isn't the contract's, but WASI's.
const FILES: &str = "files";

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    name: String,
    language: Language,
    #[serde(default)]
    source: Option<PathBuf>,
    #[serde(default = "tests")]
    tests: PathBuf,
    #[serde(default)]
    phases: Vec<String>,
    #[serde(default)]
    body_gate: bool,
    #[serde(default)]
    capabilities: Vec<String>,
}

fn tests() -> PathBuf {
    "tests".into()
}

impl Project {
    /// Read a folder's `policy.yaml`.
    pub(super) fn open(folder: &Path) -> anyhow::Result<Project> {
        let file = folder.join(FILE);
        if !file.exists() {
            bail!("{} has no {FILE}: `tollgate policy new NAME --lang LANGUAGE` makes such a folder", folder.display());
        }
        let value = tollgate_document::plain(&file, &load::read(&file)?)
            .map_err(|problems| anyhow::anyhow!("{}", problems.to_string().trim_end()))?;
        let written: Written = serde_json::from_value(value).with_context(|| format!("{}", file.display()))?;
        written.checked(folder).with_context(|| format!("{}", file.display()))
    }

    /// The component that `build` makes.
    pub(super) fn component(&self) -> PathBuf {
        self.folder.join("build").join(format!("{}.wasm", self.name))
    }

    /// What is laid beside the policy: the contract and its language's SDK.
    pub(super) fn laid(&self) -> PathBuf {
        self.folder.join(".tollgate")
    }
}

impl Written {
    fn checked(self, folder: &Path) -> anyhow::Result<Project> {
        check_name(&self.name)?;
        let phase = |word: &String| {
            let found = Phase::ALL.into_iter().find(|phase| phase.name() == word);
            found.with_context(|| format!("`phases` has `{word}`, which is none of on-request, on-response, on-error"))
        };
        let capability = |word: &String| {
            let found = Capability::ALL.into_iter().find(|capability| capability.name() == word);
            let known = Capability::ALL.map(Capability::name).join(", ");
            found.with_context(|| format!("`capabilities` has `{word}`, which is none of {known}, {FILES}"))
        };
        let phases: Vec<Phase> = self.phases.iter().map(phase).collect::<Result<_, _>>()?;
        if phases.is_empty() && self.language != Language::Rust {
            bail!("`phases` names no phase; write those that the source has, such as `phases: [on-request]`");
        }
        let source = self.source.unwrap_or_else(|| match self.language {
            Language::Rust => "src/lib.rs".into(),
            Language::Js => "policy.js".into(),
            Language::Ts => "policy.ts".into(),
            Language::Python => "policy.py".into(),
            Language::Go => "policy.go".into(),
            Language::C => "policy.c".into(),
        });
        let source = folder.join(source);
        if !source.exists() {
            bail!("there is no {}; `source` names where the policy begins", source.display());
        }
        let files = self.capabilities.iter().any(|word| word == FILES);
        if files && matches!(self.language, Language::Rust | Language::Js | Language::Ts) {
            bail!("`capabilities` has `{FILES}`, and {} has none here; Python, Go and C do", self.language.name());
        }
        let capabilities = self.capabilities.iter().filter(|word| *word != FILES);
        Ok(Project {
            folder: folder.to_owned(),
            name: self.name,
            language: self.language,
            source,
            tests: folder.join(self.tests),
            phases,
            body_gate: self.body_gate,
            capabilities: capabilities.map(capability).collect::<Result<_, _>>()?,
            files,
        })
    }
}

/// A name that a statement may have.
pub(super) fn check_name(name: &str) -> anyhow::Result<()> {
    if !is_id(name) {
        bail!("`{name}` can't be a policy's name: take lower-case letters, digits and hyphens, at most 64");
    }
    if load::built_in_names().contains(&name) {
        bail!("`{name}` is a built-in statement; take another name");
    }
    Ok(())
}
