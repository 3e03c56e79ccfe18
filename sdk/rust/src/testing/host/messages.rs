//! Requests and responses.

use crate::bindings::imports::tollgate::policy::messages::{BodyError, Field, HeaderError, TargetError};
use crate::testing::call::with;
use crate::testing::message::{Lines, check_header, decoded, split_target};

pub(crate) struct Request(pub(in crate::testing::host) ());
pub(crate) struct Response(pub(in crate::testing::host) ());

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

    pub(crate) fn set_query(&self, query: Option<&str>) -> Result<(), TargetError> {
        if !query.unwrap_or_default().bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
            return Err(TargetError::Invalid);
        }
        with(|call| call.request.query = query.map(Into::into));
        Ok(())
    }

    fn lines<T>(&self, read: impl FnOnce(&mut Lines) -> T) -> T {
        with(|call| read(&mut call.request.headers))
    }

    /// What a header reads as that isn't written.
    fn implied(&self, name: &str) -> Option<Vec<u8>> {
        name.eq_ignore_ascii_case("host").then(|| self.authority().into_bytes())
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

    pub(crate) fn set_status_with_reason(&self, status: u16, reason: Option<&str>) -> bool {
        let allowed =
            !reason.unwrap_or_default().contains(|letter: char| letter.is_control()) && self.set_status(status);
        if allowed {
            self.message(|response| response.reason = reason.map(Into::into));
        }
        allowed
    }

    fn message<T>(&self, read: impl FnOnce(&mut crate::testing::Response) -> T) -> T {
        with(|call| match &mut call.response {
            Some(response) => read(response),
            None => panic!("there is no response in this phase"),
        })
    }

    fn implied(&self, _: &str) -> Option<Vec<u8>> {
        None
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
                self.header_values(name).into_iter().next()
            }

            pub(crate) fn header_values(&self, name: &str) -> Vec<Vec<u8>> {
                let written: Vec<_> = self.lines(|lines| lines.values(name).map(<[u8]>::to_vec).collect());
                if written.is_empty() { self.implied(name).into_iter().collect() } else { written }
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
