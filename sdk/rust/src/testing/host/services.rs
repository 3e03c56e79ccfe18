//! What stands around the gateway, and expressions.

pub(crate) mod expression {
    use crate::expression::{ExpressionError, Value};
    use crate::testing::call::with;

    pub(crate) fn evaluate(expression: u32) -> Result<Value, ExpressionError> {
        with(|call| {
            let text = call.expressions.get(expression as usize).ok_or(ExpressionError::Unknown)?;
            call.world.evaluate(text)
        })
    }
}

pub(crate) mod http_client {
    use crate::bindings::imports::tollgate::http_client::http_client as wit;
    use crate::http_client::{HttpError, Request, Response};
    use crate::testing::call::with;

    pub(crate) fn send(request: &wit::OutgoingRequest) -> Result<wit::IncomingResponse, wit::HttpError> {
        answer(request).map(Into::into).map_err(Into::into)
    }

    pub(crate) fn send_all(requests: &[wit::OutgoingRequest]) -> Vec<Result<wit::IncomingResponse, wit::HttpError>> {
        let too_many = || Err(wit::HttpError::InvalidRequest("more than 16 requests at the same time".into()));
        match requests.len() {
            0..=16 => requests.iter().map(send).collect(),
            _ => requests.iter().map(|_| too_many()).collect(),
        }
    }

    /// What comes of it is nobody's business.
    pub(crate) fn send_one_way(request: &wit::OutgoingRequest) -> Result<(), wit::HttpError> {
        match answer(request) {
            Err(error @ (HttpError::InvalidRequest(_) | HttpError::NotGranted(_) | HttpError::Other(_))) => {
                Err(error.into())
            }
            _ => Ok(()),
        }
    }

    fn answer(request: &wit::OutgoingRequest) -> Result<Response, HttpError> {
        let request = Request::from(request.clone());
        check(&request)?;
        let origin = with(|call| {
            let services = &mut call.world.state().services;
            services.requests.push(request.clone());
            services.origin.clone()
        });
        // Without a borrow: it may ask the world.
        match origin {
            Some(origin) => origin.0(&request),
            None => Err(HttpError::Connect("nobody answers; `World::on_http` can".into())),
        }
    }

    fn check(request: &Request) -> Result<(), HttpError> {
        let refuse = |why: String| Err(HttpError::InvalidRequest(why));
        let host = ["http://", "https://"].iter().find_map(|scheme| request.url.strip_prefix(scheme));
        if host.is_none_or(|host| host.is_empty() || host.starts_with(['/', '?', '#'])) {
            return refuse(format!("`{}` is no absolute http or https URL", request.url));
        }
        if !(1..=240_000).contains(&request.timeout.as_millis()) {
            return refuse("a timeout is 1 ms to 240 s".into());
        }
        for field in &request.headers {
            if let Err(error) = crate::testing::message::check_header(&field.name, Some(&field.value), true) {
                return refuse(format!("the header `{}`: {error:?}", field.name));
            }
        }
        Ok(())
    }
}

pub(crate) mod backend {
    use crate::backend::BackendError;
    use crate::testing::call::with;
    use crate::testing::services::Backend;

    pub(crate) fn set_base_url(url: &str) -> Result<(), BackendError> {
        let rest = ["http://", "https://"].iter().find_map(|scheme| url.strip_prefix(scheme));
        if rest.is_none_or(|rest| rest.is_empty() || rest.starts_with('/') || rest.contains(['?', '#', ' '])) {
            return Err(BackendError::InvalidUrl(url.into()));
        }
        with(|call| {
            if call.chosen_by_id {
                return Err(BackendError::ChosenById);
            }
            call.backend = Some(Backend::BaseUrl(url.into()));
            Ok(())
        })
    }

    pub(crate) fn set_backend_id(id: &str) -> Result<(), BackendError> {
        with(|call| {
            if call.world.state().services.backend_url(id).is_none() {
                return Err(BackendError::UnknownBackend(id.into()));
            }
            call.backend = Some(Backend::Id(id.into()));
            Ok(())
        })
    }

    pub(crate) fn set_host(host: &str) -> Result<(), BackendError> {
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
        if host.is_empty() || !host.bytes().all(is_host) {
            return Err(BackendError::InvalidHost(host.into()));
        }
        with(|call| call.request.headers.set("host", host.as_bytes()));
        Ok(())
    }

    pub(crate) fn base_url() -> String {
        with(|call| match &call.backend {
            None => "https://origin.example".into(),
            Some(Backend::BaseUrl(url)) => url.clone(),
            Some(Backend::Id(id)) => call.world.state().services.backend_url(id).unwrap_or_default(),
        })
    }
}

pub(crate) mod crypto {
    use crate::crypto::{Algorithm, CryptoError, Key};
    use crate::testing::call::with;
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::{Sha256, Sha384, Sha512};

    pub(crate) fn verify(
        algorithm: Algorithm,
        key: &Key,
        message: &[u8],
        signature: &[u8],
    ) -> Result<bool, CryptoError> {
        if let Some(verifier) = with(|call| call.world.state().services.verifier.clone()) {
            return verifier.0(algorithm, key, message, signature);
        }
        let Key::Secret(secret) = key else {
            return Err(CryptoError::Other(format!("{algorithm:?} needs `World::on_verify` here")));
        };
        if secret.is_empty() {
            return Err(CryptoError::InvalidKey("an empty secret".into()));
        }
        match algorithm {
            Algorithm::Hs256 => tagged::<Hmac<Sha256>>(secret, message, signature),
            Algorithm::Hs384 => tagged::<Hmac<Sha384>>(secret, message, signature),
            Algorithm::Hs512 => tagged::<Hmac<Sha512>>(secret, message, signature),
            other => Err(CryptoError::InvalidKey(format!("a secret is no key of {other:?}"))),
        }
    }

    fn tagged<M: Mac + KeyInit>(secret: &[u8], message: &[u8], tag: &[u8]) -> Result<bool, CryptoError> {
        let mac = <M as KeyInit>::new_from_slice(secret).map_err(|error| CryptoError::InvalidKey(error.to_string()))?;
        Ok(mac.chain_update(message).verify_slice(tag).is_ok())
    }
}

pub(crate) mod events {
    use crate::events::EventError;
    use crate::testing::call::with;
    use crate::testing::services::Event;

    const MOST: usize = 200 * 1024;

    pub(crate) fn emit(log: &str, partition_key: Option<&str>, message: &str) -> Result<(), EventError> {
        with(|call| {
            let mut state = call.world.state();
            if let Some(why) = &state.broken {
                return Err(EventError::Other(why.clone()));
            }
            let services = &mut state.services;
            if !services.event_logs.is_empty() && !services.event_logs.iter().any(|id| id == log) {
                return Err(EventError::UnknownLog(log.into()));
            }
            if message.len() > MOST {
                return Err(EventError::TooLarge);
            }
            let event =
                Event { log: log.into(), partition_key: partition_key.map(Into::into), message: message.into() };
            services.events.push(event);
            Ok(())
        })
    }
}
