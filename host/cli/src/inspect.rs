//! `tollgate inspect`: what a component is, as the gateway would see it.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use serde_json::{Value, json};
use tollgate_core::grants::{Capability, Grants};
use tollgate_core::manifest::BodyNeed;
use tollgate_core::place::{Phase, Scope, Section};
use tollgate_runtime::{Admitted, ComponentSource};

use crate::{BAD_INPUT, load, log};

pub(crate) fn inspect(file: &Path, as_json: bool) -> anyhow::Result<ExitCode> {
    let bytes = std::fs::read(file).with_context(|| format!("{} can't be read", file.display()))?;
    let runtime = load::runtime_for_checking()?;
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    // Everything is granted here: what it needs is what is shown.
    let source =
        ComponentSource { name: &name, bytes: bytes.into(), digest: None, grants: Grants::all(), built_in: false };
    let admitted = match runtime.admit(&source) {
        Ok(admitted) => admitted,
        Err(error) => {
            log::say_error(&anyhow::anyhow!("{}: {error}", file.display()));
            return Ok(ExitCode::from(BAD_INPUT));
        }
    };
    let report = if as_json { format!("{:#}\n", as_value(&admitted)) } else { as_text(&admitted) };
    io::stdout().write_all(report.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn grants_needed(admitted: &Admitted) -> Vec<Capability> {
    admitted.capabilities().iter().copied().filter(|capability| !capability.is_always_granted()).collect()
}

fn body_need(admitted: &Admitted, phase: Phase) -> String {
    match admitted.manifest.body(phase) {
        BodyNeed::None => "none".into(),
        BodyNeed::Buffer { max_bytes } => format!("buffer up to {max_bytes} bytes"),
    }
}

/// Where statements may stand: what the manifest says, or else what the phases allow.
fn sections(admitted: &Admitted) -> Vec<&'static str> {
    let allows = |section: &Section| {
        let listed = admitted.manifest.sections.as_deref().is_none_or(|sections| sections.contains(section));
        listed && admitted.has(section.phase())
    };
    Section::ALL.into_iter().filter(allows).map(Section::name).collect()
}

fn scopes(admitted: &Admitted) -> Vec<&'static str> {
    let scopes = admitted.manifest.scopes.as_deref().unwrap_or(&Scope::ALL);
    scopes.iter().map(|scope| scope.name()).collect()
}

fn as_value(admitted: &Admitted) -> Value {
    let manifest = &admitted.manifest;
    let phases: Vec<Value> = admitted
        .phases()
        .iter()
        .map(|phase| {
            let body = match manifest.body(*phase) {
                BodyNeed::None => json!("none"),
                BodyNeed::Buffer { max_bytes } => json!({ "buffer": { "max-bytes": max_bytes } }),
            };
            json!({ "phase": phase.name(), "body": body })
        })
        .collect();
    json!({
        "id": manifest.id,
        "version": manifest.version,
        "summary": manifest.summary,
        "bytes": admitted.bytes,
        "digest": format!("sha256:{}", admitted.digest),
        "class": admitted.class().name(),
        "phases": phases,
        "sections": sections(admitted),
        "scopes": scopes(admitted),
        "once": manifest.once,
        "rejections": manifest.rejections.iter().map(|r| json!({ "status": r.status, "reason": r.reason })).collect::<Vec<_>>(),
        "body-gate": admitted.has_body_gate(),
        "imports": admitted.imports(),
        "grants": grants_needed(admitted).iter().map(|c| c.name()).collect::<Vec<_>>(),
        "configuration": manifest.configuration,
    })
}

pub(crate) fn as_text(admitted: &Admitted) -> String {
    let manifest = &admitted.manifest;
    let mut text = format!("{} {} — {}\n", manifest.id, manifest.version, manifest.summary);
    text.push_str(&format!("size     {} bytes\ndigest   sha256:{}\n", admitted.bytes, admitted.digest));
    text.push_str(&format!("class    {}\n", admitted.class().name()));
    for phase in admitted.phases() {
        text.push_str(&format!("phase    {phase}, body: {}\n", body_need(admitted, *phase)));
    }
    text.push_str(&format!("sections {}", sections(admitted).join(", ")));
    text.push_str(if manifest.once { ", once\n" } else { "\n" });
    text.push_str(&format!("scopes   {}\n", scopes(admitted).join(", ")));
    for rejection in &manifest.rejections {
        let status = rejection.status.map_or("as configured".to_owned(), |status| status.to_string());
        text.push_str(&format!("rejects  {status} {}\n", rejection.reason));
    }
    for import in admitted.imports() {
        text.push_str(&format!("import   {import}\n"));
    }
    let grants = grants_needed(admitted);
    if grants.is_empty() {
        text.push_str("grants   none needed\n");
    } else {
        let keys: Vec<String> = grants.iter().map(|c| format!("{c}: true")).collect();
        text.push_str(&format!("grants   grants: {{ {} }}\n", keys.join(", ")));
    }
    match &manifest.configuration {
        Value::Bool(true) => text.push_str("configuration any: the manifest has no schema\n"),
        schema => text.push_str(&format!("configuration\n{schema:#}\n")),
    }
    text
}
