//! `otlp`: where traces and metrics are sent.

use std::sync::Arc;

use super::Reader;
use super::apis::is_token;
use crate::settings::{Otlp, Secret};
use crate::yaml::Node;

const KEYS: [&str; 8] =
    ["endpoint", "headers", "service-name", "traces", "metrics", "metrics-interval", "timeout", "tls"];

impl Reader<'_> {
    /// None without the key, or without an endpoint.
    pub(super) fn otlp(&mut self, node: Option<&Arc<Node>>, env: &dyn Fn(&str) -> Option<String>) -> Option<Otlp> {
        let fields = self.fields(node?, "a mapping with keys such as `endpoint`", &KEYS);
        let endpoint = self.required(&fields, "endpoint", "`otlp`").and_then(|node| self.origin(node));
        let tls = self.tls(&fields, endpoint.as_ref());
        let headers = self.otlp_headers(fields.get("headers"), env);
        let service_name = fields.get("service-name").and_then(|node| {
            const EXPECTED: &str = "a name of 1 to 255 characters";
            let name = self.text(node, EXPECTED)?;
            let fits = (1..=255).contains(&name.len()) && !name.chars().any(char::is_control);
            if !fits {
                self.expected(EXPECTED, node);
            }
            fits.then(|| name.to_owned())
        });
        let default = Otlp::to(endpoint?, fields.mark);
        Some(Otlp {
            tls,
            headers,
            service_name: service_name.unwrap_or(default.service_name),
            traces: self.flag(&fields, "traces", default.traces),
            metrics: self.flag(&fields, "metrics", default.metrics),
            metrics_interval: fields
                .get("metrics-interval")
                .and_then(|node| self.seconds(node, false, 3600))
                .unwrap_or(default.metrics_interval),
            timeout: fields.get("timeout").and_then(|node| self.seconds(node, false, 60)).unwrap_or(default.timeout),
            endpoint: default.endpoint,
            mark: default.mark,
        })
    }

    /// Fields of every request; values as those of `named-values`.
    fn otlp_headers(
        &mut self,
        node: Option<&Arc<Node>>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Vec<(String, Secret)> {
        const EXPECTED: &str = "a header's name, and none of the body's or the connection's";
        const OURS: [&str; 7] =
            ["connection", "content-length", "content-type", "host", "te", "transfer-encoding", "upgrade"];
        let mut headers = Vec::new();
        for fields in self.each(node, "headers", &["name", "value", "secret", "env", "file"]) {
            let Some(node) = self.required(&fields, "name", "a header") else { continue };
            let Some(name) = self.text(node, EXPECTED).map(str::to_ascii_lowercase) else { continue };
            if !is_token(&name) || OURS.contains(&name.as_str()) {
                self.expected(EXPECTED, node);
                continue;
            }
            let Some(value) = self.named_value(&fields, env) else { continue };
            let value = value.text().trim();
            if value.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
                self.error(fields.mark, "expected a value without control characters");
                continue;
            }
            headers.push((name, Secret::new(value)));
        }
        headers
    }
}
