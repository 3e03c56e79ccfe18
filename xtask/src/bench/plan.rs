//! `bench/micro.yaml`: each of its APIs is a benchmark.

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
        let document = self.head.clone() + &apis.collect::<String>() + "\n";
        document.replace("{origin}", origin).replace("{folder}", &folder.display().to_string())
    }
}

impl Benchmark {
    /// A request that no other one is like: `number` is part of its path and of a header.
    pub(super) fn request(&self, number: u64) -> Vec<u8> {
        let name = &self.name;
        let (kind, body) = self.body();
        let method = if body.is_empty() { "GET" } else { "POST" };
        // The cache's answer is always the same one.
        let number = if name == "cache-hit" { 0 } else { number };
        let mut request = format!("{method} /{name}/items/{number:06} HTTP/1.1\r\nhost: gateway.example\r\n");
        request += &format!("x-tenant: tenant-{number:06}\r\nx-key: key\r\n");
        // Elsewhere it would keep responses out of the cache.
        if name == "validate-jwt" {
            request += &format!("authorization: Bearer {TOKEN}\r\n");
        }
        if !body.is_empty() {
            request += &format!("content-type: {kind}\r\ncontent-length: {}\r\n", body.len());
        }
        (request + "\r\n" + &body).into_bytes()
    }

    /// Content type and body, by the benchmark's name.
    fn body(&self) -> (&'static str, String) {
        const XML: &str = "application/xml";
        const JSON: &str = "application/json";
        match self.name.as_str() {
            "xml-to-json-1-kb" => (XML, xml(1 << 10)),
            "xml-to-json-100-kb" => (XML, xml(100 << 10)),
            "json-to-xml" | "find-and-replace" | "set-body" | "validate-content" => (JSON, json(1 << 10)),
            _ => ("", String::new()),
        }
    }
}

/// `{"alg":"HS256"}`, `{"sub":"a"}`, signed with the key that stands in the document.
const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.f8YmoJ2jQ65cIt3_kI9mZMe8rLiSJ4ZQA1l8QqszjbM";

fn xml(bytes: usize) -> String {
    let line = "<line number=\"7\"><sku>A-1009</sku><quantity>12</quantity><note>fragile &amp; heavy</note></line>";
    format!("<order>{}</order>", line.repeat(bytes / line.len()))
}

fn json(bytes: usize) -> String {
    let line = r#"{"number":7,"sku":"A-1009","quantity":12,"note":"fragile and heavy"}"#;
    format!(r#"{{"lines":[{}]}}"#, vec![line; bytes / line.len()].join(","))
}
