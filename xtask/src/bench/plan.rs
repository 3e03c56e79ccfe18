//! `bench/micro.yaml`: each of its APIs is a benchmark.

use super::gateway::operations;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::path::Path;

const FILE: &str = "bench/micro.yaml";

/// What separates one API from the next.
const API: &str = "\n  - id: ";

pub(super) struct Plan {
    /// The document up to its APIs.
    head: String,
    pub(super) benchmarks: Vec<Benchmark>,
}

#[derive(Clone)]
pub(super) struct Benchmark {
    /// The API's id.
    pub(super) name: String,
    /// Whether an instance is made for each call.
    pub(super) fresh: bool,
    /// The API in the document, from its id on.
    api: String,
}

impl Plan {
    pub(super) fn read(workspace: &Workspace) -> Result<Self> {
        let path = workspace.root.join(FILE);
        let text = std::fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
        let mut pieces = text.split(API);
        let head = pieces.next().unwrap_or_default().to_owned();
        let benchmark = |api: &str| Benchmark {
            name: api.lines().next().unwrap_or_default().to_owned(),
            fresh: api.contains("isolation: fresh"),
            api: api.trim_end().to_owned(),
        };
        Ok(Self { head, benchmarks: pieces.map(benchmark).collect() })
    }

    /// Only benchmarks that have one of `names` in theirs; all if there is none.
    pub(super) fn only(mut self, names: &[&String]) -> Result<Self> {
        let wanted = |one: &Benchmark| names.is_empty() || names.iter().any(|name| one.name.contains(name.as_str()));
        self.benchmarks.retain(wanted);
        if self.benchmarks.is_empty() {
            bail!("no benchmark of {FILE} is called {names:?}");
        }
        Ok(self)
    }

    /// Every `parts`th benchmark, from `part` on.
    pub(super) fn part(&self, part: usize, parts: usize) -> Self {
        let benchmarks = self.benchmarks.iter().skip(part).step_by(parts).cloned().collect();
        Self { head: self.head.clone(), benchmarks }
    }

    /// The document, with each API below a path of its own name.
    pub(super) fn document(&self, origin: &str, folder: &Path) -> String {
        let apis = self.benchmarks.iter().map(|one| {
            let path = format!("{}\n    path: {0}\n    backend: {{origin}}", one.name);
            format!("{API}{}", one.api.replacen(&one.name, &path, 1))
        });
        let document = completed(self.head.clone() + &apis.collect::<String>() + "\n", |name| {
            self.benchmarks.iter().any(|one| one.name == name)
        });
        document.replace("{origin}", origin).replace("{folder}", &folder.display().to_string())
    }
}

/// Put operations for `{operations N}`, and a benchmark's name for `{if NAME}` if it is there.
fn completed(document: String, is_there: impl Fn(&str) -> bool) -> String {
    let mut completed = String::new();
    let lines = document.split_inclusive('\n').filter(|line| !line.starts_with('#'));
    for line in lines {
        let placeholder = |kind| line.split_once(kind).and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
        if let Some((_, (count, _))) = placeholder("{operations ") {
            completed += &operations(count.parse().unwrap_or(0));
        } else if let Some((before, (name, after))) = placeholder("{if ") {
            completed += &[before, if is_there(name) { name } else { "" }, after].concat();
        } else {
            completed += line;
        }
    }
    completed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_and_names_take_the_places_that_are_kept_for_them() {
        let document = "# {if one}\na: [ {if one}{ ]\nb: [ {if two} ]\n    {operations 2}\nc\n".to_owned();
        let completed = completed(document, |name| name == "one");
        assert!(completed.starts_with("a: [ one{ ]\nb: [  ]\n    operations:\n"), "{completed}");
        assert!(completed.contains("/items-2/{id}") && !completed.contains("/items-3/"), "{completed}");
        assert!(completed.ends_with("\nc\n"), "{completed}");
    }
}
