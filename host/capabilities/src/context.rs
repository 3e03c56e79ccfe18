//! `tollgate:policy/context`: facts about the exchange that are in no message.

use std::time::Instant;

use http::{HeaderName, HeaderValue};
use tollgate_bindings::policy::context::{Host, SubscriptionInfo};
use tollgate_bindings::policy::messages::HeaderError;
use tollgate_core::edits::{HeaderEdit, StagedHeader};
use wasmtime::Result;

use crate::messages::{checked_field, checked_name};
use crate::question::Question;
use crate::session::Session;

impl Host for Session {
    fn request_id(&mut self) -> Result<String> {
        self.enter()?;
        Ok(self.exchange()?.facts.request_id.as_ref().to_owned())
    }

    fn client_ip(&mut self) -> Result<String> {
        self.enter_question(|| Question::ClientIp)?;
        Ok(self.exchange()?.facts.client_ip.to_string())
    }

    fn original_target(&mut self) -> Result<String> {
        self.enter()?;
        Ok(self.exchange()?.original_target.as_str().to_owned())
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
        self.enter_edit()?;
        Ok(checked_field(&name, value).and_then(|(name, value)| self.stage(name, HeaderEdit::Set(value))))
    }

    fn append_response_header(&mut self, name: String, value: Vec<u8>) -> Result<std::result::Result<(), HeaderError>> {
        self.enter_edit()?;
        Ok(checked_field(&name, value).and_then(|(name, value)| self.stage(name, HeaderEdit::Append(value))))
    }

    fn remove_response_header(&mut self, name: String) -> Result<std::result::Result<(), HeaderError>> {
        self.enter_edit()?;
        Ok(checked_name(&name).and_then(|name| self.stage(name, HeaderEdit::Remove)))
    }

    fn staged_response_header(&mut self, name: String) -> Result<Option<Vec<u8>>> {
        self.enter()?;
        let earlier = self.exchange()?.staged_headers.iter();
        let mut newest_first = earlier.chain(&self.effects.diff.staged).rev();
        let last = newest_first.find(|staged| staged.name.as_str().eq_ignore_ascii_case(&name));
        Ok(last.and_then(|staged| staged.edit.value()).map(|value| value.as_bytes().to_vec()))
    }
}

impl Session {
    fn stage(&mut self, name: HeaderName, edit: HeaderEdit) -> std::result::Result<(), HeaderError> {
        self.spend_header_bytes(name.as_str().len() + edit.value().map_or(0, HeaderValue::len))?;
        self.effects.diff.staged.push(StagedHeader { name, edit });
        Ok(())
    }
}
