//! `tollgate trace`: what happened to a request, asked of a running gateway's admin address.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

/// The longest that a gateway may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The largest answer that is read: more than a trace can have.
const MAX_BYTES: u64 = 32 << 20;

pub(crate) fn trace(id: Option<&str>, admin: SocketAddr) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    let Some(id) = id else {
        let token = ask(admin, "POST", "/debug-tokens")?;
        writeln!(out, "tollgate-debug-authorization: {}", token["token"].as_str().unwrap_or_default())?;
        writeln!(out, "(a request header, good for {} seconds)", token["seconds"])?;
        for id in ask(admin, "GET", "/traces")?.as_array().into_iter().flatten().filter_map(Value::as_str) {
            writeln!(out, "{id}")?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        bail!("{id:?} is no trace id");
    }
    let trace = ask(admin, "GET", &format!("/traces/{id}"))?;
    let text = |key: &str| trace[key].as_str().unwrap_or_default().to_owned();
    writeln!(out, "{} {} → {} in {} µs", text("method"), text("url"), trace["status"], trace["elapsedUs"])?;
    for key in ["api", "operation", "product", "subscription"] {
        if let Some(name) = trace[key].as_str() {
            writeln!(out, "{key:<14}{name}")?;
        }
    }
    if let Value::Object(error) = &trace["lastError"] {
        let part = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
        writeln!(out, "{:<14}{} {}: {}", "error", part("source"), part("reason"), part("message"))?;
    }
    for step in trace["steps"].as_array().into_iter().flatten() {
        write_step(&mut out, step)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One line for what ran, and one for each thing that it did.
fn write_step(out: &mut impl Write, step: &Value) -> std::io::Result<()> {
    let text = |key: &str| step[key].as_str().unwrap_or_default();
    match step["step"].as_str() {
        Some(name) => writeln!(out, "{:<9} {name}  {}", text("section"), text("source"))?,
        // What a statement says stands before what it did.
        None => writeln!(out, "{:<9} {} says", "", text("statement"))?,
    }
    let known = ["step", "statement", "section", "source", "scope", "place", "phase", "endedAtUs"];
    for (key, value) in step.as_object().into_iter().flatten() {
        if !known.contains(&key.as_str()) && !value.is_null() {
            writeln!(out, "            {key}: {value}")?;
        }
    }
    Ok(())
}

fn ask(admin: SocketAddr, method: &str, path: &str) -> anyhow::Result<Value> {
    let mut stream = TcpStream::connect_timeout(&admin, PATIENCE)
        .with_context(|| format!("no gateway answers on the admin address {admin}"))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "{method} {path} HTTP/1.1\r\nhost: {admin}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(MAX_BYTES).read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer is no HTTP")?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    match status {
        "200" | "201" => serde_json::from_str(body).context("the answer is no JSON"),
        "404" => bail!("there is no such trace; the newest 100 are kept"),
        other => bail!("the gateway answered {other}: {}", body.trim()),
    }
}
