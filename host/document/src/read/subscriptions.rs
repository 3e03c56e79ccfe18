//! `subscriptions`. No message shows a key.

use std::collections::HashMap;
use std::sync::Arc;

use super::fields::Fields;
use super::products::Ids;
use super::{Reader, Seen, timestamp};
use crate::diagnostics::Mark;
use crate::document::{Api, PLACEHOLDER_ID, Product, Subscription, SubscriptionScope, SubscriptionState, Timestamp};
use crate::settings::Secret;
use crate::yaml::{Node, Scalar};

const KEYS: [&str; 10] = [
    "id",
    "owner",
    "product",
    "api",
    "all-apis",
    "primary-key",
    "secondary-key",
    "state",
    "start-date",
    "expiration-date",
];

const STATES: [(&str, SubscriptionState); 6] = [
    ("submitted", SubscriptionState::Submitted),
    ("active", SubscriptionState::Active),
    ("rejected", SubscriptionState::Rejected),
    ("suspended", SubscriptionState::Suspended),
    ("cancelled", SubscriptionState::Cancelled),
    ("expired", SubscriptionState::Expired),
];

impl Reader<'_> {
    pub(super) fn subscriptions(
        &mut self,
        node: Option<&Arc<Node>>,
        apis: &[Api],
        products: &[Product],
    ) -> Vec<Subscription> {
        let apis = Ids::of(apis.iter().map(|api| api.id.as_str()));
        let products = Ids::of(products.iter().map(|product| product.id.as_str()));
        let mut ids = Seen::default();
        let mut keys = HashMap::new();
        let mut subscriptions = Vec::new();
        for fields in self.each(node, "subscriptions", &KEYS) {
            let id = self.id(&fields, "a subscription");
            ids.check(self, "subscription id", &id, fields.mark_of("id"));
            let scope = self.subscription_scope(&fields, &apis, &products);
            let [primary_key, secondary_key] =
                ["primary-key", "secondary-key"].map(|name| self.key(&fields, name, &mut keys));
            if fields.get("primary-key").or(fields.get("secondary-key")).is_none() {
                self.error(fields.mark, "missing key `primary-key` in a subscription, or `secondary-key`");
            }
            let (start_date, expiration_date) = self.dates(&fields);
            subscriptions.push(Subscription {
                id,
                owner: fields.get("owner").and_then(|node| self.owner(node)),
                scope,
                primary_key,
                secondary_key,
                state: self.word(&fields, "state", &STATES),
                start_date,
                expiration_date,
                mark: fields.mark,
            });
        }
        subscriptions
    }

    /// The id of a user. Users are kept elsewhere, so any text may be one.
    fn owner(&mut self, node: &Node) -> Option<String> {
        const EXPECTED: &str = "the id of a user, 1 to 256 characters";
        let text = self.text(node, EXPECTED)?;
        if !(1..=256).contains(&text.chars().count()) || text.chars().any(char::is_control) {
            self.expected(EXPECTED, node);
            return None;
        }
        Some(text.to_owned())
    }

    fn subscription_scope(&mut self, fields: &Fields<'_>, apis: &Ids<'_>, products: &Ids<'_>) -> SubscriptionScope {
        let placeholder = SubscriptionScope::Product(PLACEHOLDER_ID.to_owned());
        let given: Vec<_> = ["product", "api", "all-apis"].into_iter().filter_map(|key| fields.entry(key)).collect();
        let scopes: Vec<_> = given
            .iter()
            .filter_map(|(key, node)| match &*key.text {
                "product" => self.reference(node, "product", products).map(SubscriptionScope::Product),
                "api" => self.reference(node, "API", apis).map(SubscriptionScope::Api),
                _ => match self.boolean(node)? {
                    true => Some(SubscriptionScope::AllApis),
                    false => {
                        self.expected("`true`, or no key `all-apis`", node);
                        None
                    }
                },
            })
            .collect();
        match given.as_slice() {
            [_] => {}
            [] => self.error(fields.mark, "missing scope in a subscription: `product`, `api` or `all-apis: true`"),
            [(first, _), (second, _), ..] => {
                let message = format!(
                    "expected one scope in a subscription, found `{}` and `{}`; write a subscription for each",
                    first.text, second.text
                );
                self.error(first.mark.max(second.mark), message);
            }
        }
        scopes.into_iter().next().unwrap_or(placeholder)
    }

    fn key(&mut self, fields: &Fields<'_>, name: &str, keys: &mut HashMap<String, Mark>) -> Option<Secret> {
        const EXPECTED: &str = "expected a key of 1 to 256 visible ASCII characters";
        let node = fields.get(name)?;
        if node.is_refused() {
            return None;
        }
        let Some(text) = node.scalar().and_then(Scalar::as_text) else {
            let hint = if node.scalar().is_some() && !node.is_null() { "; put it in quotes" } else { "" };
            self.error(node.mark, format!("{EXPECTED}{hint}"));
            return None;
        };
        if !(1..=256).contains(&text.len()) || !text.bytes().all(|b| b.is_ascii_graphic()) {
            self.error(node.mark, EXPECTED);
            return None;
        }
        match keys.get(text) {
            Some(first) => {
                let line = first.line;
                self.error(node.mark, format!("duplicate {name}; the key on line {line} is the same"));
            }
            None => {
                keys.insert(text.to_owned(), node.mark);
            }
        }
        Some(Secret::new(text))
    }

    fn dates(&mut self, fields: &Fields<'_>) -> (Timestamp, Option<Timestamp>) {
        let start = fields.get("start-date").and_then(|node| self.moment(node)).unwrap_or_default();
        let expiration = fields.get("expiration-date").and_then(|node| {
            let expiration = self.moment(node)?;
            if expiration <= start {
                self.expected("an `expiration-date` after `start-date`", node);
            }
            Some(expiration)
        });
        (start, expiration)
    }

    fn moment(&mut self, node: &Node) -> Option<Timestamp> {
        let text = self.text(node, timestamp::EXPECTED)?;
        let moment = timestamp::parse(text);
        if moment.is_none() {
            self.expected(timestamp::EXPECTED, node);
        }
        moment
    }
}
