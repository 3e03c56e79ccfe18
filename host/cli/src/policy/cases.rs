//! `tests/*.yaml`: cases that say what a policy does, in any language alike.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::Value;

use crate::load;

/// A file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CaseFile {
    /// For every case that has none of its own.
    #[serde(default)]
    pub(super) configuration: Value,
    /// As in a document's `grants`, for every case; the directories are looked for beside this file.
    #[serde(default)]
    pub(super) files: Value,
    pub(super) cases: Vec<Case>,
    #[serde(skip)]
    pub(super) path: PathBuf,
}

/// A case: a new gateway, the policy in it, and one or several exchanges.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Case {
    pub(super) name: String,
    #[serde(default)]
    pub(super) configuration: Option<Value>,
    /// What other services answer, in the order in which the policy asks.
    #[serde(default)]
    pub(super) callouts: Vec<Callout>,
    /// The configuration is refused, and the error holds this.
    #[serde(default)]
    pub(super) refused: Option<String>,
    #[serde(default)]
    pub(super) steps: Vec<Step>,
    // A case of one step is written without `steps`.
    #[serde(default)]
    request: Option<Request>,
    #[serde(default)]
    response: Option<Response>,
    #[serde(default)]
    error: Option<Failed>,
    #[serde(default)]
    expect: Option<Expect>,
}

/// An exchange, or time that passes.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Step {
    /// Seconds by which the clocks are put forward before the exchange.
    #[serde(default)]
    pub(super) clock: f64,
    #[serde(default)]
    pub(super) request: Request,
    /// What the origin answers: `on-response` sees it.
    #[serde(default)]
    pub(super) response: Option<Response>,
    /// What has gone wrong: `on-error` sees it, and nothing else runs.
    #[serde(default)]
    pub(super) error: Option<Failed>,
    #[serde(default)]
    pub(super) expect: Expect,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Request {
    pub(super) method: String,
    /// With its query. Example: `/orders/7?full=1`
    pub(super) path: String,
    pub(super) authority: String,
    pub(super) headers: BTreeMap<String, OneOrMany>,
    pub(super) body: Value,
    pub(super) client_ip: String,
    /// The id of the subscription whose key came.
    pub(super) subscription: Option<String>,
    /// Parameters of the operation's URL template.
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) variables: BTreeMap<String, Value>,
}

impl Default for Request {
    fn default() -> Request {
        Request {
            method: "GET".into(),
            path: "/".into(),
            authority: "api.example".into(),
            headers: BTreeMap::new(),
            body: Value::Null,
            client_ip: "192.0.2.1".into(),
            subscription: None,
            parameters: BTreeMap::new(),
            variables: BTreeMap::new(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, OneOrMany>,
    pub(super) body: Value,
}

impl Default for Response {
    fn default() -> Response {
        Response { status: 200, headers: BTreeMap::new(), body: Value::Null }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Failed {
    pub(super) status: u16,
    pub(super) source: String,
    pub(super) reason: String,
    pub(super) message: String,
}

impl Default for Failed {
    fn default() -> Failed {
        Failed { status: 500, source: "gateway".into(), reason: "PolicyFault".into(), message: String::new() }
    }
}

/// A request of the policy's own, and what it gets.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Callout {
    /// Example: `https://keys.example/v1/acme`
    pub(super) url: String,
    #[serde(default)]
    pub(super) method: Option<String>,
    #[serde(default = "ok")]
    pub(super) status: u16,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) body: Value,
    /// Nobody answers: `connect` or `timeout`.
    #[serde(default)]
    pub(super) error: Option<String>,
}

fn ok() -> u16 {
    200
}

/// What a step has to come to. What isn't written isn't looked at.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct Expect {
    /// `next`, `respond`, `reject`, or `fail` for a policy that breaks.
    pub(super) verdict: Option<String>,
    /// Of a `respond` or `reject`.
    pub(super) status: Option<u16>,
    /// Of a `reject`.
    pub(super) reason: Option<String>,
    /// Of a `reject`; of a `fail`, what its detail holds.
    pub(super) message: Option<String>,
    /// Of the answer; null for one that must be absent.
    pub(super) headers: BTreeMap<String, Option<OneOrMany>>,
    /// Of the answer: text, or JSON that is compared as JSON.
    pub(super) body: Option<Value>,
    /// The request as it goes on.
    pub(super) request: Option<Message>,
    /// The response as it goes on.
    pub(super) response: Option<Message>,
    pub(super) variables: BTreeMap<String, Value>,
    /// Lines of the log, in order, each with its level: `info: text`. A line need only hold what is written.
    pub(super) log: Option<Vec<String>>,
    /// Counters by their keys, as the limiter left them; null for one that must not be asked.
    pub(super) limiter: BTreeMap<String, Option<Counter>>,
}

/// What is expected of a counter.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Counter {
    pub(super) admitted: Option<bool>,
    pub(super) remaining: Option<u64>,
}

/// What is expected of a message.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Message {
    pub(super) method: Option<String>,
    pub(super) path: Option<String>,
    pub(super) status: Option<u16>,
    pub(super) headers: BTreeMap<String, Option<OneOrMany>>,
    pub(super) body: Option<Value>,
}

/// The values of a header.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(super) fn values(&self) -> &[String] {
        match self {
            OneOrMany::One(value) => std::slice::from_ref(value),
            OneOrMany::Many(values) => values,
        }
    }
}

/// A body as it travels: nothing, a text, or a document as JSON.
pub(super) fn body_bytes(body: &Value) -> Vec<u8> {
    match body {
        Value::Null => Vec::new(),
        Value::String(text) => text.clone().into_bytes(),
        document => document.to_string().into_bytes(),
    }
}

/// Every file of cases in a folder, by name.
pub(super) fn read(tests: &Path) -> anyhow::Result<Vec<CaseFile>> {
    let entries = std::fs::read_dir(tests).with_context(|| format!("{} can't be read", tests.display()))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml"));
    paths.sort();
    if paths.is_empty() {
        bail!("{} has no *.yaml, so there is nothing to test", tests.display());
    }
    paths.into_iter().map(read_file).collect()
}

fn read_file(path: PathBuf) -> anyhow::Result<CaseFile> {
    let value = tollgate_document::plain(&path, &load::read(&path)?)
        .map_err(|problems| anyhow::anyhow!("{}", problems.to_string().trim_end()))?;
    let mut file: CaseFile = serde_json::from_value(value).with_context(|| path.display().to_string())?;
    for case in &mut file.cases {
        case.gather().with_context(|| format!("{}: the case `{}`", path.display(), case.name))?;
    }
    file.path = path;
    Ok(file)
}

impl CaseFile {
    /// What a case configures the policy with; nothing at all is an empty mapping.
    pub(super) fn configuration_of(&self, case: &Case) -> Value {
        match case.configuration.as_ref().unwrap_or(&self.configuration) {
            Value::Null => Value::Object(serde_json::Map::new()),
            configuration => configuration.clone(),
        }
    }

    /// What the policy may read, and the folder beside which that is looked for.
    pub(super) fn files(&self) -> (&Value, &Path) {
        (&self.files, self.path.parent().unwrap_or(Path::new("")))
    }
}

impl Case {
    /// A case without `steps` is its only step.
    fn gather(&mut self) -> anyhow::Result<()> {
        let (request, response, error, expect) =
            (self.request.take(), self.response.take(), self.error.take(), self.expect.take());
        let is_short = request.is_some() || response.is_some() || error.is_some() || expect.is_some();
        match (is_short, self.steps.is_empty()) {
            (true, false) => bail!("has `steps` and an exchange of its own; write the exchange as a step"),
            (false, true) if self.refused.is_none() => bail!("has neither `request` nor `steps`"),
            (true, true) => self.steps.push(Step {
                clock: 0.0,
                request: request.unwrap_or_default(),
                response,
                error,
                expect: expect.unwrap_or_default(),
            }),
            _ => {}
        }
        Ok(())
    }
}
