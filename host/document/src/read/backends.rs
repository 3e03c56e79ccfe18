//! `backends`, and where an API's requests go.

use std::collections::HashMap;
use std::sync::Arc;

use tollgate_core::message::Scheme;

use super::fields::Fields;
use super::products::Ids;
use super::{Reader, Seen, origin};
use crate::backend::{Backend, Origin, OriginTls};
use crate::yaml::{Content, Node};

/// Backends that can be referred to.
pub(super) struct KnownBackends<'a> {
    ids: Ids<'a>,
    by_id: HashMap<&'a str, &'a Backend>,
}

impl<'a> KnownBackends<'a> {
    pub(super) fn of(backends: &'a [Backend]) -> KnownBackends<'a> {
        KnownBackends {
            ids: Ids::of(backends.iter().map(|backend| backend.id.as_str())),
            by_id: backends.iter().map(|backend| (backend.id.as_str(), backend)).collect(),
        }
    }
}

impl Reader<'_> {
    pub(super) fn backends(&mut self, node: Option<&Arc<Node>>) -> Vec<Backend> {
        let mut ids = Seen::default();
        let mut backends = Vec::new();
        for fields in self.each(node, "backends", &["id", "url", "tls"]) {
            let id = self.id(&fields, "a backend");
            ids.check(self, "backend id", &id, fields.mark_of("id"));
            let origin = self.required(&fields, "url", "a backend").and_then(|node| self.origin(node));
            let tls = self.tls(&fields, origin.as_ref());
            backends.push(Backend { id, origin: origin.unwrap_or_else(origin::placeholder), tls, mark: fields.mark });
        }
        backends
    }

    /// `backend` and `tls` of an API.
    pub(super) fn api_backend(&mut self, fields: &Fields<'_>, known: &KnownBackends<'_>) -> (Origin, OriginTls) {
        let node = self.required(fields, "backend", "an API");
        if let Some(node) = node
            && matches!(node.content, Content::Mapping(_))
        {
            if let Some((key, _)) = fields.entry("tls") {
                self.error(key.mark, "expected no `tls` beside `backend: { id: … }`; write it in `backends`");
            }
            return match self.backend_reference(node, known) {
                Some(backend) => (backend.origin.clone(), backend.tls.clone()),
                None => (origin::placeholder(), OriginTls::default()),
            };
        }
        let origin = node.and_then(|node| self.origin(node));
        let tls = self.tls(fields, origin.as_ref());
        (origin.unwrap_or_else(origin::placeholder), tls)
    }

    fn backend_reference<'a>(&mut self, node: &Node, known: &KnownBackends<'a>) -> Option<&'a Backend> {
        let fields = self.fields(node, "a mapping with the key `id`", &["id"]);
        let id = self.required(&fields, "id", "a reference to a backend")?;
        let id = self.reference(id, "backend", &known.ids)?;
        known.by_id.get(id.as_str()).copied()
    }

    fn origin(&mut self, node: &Node) -> Option<Origin> {
        let text = self.text(node, origin::EXPECTED)?;
        match origin::parse(text) {
            Ok(origin) => Some(origin),
            Err(expected) if text.contains('@') => {
                self.expected_of_secret(expected, node);
                None
            }
            Err(expected) => {
                self.expected(expected, node);
                None
            }
        }
    }

    fn tls(&mut self, fields: &Fields<'_>, origin: Option<&Origin>) -> OriginTls {
        let mut tls = OriginTls::default();
        let Some((key, node)) = fields.entry("tls") else {
            return tls;
        };
        if origin.is_some_and(|origin| origin.scheme == Scheme::Http) {
            self.error(key.mark, "expected no `tls` beside an `http` URL; write `https` if the origin speaks TLS");
        }
        let fields = self.fields(node, "a mapping with the keys `ca-file` and `verify`", &["ca-file", "verify"]);
        tls.ca_file = fields.get("ca-file").and_then(|node| self.file(node, "the path of a file of certificates"));
        tls.verify = self.flag(&fields, "verify", true);
        tls
    }
}
