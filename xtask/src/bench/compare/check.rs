//! Whether a row's proxy does its work, before it is measured.

use super::rows::{Proxy, Running};
use super::tollgate;
use crate::bench::client::Client;
use crate::bench::load::Over;
use crate::bench::nginx;
use anyhow::{Result, bail};

/// Send some requests, and look at what has come to the origin or from it. Rows within TLS and HTTP/2 show in their load that they answer.
pub(super) fn check(running: &Running<'_>) -> Result<()> {
    let row = running.row;
    if row.load.over != Over::Cleartext {
        return Ok(());
    }
    let mut client = Client::connect(&running.address.to_string())?;
    let host = running.address;
    let mut get =
        |path: &str| client.send(format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nx-tenant: acme\r\n\r\n").as_bytes());
    match row.proxy {
        Proxy::Nginx(nginx::Work::Lua(count))
        | Proxy::Caddy(count)
        | Proxy::Envoy(count)
        | Proxy::Tollgate(tollgate::Work::Headers(count, _)) => {
            let seen = get("/seen")?;
            let headers = seen.matches("acme").count();
            if headers != count {
                bail!("{}: {headers} headers came to the origin: {seen}", row.name);
            }
        }
        Proxy::Nginx(nginx::Work::Cache) | Proxy::Tollgate(tollgate::Work::Cache) => {
            let (first, second) = (get("/cached")?, get("/cached")?);
            if first != second {
                bail!("{}: nothing was answered from the cache", row.name);
            }
        }
        Proxy::Tollgate(tollgate::Work::Chain) => expect(row.name, &get("/seen")?, "chain")?,
        Proxy::Tollgate(tollgate::Work::Replace) => {
            let body = r#"{"note":"fragile"}"#;
            let shorter = format!("length={}", body.len() - 1);
            expect(row.name, &client.send(post(body).as_bytes())?, &shorter)?;
        }
        Proxy::Tollgate(tollgate::Work::JsonToXml) => {
            expect(row.name, &client.send(post(r#"{"note":"fragile"}"#).as_bytes())?, "/xml")?;
        }
        _ => expect(row.name, &get("/")?, "hello, world")?,
    }
    Ok(())
}

fn post(body: &str) -> String {
    let length = body.len();
    format!(
        "POST /seen HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

fn expect(row: &str, seen: &str, part: &str) -> Result<()> {
    match seen.contains(part) {
        true => Ok(()),
        false => bail!("{row}: `{part}` is not in the answer: {seen}"),
    }
}
