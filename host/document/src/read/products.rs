//! `products`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tollgate_core::place::Scope;

use super::fields::Fields;
use super::{Reader, Seen};
use crate::document::{Api, PLACEHOLDER_ID, Product, ProductState};
use crate::yaml::{Node, Quoted};

impl Reader<'_> {
    pub(super) fn products(&mut self, node: Option<&Arc<Node>>, apis: &[Api]) -> Vec<Product> {
        const KEYS: [&str; 5] = ["id", "apis", "subscription-required", "state", "policies"];
        let known = Ids::of(apis.iter().map(|api| api.id.as_str()));
        let mut ids = Seen::default();
        let mut open = HashMap::new();
        let mut products = Vec::new();
        for fields in self.each(node, "products", &KEYS) {
            let id = self.id(&fields, "a product");
            ids.check(self, "product id", &id, fields.mark_of("id"));
            let subscription_required = self.flag(&fields, "subscription-required", true);
            let named = self.api_references(&fields, &known);
            if !subscription_required {
                self.check_open(&id, &named, &mut open);
            }
            let states = [("published", ProductState::Published), ("not-published", ProductState::NotPublished)];
            products.push(Product {
                apis: named.into_iter().map(|(api, _)| api).collect(),
                subscription_required,
                state: self.word(&fields, "state", &states),
                policies: self.scope(&fields, Scope::Product, &format!("products/{id}")),
                mark: fields.mark,
                id,
            });
        }
        products
    }

    fn api_references<'n>(&mut self, fields: &Fields<'n>, known: &Ids<'_>) -> Vec<(String, &'n Node)> {
        let items = fields.get("apis").and_then(|node| self.list(node, "a list of API ids"));
        let mut seen = Seen::default();
        let mut named = Vec::new();
        for item in items.unwrap_or_default() {
            if let Some(api) = self.reference(item, "API", known) {
                seen.check(self, "API in this product", &api, item.mark);
                named.push((api, &**item));
            }
        }
        named
    }

    /// An API is in at most one open product: else nobody could say whose policies run without a key.
    fn check_open(&mut self, product: &str, named: &[(String, &Node)], open: &mut HashMap<String, String>) {
        for (api, node) in named {
            match open.get(api) {
                Some(other) if other != product => {
                    let message = format!(
                        "the API {} is in the open product {} already; it can be in one only",
                        Quoted(api),
                        Quoted(other)
                    );
                    self.error(node.mark, message);
                }
                Some(_) => {}
                None => {
                    open.insert(api.clone(), product.to_owned());
                }
            }
        }
    }

    /// The id of something that must exist.
    pub(super) fn reference(&mut self, node: &Node, kind: &str, known: &Ids<'_>) -> Option<String> {
        let id = self.text(node, &format!("the id of the {kind}"))?;
        if known.contains(id) {
            return Some(id.to_owned());
        }
        self.unknown(node.mark, kind, id, &known.in_order);
        None
    }
}

/// Ids that can be referred to.
pub(super) struct Ids<'a> {
    in_order: Vec<&'a str>,
    set: HashSet<&'a str>,
}

impl<'a> Ids<'a> {
    pub(super) fn of(ids: impl Iterator<Item = &'a str>) -> Ids<'a> {
        let mut set = HashSet::new();
        let in_order = ids.filter(|&id| id != PLACEHOLDER_ID && set.insert(id)).collect();
        Ids { in_order, set }
    }

    fn contains(&self, id: &str) -> bool {
        self.set.contains(id)
    }
}
