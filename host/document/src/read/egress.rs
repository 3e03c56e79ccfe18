//! Origins that statements may call: `egress`, and the grant `http` of a component.

use tollgate_core::egress::{self, Egress, EgressRule};

use super::Reader;
use crate::yaml::{Content, Node};

impl Reader<'_> {
    /// A list of origins, each a text or `{ origin: …, private: … }`.
    pub(super) fn egress(&mut self, node: &Node) -> Egress {
        const EXPECTED: &str = "a list of the origins that may be called, such as `[https://tenants.example]`";
        let items = self.list(node, EXPECTED).unwrap_or_default();
        Egress::new(items.iter().filter_map(|item| self.egress_rule(item)).collect())
    }

    fn egress_rule(&mut self, node: &Node) -> Option<EgressRule> {
        if !matches!(node.content, Content::Mapping(_)) {
            return self.callable_origin(node);
        }
        let fields = self.fields(node, "an origin", &["origin", "private"]);
        let rule = self
            .required(&fields, "origin", "an origin that may be called")
            .and_then(|node| self.callable_origin(node));
        let private = self.flag(&fields, "private", false);
        Some(EgressRule { private, ..rule? })
    }

    fn callable_origin(&mut self, node: &Node) -> Option<EgressRule> {
        let text = self.text(node, egress::EXPECTED)?;
        match EgressRule::parse(text) {
            Ok(rule) => Some(rule),
            Err(expected) if text.contains('@') => {
                self.expected_of_secret(&expected, node);
                None
            }
            Err(expected) => {
                self.expected(&expected, node);
                None
            }
        }
    }
}
