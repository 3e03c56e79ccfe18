//! The functions of the contract's interfaces, on the call that is running on this thread.

pub(crate) mod limiter;
pub(crate) mod messages;
mod services;

pub(crate) use services::{backend, crypto, events, expression, http_client};

/// Handles for the call that is about to run; all of them mean the same messages.
pub(crate) fn handles() -> (messages::Request, messages::Response) {
    (messages::Request(()), messages::Response(()))
}

pub(crate) mod context {
    use crate::bindings::imports::tollgate::policy::messages::HeaderError;
    use crate::context::Subscription;
    use crate::testing::call::with;
    use crate::testing::message::check_header;

    pub(crate) fn request_id() -> String {
        with(|call| format!("request-{}", call.exchange))
    }

    pub(crate) fn client_ip() -> String {
        with(|call| call.request.client_ip.clone())
    }

    /// With the prefix that gateways have by default.
    pub(crate) fn client_network() -> String {
        let address = client_ip();
        match address.parse::<std::net::Ipv6Addr>() {
            Ok(v6) => format!("{}/64", std::net::Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
            Err(_) => address,
        }
    }

    pub(crate) fn api_id() -> String {
        with(|call| call.request.api_id.clone())
    }

    pub(crate) fn operation_id() -> Option<String> {
        with(|call| call.request.operation_id.clone())
    }

    pub(crate) fn api_path() -> String {
        with(|call| call.request.api_path.clone())
    }

    pub(crate) fn operation_definition() -> Option<String> {
        with(|call| call.request.operation_definition.as_ref().map(ToString::to_string))
    }

    pub(crate) fn product_id() -> Option<String> {
        with(|call| call.request.product_id.clone())
    }

    pub(crate) fn subscription() -> Option<Subscription> {
        with(|call| call.request.subscription.clone())
    }

    pub(crate) fn statement_id() -> String {
        with(|call| call.statement.clone())
    }

    pub(crate) fn original_target() -> String {
        with(|call| call.original_target.clone())
    }

    /// Time stands still unless the test lets it pass, and it can't during a call.
    pub(crate) fn elapsed_us() -> u64 {
        with(|_| 0)
    }

    pub(crate) fn stage_response_header(name: &str, value: &[u8]) -> Result<(), HeaderError> {
        check_header(name, Some(value), false)?;
        with(|call| {
            call.staged_headers.set(name, value);
            if let Some(response) = &mut call.response {
                response.headers.set(name, value);
            }
        });
        Ok(())
    }

    pub(crate) fn append_response_header(name: &str, value: &[u8]) -> Result<(), HeaderError> {
        check_header(name, Some(value), false)?;
        with(|call| {
            call.staged_headers.append(name, value);
            if let Some(response) = &mut call.response {
                response.headers.append(name, value);
            }
        });
        Ok(())
    }

    pub(crate) fn staged_response_header(name: &str) -> Option<Vec<u8>> {
        with(|call| call.staged_headers.value(name).map(<[u8]>::to_vec))
    }

    pub(crate) fn remove_response_header(name: &str) -> Result<(), HeaderError> {
        check_header(name, None, false)?;
        with(|call| {
            call.staged_headers.remove(name);
            if let Some(response) = &mut call.response {
                response.headers.remove(name);
            }
        });
        Ok(())
    }
}

pub(crate) mod variables {
    use crate::testing::call::with;
    use crate::variables::VariableError;

    pub(crate) fn get(name: &str) -> Option<String> {
        with(|call| call.variables.get(name).map(ToString::to_string))
    }

    pub(crate) fn set(name: &str, json: &str) -> Result<(), VariableError> {
        let value = serde_json::from_str(json).map_err(|_| VariableError::InvalidJson)?;
        with(|call| call.variables.insert(name.into(), value));
        Ok(())
    }
}

pub(crate) mod cache {
    use crate::cache::{CacheError, Outcome};
    use crate::testing::cache::{key, storable};
    use crate::testing::call::{Call, with};

    pub(crate) fn lookup(vary: &[String]) -> Result<Outcome, CacheError> {
        with(|call| {
            works(call)?;
            let key = key(&call.request, vary);
            let state = call.world.state();
            let found = state.cache.lookup(&key, &call.request, state.monotonic_ms);
            drop(state);
            if found.is_none() {
                call.cache_key = Some(key);
                return Ok(Outcome::Miss);
            }
            call.staged = found;
            Ok(Outcome::Hit)
        })
    }

    pub(crate) fn store(ttl_ms: u64) -> Result<(), CacheError> {
        with(|call| {
            works(call)?;
            let key = call.cache_key.clone().ok_or(CacheError::NoLookup)?;
            let (Some(origin), Some(response)) = (&call.origin, &call.response) else {
                return Err(CacheError::Other("there is no response yet".into()));
            };
            if !storable(origin) {
                return Err(CacheError::NotStorable);
            }
            let state = &mut *call.world.state();
            let expires_ms = state.monotonic_ms.saturating_add(ttl_ms);
            state.cache.store(key, &call.request, response.clone(), expires_ms);
            Ok(())
        })
    }

    pub(crate) fn get(name: &str) -> Result<Option<Vec<u8>>, CacheError> {
        with(|call| {
            works(call)?;
            let state = call.world.state();
            Ok(state.cache.get(call.component, name, state.monotonic_ms))
        })
    }

    pub(crate) fn put(name: &str, value: &[u8], ttl_ms: u64) -> Result<(), CacheError> {
        with(|call| {
            works(call)?;
            if name.len() > 1024 || value.len() > 64 * 1024 {
                return Err(CacheError::TooLarge);
            }
            let state = &mut *call.world.state();
            let expires_ms = state.monotonic_ms.saturating_add(ttl_ms);
            state.cache.put(call.component, name, value, expires_ms);
            Ok(())
        })
    }

    pub(crate) fn remove(name: &str) -> Result<(), CacheError> {
        with(|call| {
            works(call)?;
            call.world.state().cache.remove(call.component, name);
            Ok(())
        })
    }

    fn works(call: &Call) -> Result<(), CacheError> {
        call.world.state().broken.clone().map_or(Ok(()), |why| Err(CacheError::Other(why)))
    }
}

pub(crate) mod log {
    use crate::log::Level;
    use crate::testing::call::with;
    use crate::testing::services::Trace;

    pub(crate) fn enabled(level: Level) -> bool {
        with(|call| level as u8 >= call.world.state().log_level as u8)
    }

    pub(crate) fn write(level: Level, message: &str) {
        if enabled(level) {
            with(|call| call.world.state().log.push((level, message.into())));
        }
    }

    pub(crate) fn trace(source: &str, level: Level, message: &str, metadata: &[(String, String)]) {
        let trace = Trace { source: source.into(), level, message: message.into(), metadata: metadata.to_vec() };
        with(|call| call.world.state().services.traces.push(trace));
        write(level, message);
    }
}

pub(crate) mod clock {
    use crate::testing::call::with;

    pub(crate) fn unix_ms() -> u64 {
        with(|call| call.world.state().unix_ms)
    }

    pub(crate) fn monotonic_ms() -> u64 {
        with(|call| call.world.state().monotonic_ms)
    }
}

pub(crate) mod metrics {
    use crate::metrics::{Label, MetricError};
    use crate::testing::call::with;

    pub(crate) fn count(name: &str, value: f64, labels: &[Label]) -> Result<(), MetricError> {
        if !is_name(name) || labels.len() > 10 || labels.iter().any(|label| !is_name(&label.name)) {
            return Err(MetricError::Invalid("a name isn't [a-z_][a-z0-9_]*, or there are more than 10 labels".into()));
        }
        if !value.is_finite() || value < 0.0 {
            return Err(MetricError::Invalid("the value is negative or not finite".into()));
        }
        let labels = labels.iter().map(|label| (label.name.clone(), label.value.clone())).collect();
        with(|call| *call.world.state().counts.entry((name.into(), labels)).or_default() += value);
        Ok(())
    }

    fn is_name(name: &str) -> bool {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        name.len() <= 64
            && name.bytes().all(allowed)
            && !name.starts_with(|first: char| first.is_ascii_digit())
            && !name.is_empty()
    }
}
