//! `tollgate:policy/context`: facts about the exchange that are in no message.

use std::time::Instant;

use tollgate_bindings::policy::context::{Host, SubscriptionInfo};
use tollgate_bindings::policy::messages::HeaderError;
use tollgate_core::edits::StagedHeader;
use wasmtime::Result;

use crate::messages::checked_field;
use crate::session::Session;

impl Host for Session {
    fn request_id(&mut self) -> Result<String> {
        self.enter()?;
        Ok(self.exchange()?.facts.request_id.as_ref().to_owned())
    }

    fn client_ip(&mut self) -> Result<String> {
        self.enter()?;
        Ok(self.exchange()?.facts.client_ip.to_string())
    }

    fn client_network(&mut self) -> Result<String> {
        self.enter()?;
        Ok(self.exchange()?.facts.client_network())
    }

    fn api_id(&mut self) -> Result<String> {
        self.enter()?;
        Ok(self.exchange()?.facts.route.api.clone())
    }

    fn operation_id(&mut self) -> Result<Option<String>> {
        self.enter()?;
        Ok(self.exchange()?.facts.route.operation.as_ref().map(|operation| operation.id.clone()))
    }

    fn product_id(&mut self) -> Result<Option<String>> {
        self.enter()?;
        Ok(self.exchange()?.facts.route.product.clone())
    }

    fn subscription(&mut self) -> Result<Option<SubscriptionInfo>> {
        self.enter()?;
        let subscription = self.exchange()?.facts.subscription.as_ref();
        Ok(subscription.map(|s| SubscriptionInfo { id: s.id.clone(), start_unix_ms: s.start_unix_ms }))
    }

    fn statement_id(&mut self) -> Result<String> {
        self.enter()?;
        Ok(self.identity()?.statement.clone())
    }

    fn elapsed_us(&mut self) -> Result<u64> {
        self.enter()?;
        let elapsed = Instant::now().saturating_duration_since(self.exchange()?.facts.started);
        Ok(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX))
    }

    fn api_path(&mut self) -> Result<String> {
        self.enter()?;
        Ok(self.exchange()?.facts.route.api_path.clone())
    }

    fn operation_definition(&mut self) -> Result<Option<String>> {
        self.enter()?;
        Ok(self.exchange()?.facts.route.operation.as_ref().map(|operation| operation.definition.clone()))
    }

    fn stage_response_header(&mut self, name: String, value: Vec<u8>) -> Result<std::result::Result<(), HeaderError>> {
        self.enter()?;
        Ok(self.stage(&name, value, false))
    }

    fn append_response_header(&mut self, name: String, value: Vec<u8>) -> Result<std::result::Result<(), HeaderError>> {
        self.enter()?;
        Ok(self.stage(&name, value, true))
    }
}

impl Session {
    fn stage(&mut self, name: &str, value: Vec<u8>, append: bool) -> std::result::Result<(), HeaderError> {
        let (name, value) = checked_field(name, value)?;
        self.spend_header_bytes(name.as_str().len() + value.len())?;
        self.effects.diff.staged.push(StagedHeader { name, value, append });
        Ok(())
    }
}
