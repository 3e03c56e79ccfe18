//! The page: a table of all statements, and a table of attributes for each.

use super::attribute::{self, Attribute};
use anyhow::{Context, Result};
use serde_json::Value;
use std::fmt::Write;

/// What stands above the tables. The gateway's own flow has no manifests.
const INTRODUCTION: &str = "\
# Statements

Every statement that comes with the gateway, as its component's manifest describes it. `cargo xtask docs` writes this page, and the test
command refuses one that says something else than the manifests. How a statement behaves is on its own page, behind its name.

`choose`, `retry`, `wait`, `limit-concurrency`, `set-variable`, `include-fragment`, `forward-request` and `base` are no components but the
gateway's own: see [flow](../configuration.md#flow). What may stand beside every statement (`id`, `when`, `on-failure`, …), is told
[there](../configuration.md#statements), too. `tollgate inspect` shows the same of any component.
";

/// What stands below them: what people look for who come from API Management.
const ABSENT: &str = "
## What API Management has and this gateway hasn't

| there | here |
| --- | --- |
| `log-to-eventhub` | [`log-event`](../../policies/log-event/README.md) |
| `validate-azure-ad-token` | [`validate-jwt`](../../policies/validate-jwt/README.md) with the tenant's `openid-config` |
| `authentication-managed-identity`, `get-authorization-context` | `send-request` and a cached token, as in [token-exchange](../../examples/situations/token-exchange) |
| `authentication-certificate`, `validate-client-certificate`, `proxy` | nothing: no client certificates either way, and no proxies on the way to origins |
| `cross-domain` | nothing: it was for plug-ins that browsers no longer have; see [`cors`](../../policies/cors/README.md) |
| `xsl-transform` | [`xml-to-json`](../../policies/xml-to-json/README.md), [`json-to-xml`](../../policies/json-to-xml/README.md), or a Liquid template in [`set-body`](../../policies/set-body/README.md), which reads XML |
| GraphQL, OData, Dapr, Service Bus and language models | nothing |

`xsl-transform` waits for a library. A component may hold nothing but WebAssembly, be small, and take documents that clients choose. Looked
at were, in November 2026: `xrust` 2.3, which has the elements of XSLT 1.0 on the data model of 3.0, says itself that it is not
compliant with 1.0, and lists `xsl:output` and `xsl:namespace-alias` as not implemented, without which a stylesheet can't say what it writes;
`xee-xslt-compiler` 0.1, an unfinished XSLT 3.0; `libxml-rs` 0.1 alpha; and `libxslt` 0.1, bindings to the C library, which would have
to run outside of any component, with its history of memory errors.
";

/// The page's text. `manifests` are what `tollgate inspect --json` says, sorted by name.
pub(super) fn written(manifests: &[Value]) -> Result<String> {
    let mut page = INTRODUCTION.to_owned();
    page.push_str("\n| statement | sections | scopes | rejections | |\n| --- | --- | --- | --- | --- |\n");
    for manifest in manifests {
        let name = manifest["id"].as_str().context("a manifest lacks its id")?;
        writeln!(
            page,
            "| [`{name}`](../../policies/{name}/README.md) | {}{} | {} | {} | {} |",
            listed(&manifest["sections"], 4),
            if manifest["once"] == true { ", once" } else { "" },
            listed(&manifest["scopes"], 4),
            rejections(&manifest["rejections"]),
            cell(manifest["summary"].as_str().unwrap_or_default()),
        )?;
    }
    page.push_str("\n## Attributes\n\nWhere *dynamic* says yes, an [expression](../expressions.md) may stand.\n");
    for manifest in manifests {
        let name = manifest["id"].as_str().unwrap_or_default();
        write!(page, "\n### {name}\n\n")?;
        attributes(&mut page, name, &manifest["configuration"])?;
    }
    page.push_str(ABSENT);
    Ok(page)
}

fn attributes(page: &mut String, name: &str, schema: &Value) -> Result<()> {
    let rows = attribute::of(schema);
    if let Some(short) = attribute::short_form(schema) {
        writeln!(page, "In short: `{name}:` with {short}.\n")?;
    }
    if rows.is_empty() {
        writeln!(page, "None.")?;
        return Ok(());
    }
    page.push_str("| attribute | required | dynamic | value | |\n| --- | --- | --- | --- | --- |\n");
    let yes = |is: bool| if is { "yes" } else { "" };
    for Attribute { name, required, dynamic, kind, description } in rows {
        writeln!(
            page,
            "| `{name}` | {} | {} | {} | {} |",
            yes(required),
            yes(dynamic),
            cell(&kind),
            cell(&description)
        )?;
    }
    Ok(())
}

/// Names, or `all` if there are that many.
fn listed(names: &Value, all: usize) -> String {
    let names: Vec<&str> = names.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if names.len() == all { "all".to_owned() } else { names.join(", ") }
}

/// Each status with its reasons, in their order: ``400 `A`, `B`; 502 `A` ``.
fn rejections(list: &Value) -> String {
    let mut statuses: Vec<(String, Vec<String>)> = Vec::new();
    for rejection in list.as_array().into_iter().flatten() {
        let status = rejection["status"].as_u64().map_or("as configured".to_owned(), |status| status.to_string());
        let reason = format!("`{}`", rejection["reason"].as_str().unwrap_or_default());
        match statuses.iter_mut().find(|(known, _)| *known == status) {
            Some((_, reasons)) => reasons.push(reason),
            None => statuses.push((status, vec![reason])),
        }
    }
    let lines: Vec<String> =
        statuses.iter().map(|(status, reasons)| format!("{status} {}", reasons.join(", "))).collect();
    lines.join("; ")
}

/// Text that can't end a table's cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_statement_has_a_row_and_a_table() {
        let manifest = json!({
            "id": "limit", "summary": "Limits a|b", "sections": ["inbound"], "scopes": ["global", "product", "api", "operation"],
            "once": true, "rejections": [{ "status": 429, "reason": "TooMany" }, { "status": null, "reason": "Odd" }],
            "configuration": { "type": "object", "required": ["calls"],
                "properties": { "calls": { "type": "integer", "minimum": 1, "description": "How many." } } },
        });
        let page = written(&[manifest]).unwrap();
        let row = "| [`limit`](../../policies/limit/README.md) | inbound, once | all | 429 `TooMany`; as configured `Odd` | Limits a\\|b |";
        assert!(page.contains(row), "{page}");
        assert!(page.contains("| `calls` | yes |  | integer, at least 1 | How many. |"), "{page}");
    }
}
