//! A gateway for one case: the policy in a plan of its own, with fake services around it, and called as workers call it.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};
use tollgate_core::fault::Fault;
use tollgate_core::message::{RequestHead, ResponseHead, Scheme};
use tollgate_core::place::{Phase, Section};
use tollgate_core::verdict::Verdict;
use tollgate_runtime::{
    Answered, Called, Exchange, Facts, HttpClient, HttpFailure, IncomingResponse, LastError, Leases, OutgoingRequest,
    RouteFacts, Statement, SubscriptionFacts,
};

use super::cases::{Callout, OneOrMany, Request, Step, body_bytes};
use crate::load;

/// A policy that is ready to be called.
pub(super) struct Rehearsal {
    pub(super) leases: Leases,
    pub(super) statement: Arc<Statement>,
    executor: tokio::runtime::Runtime,
    callouts: Arc<FakeServices>,
}

/// What a policy is rehearsed with.
pub(super) struct Settings<'a> {
    pub(super) configuration: &'a Value,
    pub(super) callouts: &'a [Callout],
    /// What the case file says under `files`, and the folder it says it in.
    pub(super) files: (&'a Value, &'a Path),
    /// `warm` or `fresh`.
    pub(super) isolation: &'static str,
}

/// What came of an exchange.
pub(super) struct Outcome {
    pub(super) exchange: Box<Exchange>,
    pub(super) request_body: Bytes,
    pub(super) response_body: Bytes,
    /// Of the last phase that ran.
    pub(super) called: Result<Called, Fault>,
    pub(super) phase: Phase,
}

impl Rehearsal {
    /// A gateway whose only statement is the policy.
    ///
    /// # Errors
    ///
    /// What the gateway says of the component or its configuration.
    pub(super) fn new(component: &Path, name: &str, settings: &Settings<'_>) -> anyhow::Result<Rehearsal> {
        let runtime = load::runtime_for_checking()?;
        let builder = load::builder(Arc::clone(&runtime));
        let statement = statement(&builder, component, name, settings)?;
        let callouts = Arc::new(FakeServices { left: Mutex::new(settings.callouts.iter().cloned().collect()) });
        let client: Arc<dyn HttpClient> = Arc::clone(&callouts) as Arc<dyn HttpClient>;
        let executor = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        Ok(Rehearsal { leases: Leases::new(runtime, 0, Some(client), None), statement, executor, callouts })
    }

    /// Run the phases that a step is for.
    pub(super) fn exchange(&self, step: &Step) -> anyhow::Result<Outcome> {
        let exchange = Box::new(exchange(step)?);
        let response_body = step.response.as_ref().map(|response| body_bytes(&response.body)).unwrap_or_default();
        let mut outcome = Outcome {
            exchange,
            request_body: body_bytes(&step.request.body).into(),
            response_body: response_body.into(),
            called: Ok(Called { verdict: Verdict::Next, fuel: 0 }),
            phase: Phase::OnRequest,
        };
        let has = |phase| self.statement.unit.admitted.has(phase);
        if step.error.is_some() {
            return self.phase(outcome, Phase::OnError);
        }
        let response = outcome.exchange.response.take();
        if has(Phase::OnRequest) {
            outcome = self.phase(outcome, Phase::OnRequest)?;
        }
        let goes_on = matches!(&outcome.called, Ok(Called { verdict: Verdict::Next, .. }));
        outcome.exchange.response = response;
        if goes_on && outcome.exchange.response.is_some() && has(Phase::OnResponse) {
            outcome = self.phase(outcome, Phase::OnResponse)?;
        }
        Ok(outcome)
    }

    /// Fake services that nobody asked.
    pub(super) fn unasked(&self) -> Vec<String> {
        self.callouts.left().iter().map(|callout| callout.url.clone()).collect()
    }

    fn phase(&self, outcome: Outcome, phase: Phase) -> anyhow::Result<Outcome> {
        let Outcome { mut exchange, mut request_body, mut response_body, .. } = outcome;
        if let Some(max) = self.statement.body_need(phase) {
            let asked = self.executor.block_on(self.leases.wants_body(&self.statement, phase, exchange));
            exchange = asked.0.context("the gateway lost the exchange")?;
            let body = if phase == Phase::OnRequest { &request_body } else { &response_body };
            if matches!(asked.1, Ok(true)) {
                anyhow::ensure!(body.len() <= max, "the body has {} bytes, and the policy takes {max}", body.len());
                match phase {
                    Phase::OnRequest => exchange.request_body = Some(body.clone()),
                    Phase::OnResponse | Phase::OnError => exchange.response_body = Some(body.clone()),
                }
            }
        }
        let ended = self.executor.block_on(self.leases.call_waiting(&self.statement, phase, exchange));
        let called = ended.called;
        let mut exchange = ended.exchange.context("the gateway lost the exchange")?;
        (exchange.request_body, exchange.response_body) = (None, None);
        if let Ok(called) = &called {
            keep(&mut exchange);
            if matches!(called.verdict, Verdict::Next) {
                apply(&mut exchange, phase, &mut request_body, &mut response_body);
            }
        }
        Ok(Outcome { exchange, request_body, response_body, called, phase })
    }
}

/// The policy in a document of its own: what is wrong with it is said as the gateway says it.
fn statement(
    builder: &tollgate_gateway::PlanBuilder,
    component: &Path,
    name: &str,
    settings: &Settings<'_>,
) -> anyhow::Result<Arc<Statement>> {
    let admitted = super::build::check(name, component)?;
    let sections = admitted.manifest.sections.as_deref().unwrap_or(&Section::ALL);
    let section = sections.iter().find(|section| admitted.has(section.phase()));
    let section = section.context("the manifest's `sections` leave no section for its phases")?;
    let mut origins: Vec<Value> = Vec::new();
    for callout in settings.callouts {
        let url: http::Uri = callout.url.parse().with_context(|| format!("`{}` is no URL", callout.url))?;
        let origin =
            format!("{}://{}", url.scheme_str().unwrap_or("https"), url.authority().map_or("", |a| a.as_str()));
        let rule = json!({ "origin": origin, "private": true });
        if !origins.contains(&rule) {
            origins.push(rule);
        }
    }
    let mut grants = serde_json::Map::new();
    for capability in crate::inspect::grants_needed(&admitted) {
        let is_http = capability.name() == "http";
        grants.insert(capability.name().into(), if is_http { json!(origins) } else { json!(true) });
    }
    let mut place = PathBuf::from("configuration");
    let (files, folder) = settings.files;
    if !files.is_null() {
        grants.insert("files".into(), files.clone());
        place = folder.join(place);
    }
    let document = json!({
        "components": { name: { "file": std::path::absolute(component)?, "grants": grants } },
        "apis": [{ "id": "test", "path": "", "backend": "http://origin.example", "subscription-required": false,
            "policies": { section.name(): [{ name: settings.configuration, "isolation": settings.isolation }] } }],
    });
    let (_, plan) = load::plan(builder, &place, &document.to_string())
        .map_err(|problems| anyhow!("{}", problems.to_string().trim_end()))?;
    plan.statement(name).cloned().context("the plan has no such statement")
}

/// What happens after `next`, as the gateway does it.
fn apply(exchange: &mut Exchange, phase: Phase, request_body: &mut Bytes, response_body: &mut Bytes) {
    let diff = &mut exchange.effects.diff;
    match phase {
        Phase::OnRequest => {
            diff.request.headers.apply(&mut exchange.request.headers);
            exchange.request.method = diff.request.method.take().unwrap_or_else(|| exchange.request.method.clone());
            exchange.request.target = diff.request.target.take().unwrap_or_else(|| exchange.request.target.clone());
            exchange.backend = diff.backend.take().or_else(|| exchange.backend.take());
            *request_body = diff.request.body.take().unwrap_or_else(|| request_body.clone());
        }
        Phase::OnResponse | Phase::OnError => {
            let Some(response) = &mut exchange.response else { return };
            diff.response.headers.apply(&mut response.headers);
            response.status = diff.response.status.take().unwrap_or(response.status);
            *response_body = diff.response.body.take().unwrap_or_else(|| response_body.clone());
        }
    }
}

/// What happens after every verdict: variables are kept, and headers for whatever response comes.
fn keep(exchange: &mut Exchange) {
    for (name, json) in exchange.effects.diff.variables.drain(..) {
        // Its capability has looked at the size.
        let _ = exchange.variables.set_json(&name, &json);
    }
    exchange.staged_headers.append(&mut exchange.effects.diff.staged);
}

fn exchange(step: &Step) -> anyhow::Result<Exchange> {
    let Request { method, path, authority, headers, client_ip, subscription, parameters, variables, .. } =
        &step.request;
    let client_ip: IpAddr = client_ip.parse().with_context(|| format!("`{client_ip}` is no IP address"))?;
    let backend =
        tollgate_core::base_url::BaseUrl::parse("http://origin.example").map_err(|error| anyhow!("{error}"))?;
    let route = RouteFacts {
        api: "test".into(),
        api_path: String::new(),
        operation: None,
        product: None,
        backend,
        backends: Arc::default(),
    };
    let subscription =
        subscription.as_ref().map(|id| Arc::new(SubscriptionFacts { id: id.clone(), start_unix_ms: 0, owner: None }));
    let facts = Facts {
        request_id: "00000000000000000000000000000000".into(),
        client_ip,
        client_ipv6_prefix: 64,
        route: Arc::new(route),
        subscription,
        parameters: parameters.iter().map(|(name, value)| (name.as_str().into(), value.clone())).collect(),
        started: Instant::now(),
    };
    let request = RequestHead {
        method: Method::from_bytes(method.as_bytes()).with_context(|| format!("`{method}` is no method"))?,
        scheme: Scheme::Https,
        authority: authority.clone(),
        target: path.parse().with_context(|| format!("`{path}` is no path with a query"))?,
        headers: header_map(headers)?,
    };
    let mut exchange = Exchange::new(facts, request);
    exchange.counted = Some(Vec::new());
    for (name, value) in variables {
        exchange
            .variables
            .set_json(name, &value.to_string())
            .map_err(|error| anyhow!("variable `{name}`: {error:?}"))?;
    }
    if let Some(response) = &step.response {
        let mut head = ResponseHead::new(StatusCode::from_u16(response.status)?);
        head.headers = header_map(&response.headers)?;
        exchange.response = Some(head);
    }
    if let Some(error) = &step.error {
        let status = StatusCode::from_u16(error.status)?;
        exchange.response.get_or_insert_with(|| ResponseHead::new(status)).status = status;
        exchange.last_error = Some(LastError {
            source: error.source.clone(),
            reason: error.reason.clone(),
            message: error.message.clone(),
            statement: None,
            at: None,
            status: error.status,
        });
    }
    Ok(exchange)
}

fn header_map(headers: &std::collections::BTreeMap<String, OneOrMany>) -> anyhow::Result<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, values) in headers {
        let name: HeaderName = name.parse().with_context(|| format!("`{name}` is no header name"))?;
        for value in values.values() {
            map.append(&name, HeaderValue::from_str(value).with_context(|| format!("the value of `{name}`"))?);
        }
    }
    Ok(map)
}

/// Other services, as the case says.
struct FakeServices {
    left: Mutex<VecDeque<Callout>>,
}

impl FakeServices {
    fn left(&self) -> std::sync::MutexGuard<'_, VecDeque<Callout>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: &OutgoingRequest) -> Result<IncomingResponse, HttpFailure> {
        let url = format!("{}{}", request.origin, request.target);
        let mut left = self.left();
        let Some(callout) = left.pop_front() else {
            return Err(HttpFailure::Broken(format!("the case has no further callout, and the policy asks {url}")));
        };
        let method = callout.method.as_deref().unwrap_or(request.method.as_str());
        let same = |text: &str| text.trim_end_matches('/').to_owned();
        if same(&callout.url) != same(&url) || method != request.method.as_str() {
            let wanted = format!("{method} {}", callout.url);
            return Err(HttpFailure::Broken(format!(
                "the case expects {wanted}, and the policy asks {} {url}",
                request.method
            )));
        }
        match callout.error.as_deref() {
            Some("timeout") => return Err(HttpFailure::Timeout),
            Some(other) => return Err(HttpFailure::Connect(other.to_owned())),
            None => {}
        }
        let bad = |error: &dyn std::fmt::Display| HttpFailure::Broken(format!("the callout {url}: {error}"));
        let mut head = ResponseHead::new(StatusCode::from_u16(callout.status).map_err(|error| bad(&error))?);
        for (name, value) in &callout.headers {
            let name: HeaderName = name.parse().map_err(|error| bad(&error))?;
            head.headers.append(name, HeaderValue::from_str(value).map_err(|error| bad(&error))?);
        }
        Ok(IncomingResponse { head, body: body_bytes(&callout.body).into() })
    }
}

impl HttpClient for FakeServices {
    fn send(&self, request: OutgoingRequest) -> Answered {
        let answer = self.answer(&request);
        Box::pin(async move { answer })
    }

    fn send_one_way(&self, request: OutgoingRequest, _describe: String) -> Result<(), HttpFailure> {
        self.answer(&request).map(drop)
    }
}

/// Put the clocks of policies forward.
pub(super) fn put_forward(seconds: f64) -> anyhow::Result<()> {
    let by = Duration::try_from_secs_f64(seconds).with_context(|| format!("`clock: {seconds}` is no time"))?;
    tollgate_runtime::put_forward(by);
    Ok(())
}
