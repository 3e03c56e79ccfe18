//! `tollgate:backend/backend`: where the request goes.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use tollgate_bindings::backend::backend::{BackendError, Host};
use tollgate_core::authority;
use tollgate_core::base_url::BaseUrl;
use tollgate_core::edits::{BackendChoice, HeaderEdit};
use wasmtime::Result;

use crate::session::Session;

impl Host for Session {
    fn set_base_url(&mut self, url: String) -> Result<std::result::Result<(), BackendError>> {
        self.enter()?;
        // An id of a broader scope may be replaced by another id only (`apim.md`, `set-backend-service`).
        let own_scope = self.identity()?.position.scope;
        let is_broader = self.exchange()?.backend_scope.is_some_and(|scope| scope != own_scope);
        if is_broader && matches!(self.choice()?, Some(BackendChoice::Id(_))) {
            return Ok(Err(BackendError::ChosenById));
        }
        Ok(match BaseUrl::parse(&url) {
            Ok(url) => {
                self.effects.diff.backend = Some(BackendChoice::Url(url));
                Ok(())
            }
            Err(problem) => Err(BackendError::InvalidUrl(problem.into())),
        })
    }

    fn set_backend_id(&mut self, id: String) -> Result<std::result::Result<(), BackendError>> {
        self.enter()?;
        if !self.exchange()?.facts.route.backends.contains_key(&id) {
            return Ok(Err(BackendError::UnknownBackend(format!("there is no backend `{id}`"))));
        }
        self.effects.diff.backend = Some(BackendChoice::Id(id));
        Ok(Ok(()))
    }

    fn set_host(&mut self, host: String) -> Result<std::result::Result<(), BackendError>> {
        self.enter()?;
        let is_host = authority::split(&host, 80).is_some_and(|(name, _)| authority::is_host(name));
        let value = HeaderValue::from_maybe_shared(Bytes::from(host.clone()));
        let (true, Ok(value)) = (is_host, value) else { return Ok(Err(BackendError::InvalidHost(host))) };
        if self.spend_header_bytes(header::HOST.as_str().len() + value.len()).is_err() {
            return Ok(Err(BackendError::Other("the edits would pass the limit `header-bytes`".to_owned())));
        }
        self.effects.diff.request.headers.push(header::HOST, HeaderEdit::Set(value));
        Ok(Ok(()))
    }

    fn base_url(&mut self) -> Result<String> {
        self.enter()?;
        let exchange = self.exchange()?;
        Ok(match &self.effects.diff.backend {
            Some(BackendChoice::Url(url)) => url.to_string(),
            Some(BackendChoice::Id(id)) => {
                exchange.facts.route.backends.get(id).map(ToString::to_string).unwrap_or_default()
            }
            None => exchange.base_url().to_string(),
        })
    }
}

impl Session {
    fn choice(&self) -> Result<Option<&BackendChoice>> {
        Ok(match &self.effects.diff.backend {
            Some(choice) => Some(choice),
            None => self.exchange()?.backend.as_ref(),
        })
    }
}
