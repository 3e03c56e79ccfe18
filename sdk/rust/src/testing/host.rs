//! The functions of the contract's interfaces, on the call that is running on this thread.

/// Handles for the call that is about to run; all of them mean the same messages.
pub(crate) fn handles() -> (messages::Request, messages::Response) {
    (messages::Request(()), messages::Response(()))
}

pub(crate) mod messages {
    use crate::bindings::imports::tollgate::policy::messages::{BodyError, Field, HeaderError, TargetError};
    use crate::testing::call::with;
    use crate::testing::message::{Lines, check_header, decoded, split_target};

    pub(crate) struct Request(pub(super) ());
    pub(crate) struct Response(pub(super) ());

    impl Request {
        pub(crate) fn method(&self) -> String {
            with(|call| call.request.method.clone())
        }

        pub(crate) fn scheme(&self) -> String {
            with(|call| call.request.scheme.clone())
        }

        pub(crate) fn authority(&self) -> String {
            with(|call| call.request.authority.clone())
        }

        pub(crate) fn path(&self) -> String {
            with(|call| call.request.path.clone())
        }

        pub(crate) fn query(&self) -> Option<String> {
            with(|call| call.request.query.clone())
        }

        pub(crate) fn query_values(&self, name: &str) -> Vec<String> {
            let query = self.query().unwrap_or_default();
            let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
            pairs.filter(|(key, _)| decoded(key) == name).map(|(_, value)| decoded(value)).collect()
        }

        pub(crate) fn parameter(&self, name: &str) -> Option<String> {
            with(|call| call.request.parameters.get(name).cloned())
        }

        pub(crate) fn set_method(&self, method: &str) -> Result<(), TargetError> {
            check_header(method, None, false).map_err(|_| TargetError::Invalid)?;
            with(|call| call.request.method = method.into());
            Ok(())
        }

        pub(crate) fn set_target(&self, path_and_query: &str) -> Result<(), TargetError> {
            if !path_and_query.starts_with('/') || !path_and_query.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(TargetError::Invalid);
            }
            let (path, query) = split_target(path_and_query);
            with(|call| (call.request.path, call.request.query) = (path, query));
            Ok(())
        }

        fn lines<T>(&self, read: impl FnOnce(&mut Lines) -> T) -> T {
            with(|call| read(&mut call.request.headers))
        }

        pub(crate) fn body(&self) -> Result<Vec<u8>, BodyError> {
            with(|call| match call.request_body {
                true => Ok(call.request.body.clone()),
                false => Err(BodyError::NotBuffered),
            })
        }

        pub(crate) fn set_body(&self, body: &[u8]) -> Result<(), BodyError> {
            with(|call| call.request.body = body.into());
            Ok(())
        }

        const IS_REQUEST: bool = true;
    }

    impl Response {
        pub(crate) fn status(&self) -> u16 {
            self.message(|response| response.status)
        }

        pub(crate) fn set_status(&self, status: u16) -> bool {
            let allowed = (200..=599).contains(&status);
            if allowed {
                self.message(|response| {
                    response.status = status;
                    response.reason = None;
                });
            }
            allowed
        }

        fn message<T>(&self, read: impl FnOnce(&mut crate::testing::Response) -> T) -> T {
            with(|call| match &mut call.response {
                Some(response) => read(response),
                None => panic!("there is no response in this phase"),
            })
        }

        fn lines<T>(&self, read: impl FnOnce(&mut Lines) -> T) -> T {
            self.message(|response| read(&mut response.headers))
        }

        pub(crate) fn body(&self) -> Result<Vec<u8>, BodyError> {
            match with(|call| call.response_body) {
                true => Ok(self.message(|response| response.body.clone())),
                false => Err(BodyError::NotBuffered),
            }
        }

        pub(crate) fn set_body(&self, body: &[u8]) -> Result<(), BodyError> {
            self.message(|response| response.body = body.into());
            Ok(())
        }

        const IS_REQUEST: bool = false;
    }

    macro_rules! headers {
        ($message:ident) => {
            impl $message {
                pub(crate) fn header(&self, name: &str) -> Option<Vec<u8>> {
                    self.lines(|lines| lines.values(name).next().map(<[u8]>::to_vec))
                }

                pub(crate) fn header_values(&self, name: &str) -> Vec<Vec<u8>> {
                    self.lines(|lines| lines.values(name).map(<[u8]>::to_vec).collect())
                }

                pub(crate) fn headers(&self) -> Vec<Field> {
                    let field = |(name, value): &(String, Vec<u8>)| Field { name: name.clone(), value: value.clone() };
                    self.lines(|lines| lines.0.iter().map(field).collect())
                }

                pub(crate) fn set_header(&self, name: &str, value: &[u8]) -> Result<(), HeaderError> {
                    check_header(name, Some(value), Self::IS_REQUEST)?;
                    self.lines(|lines| lines.set(name, value));
                    Ok(())
                }

                pub(crate) fn append_header(&self, name: &str, value: &[u8]) -> Result<(), HeaderError> {
                    check_header(name, Some(value), Self::IS_REQUEST)?;
                    self.lines(|lines| lines.append(name, value));
                    Ok(())
                }

                pub(crate) fn remove_header(&self, name: &str) -> Result<(), HeaderError> {
                    check_header(name, None, Self::IS_REQUEST)?;
                    self.lines(|lines| lines.remove(name));
                    Ok(())
                }
            }
        };
    }

    headers!(Request);
    headers!(Response);
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

    pub(crate) fn api_id() -> String {
        with(|call| call.request.api_id.clone())
    }

    pub(crate) fn operation_id() -> Option<String> {
        with(|call| call.request.operation_id.clone())
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

pub(crate) mod limiter {
    use crate::limiter::{Counter, Decision, LimiterError, Quota, QuotaDecision, Rule};
    use crate::testing::call::{Call, with};
    use crate::testing::limiter::{Owned, owned};

    pub(crate) fn admit(counter: &Counter, cost: u64, rule: Rule) -> Result<Decision, LimiterError> {
        with(|call| {
            let owned = counter_of(call, counter)?;
            let state = &mut *call.world.state();
            state.limiter.admit(owned, cost, rule, state.monotonic_ms, state.unix_ms)
        })
    }

    pub(crate) fn admit_quota(counter: &Counter, cost: u64, quota: Quota) -> Result<QuotaDecision, LimiterError> {
        with(|call| {
            let owned = counter_of(call, counter)?;
            let counted = call.quotas.iter().any(|(counted, _)| *counted == owned);
            let state = &mut *call.world.state();
            let (decision, key) = state.limiter.admit_quota(owned.clone(), cost, quota, state.unix_ms, counted)?;
            if decision.exhausted.is_none() && !counted {
                call.quotas.push((owned, key));
            }
            Ok(decision)
        })
    }

    pub(crate) fn acquire(counter: &Counter, max: u32) -> Result<bool, LimiterError> {
        with(|call| {
            let owned = counter_of(call, counter)?;
            let acquired = call.world.state().limiter.acquire(owned.clone(), max);
            if acquired {
                call.permits.push(owned);
            }
            Ok(acquired)
        })
    }

    fn counter_of(call: &Call, counter: &Counter) -> Result<Owned, LimiterError> {
        match &call.world.state().broken {
            Some(why) => Err(LimiterError::Other(why.clone())),
            None => owned(counter, call.component, &call.statement),
        }
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

    pub(crate) fn enabled(level: Level) -> bool {
        with(|call| level as u8 >= call.world.state().log_level as u8)
    }

    pub(crate) fn write(level: Level, message: &str) {
        if enabled(level) {
            with(|call| call.world.state().log.push((level, message.into())));
        }
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
        if !is_name(name) || labels.len() > 8 || labels.iter().any(|label| !is_name(&label.name)) {
            return Err(MetricError::Invalid("a name isn't [a-z_][a-z0-9_]*, or there are more than 8 labels".into()));
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
