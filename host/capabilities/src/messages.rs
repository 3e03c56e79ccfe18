//! `tollgate:policy/messages`: reads look through the call's own edits, edits are recorded beside the message.

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use tollgate_bindings::policy::messages::{
    BodyError, Field, HeaderError, Host, HostRequest, HostResponse, TargetError,
};
use tollgate_bindings::{RequestHandle, ResponseHandle};
use tollgate_core::edits::{HeaderEdit, HeaderEdits};
use tollgate_core::field::is_framing;
use tollgate_core::limits::HEADER_FIELDS;
use tollgate_core::path;
use wasmtime::Result;
use wasmtime::component::Resource;

use crate::question::Question;
use crate::session::{NoExchange, Session};

/// Bytes that are copied in about the time that it takes to list a field, or to make an edit of one.
const FIELD_WORK: usize = 256;

/// Which of the two messages a header call is about.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Request,
    Response,
}

/// A header section as the call sees it.
struct Headers<'a> {
    base: &'a HeaderMap,
    edits: &'a HeaderEdits,
}

impl Headers<'_> {
    fn first(&self, name: &str) -> Option<Vec<u8>> {
        if self.edits.is_empty() {
            return self.base.get(name).map(|value| value.as_bytes().to_vec());
        }
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        self.edits.first(self.base, &name).map(|value| value.as_bytes().to_vec())
    }

    fn values(&self, name: &str) -> Vec<Vec<u8>> {
        match HeaderName::from_bytes(name.as_bytes()) {
            Ok(name) => self.edits.values(self.base, &name).map(|value| value.as_bytes().to_vec()).collect(),
            Err(_) => Vec::new(),
        }
    }

    fn all(&self) -> Vec<Field> {
        let edited;
        let shown = if self.edits.is_empty() {
            self.base
        } else {
            let mut copy = self.base.clone();
            self.edits.clone().apply(&mut copy);
            edited = copy;
            &edited
        };
        shown
            .iter()
            .map(|(name, value)| Field { name: name.as_str().to_owned(), value: value.as_bytes().to_vec() })
            .collect()
    }
}

/// Check a header edit's name and value.
pub(crate) fn checked_field(name: &str, value: Vec<u8>) -> std::result::Result<(HeaderName, HeaderValue), HeaderError> {
    let name = checked_name(name)?;
    let value = HeaderValue::from_maybe_shared(Bytes::from(value)).map_err(|_| HeaderError::InvalidValue)?;
    Ok((name, value))
}

pub(crate) fn checked_name(name: &str) -> std::result::Result<HeaderName, HeaderError> {
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| HeaderError::InvalidName)?;
    if is_framing(&name) {
        return Err(HeaderError::Forbidden);
    }
    Ok(name)
}

impl Session {
    fn section(&self, side: Side) -> Result<Headers<'_>> {
        let exchange = self.exchange()?;
        Ok(match side {
            Side::Request => Headers { base: &exchange.request.headers, edits: &self.effects.diff.request.headers },
            Side::Response => {
                let response = exchange.response.as_ref().ok_or_else(|| wasmtime::Error::new(NoExchange))?;
                Headers { base: &response.headers, edits: &self.effects.diff.response.headers }
            }
        })
    }

    /// What a header of the request reads as that isn't written: `host` is kept apart, as what the client addressed.
    fn implied(&self, name: &str) -> Result<Option<Vec<u8>>> {
        if !name.eq_ignore_ascii_case(header::HOST.as_str()) {
            return Ok(None);
        }
        let authority = &self.exchange()?.request.authority;
        Ok((!authority.is_empty()).then(|| authority.clone().into_bytes()))
    }

    /// Count the bytes of an edit against `header-bytes`.
    pub(crate) fn spend_header_bytes(&mut self, bytes: usize) -> std::result::Result<(), HeaderError> {
        let diff = &self.effects.diff;
        let spent = diff.header_bytes + bytes;
        let edits = diff.request.headers.iter().len() + diff.response.headers.iter().len() + diff.staged.len();
        if spent > self.limits.header_bytes || edits >= HEADER_FIELDS {
            return Err(HeaderError::TooLarge);
        }
        self.effects.diff.header_bytes = spent;
        Ok(())
    }

    fn edit(&mut self, side: Side, name: &str, edit: HeaderNameEdit) -> std::result::Result<(), HeaderError> {
        let (name, edit) = match edit {
            HeaderNameEdit::Set(value) => {
                let (name, value) = checked_field(name, value)?;
                (name, HeaderEdit::Set(value))
            }
            HeaderNameEdit::Append(value) => {
                let (name, value) = checked_field(name, value)?;
                (name, HeaderEdit::Append(value))
            }
            HeaderNameEdit::Remove => (checked_name(name)?, HeaderEdit::Remove),
        };
        if side == Side::Request && name == header::HOST {
            return Err(HeaderError::Forbidden);
        }
        self.spend_header_bytes(name.as_str().len() + edit.value().map_or(0, HeaderValue::len))?;
        match side {
            Side::Request => self.effects.diff.request.headers.push(name, edit),
            Side::Response => self.effects.diff.response.headers.push(name, edit),
        }
        Ok(())
    }

    fn all_headers(&mut self, side: Side) -> Result<Vec<Field>> {
        let headers = self.section(side)?;
        let fields = headers.base.len() + headers.edits.iter().len();
        self.spend(fields * FIELD_WORK)?;
        Ok(self.section(side)?.all())
    }

    fn read_body(&mut self, side: Side) -> Result<std::result::Result<Vec<u8>, BodyError>> {
        let exchange = self.exchange()?;
        let body = match side {
            Side::Request => self.effects.diff.request.body.as_ref().or(exchange.request_body.as_ref()),
            Side::Response => self.effects.diff.response.body.as_ref().or(exchange.response_body.as_ref()),
        };
        // Another handle to the same bytes.
        let Some(body) = body.cloned() else { return Ok(Err(BodyError::NotBuffered)) };
        self.spend(body.len())?;
        Ok(Ok(body.to_vec()))
    }

    fn checked_body(&self, body: Vec<u8>) -> std::result::Result<Bytes, BodyError> {
        if body.len() > self.limits.body_bytes {
            return Err(BodyError::TooLarge);
        }
        Ok(Bytes::from(body))
    }
}

/// What a guest asks to do to a header, before it is checked.
enum HeaderNameEdit {
    Set(Vec<u8>),
    Append(Vec<u8>),
    Remove,
}

impl Host for Session {}

// Verdicts are types only.
impl tollgate_bindings::policy::verdicts::Host for Session {}

impl HostRequest for Session {
    fn method(&mut self, _: Resource<RequestHandle>) -> Result<String> {
        self.enter_question(|| Question::Method)?;
        let method = match &self.effects.diff.request.method {
            Some(method) => method,
            None => &self.exchange()?.request.method,
        };
        Ok(method.as_str().to_owned())
    }

    fn scheme(&mut self, _: Resource<RequestHandle>) -> Result<String> {
        self.enter()?;
        Ok(self.exchange()?.request.scheme.as_str().to_owned())
    }

    fn authority(&mut self, _: Resource<RequestHandle>) -> Result<String> {
        self.enter()?;
        Ok(self.exchange()?.request.authority.clone())
    }

    fn path(&mut self, _: Resource<RequestHandle>) -> Result<String> {
        self.enter_question(|| Question::Path)?;
        Ok(self.target()?.path().to_owned())
    }

    fn query(&mut self, _: Resource<RequestHandle>) -> Result<Option<String>> {
        self.enter_question(|| Question::Query)?;
        Ok(self.target()?.query().map(str::to_owned))
    }

    fn query_values(&mut self, _: Resource<RequestHandle>, name: String) -> Result<Vec<String>> {
        self.enter()?;
        let query = self.target()?.query().unwrap_or_default();
        Ok(query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .filter(|(key, _)| path::decode_query(key) == name)
            .map(|(_, value)| path::decode_query(value).into_owned())
            .collect())
    }

    fn parameter(&mut self, _: Resource<RequestHandle>, name: String) -> Result<Option<String>> {
        self.enter()?;
        let parameters = &self.exchange()?.facts.parameters;
        Ok(parameters.iter().find(|(key, _)| **key == *name).map(|(_, value)| value.clone()))
    }

    fn set_method(
        &mut self,
        _: Resource<RequestHandle>,
        method: String,
    ) -> Result<std::result::Result<(), TargetError>> {
        self.enter_edit()?;
        Ok(match Method::from_bytes(method.as_bytes()) {
            Ok(method) if method != Method::CONNECT && method.as_str().len() <= 64 => {
                self.effects.diff.request.method = Some(method);
                Ok(())
            }
            _ => Err(TargetError::Invalid),
        })
    }

    fn set_target(
        &mut self,
        _: Resource<RequestHandle>,
        target: String,
    ) -> Result<std::result::Result<(), TargetError>> {
        self.enter_edit()?;
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target.as_str(), None),
        };
        if target.len() > self.limits.header_bytes {
            return Ok(Err(TargetError::Other("the target is over the limit `header-bytes`".into())));
        }
        let Ok(path) = path::normalise(path) else {
            return Ok(Err(TargetError::Invalid));
        };
        let text = match query {
            Some(query) => format!("{path}?{query}"),
            None => path.into_owned(),
        };
        Ok(match PathAndQuery::try_from(text) {
            Ok(target) => {
                self.effects.diff.request.target = Some(target);
                self.effects.diff.request.is_rewritten = true;
                Ok(())
            }
            Err(_) => Err(TargetError::Invalid),
        })
    }

    fn set_query(
        &mut self,
        _: Resource<RequestHandle>,
        query: Option<String>,
    ) -> Result<std::result::Result<(), TargetError>> {
        // The path stays what it is, so that it is part of what is set.
        self.enter_question(|| Question::Path)?;
        self.has_edited();
        let query = query.as_deref();
        if query.map_or(0, str::len) > self.limits.header_bytes {
            return Ok(Err(TargetError::Other("the query is over the limit `header-bytes`".into())));
        }
        let path = self.target()?.path();
        let text = match query {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        Ok(match PathAndQuery::try_from(text) {
            Ok(target) if target.query() == query => {
                self.effects.diff.request.target = Some(target);
                Ok(())
            }
            _ => Err(TargetError::Invalid),
        })
    }

    fn header(&mut self, _: Resource<RequestHandle>, name: String) -> Result<Option<Vec<u8>>> {
        self.enter_question(|| Question::RequestHeader(name.as_str().into()))?;
        let found = self.section(Side::Request)?.first(&name);
        if found.is_none() { self.implied(&name) } else { Ok(found) }
    }

    fn header_values(&mut self, _: Resource<RequestHandle>, name: String) -> Result<Vec<Vec<u8>>> {
        self.enter_question(|| Question::RequestHeaders(name.as_str().into()))?;
        let found = self.section(Side::Request)?.values(&name);
        if found.is_empty() { Ok(self.implied(&name)?.into_iter().collect()) } else { Ok(found) }
    }

    fn headers(&mut self, _: Resource<RequestHandle>) -> Result<Vec<Field>> {
        self.enter()?;
        self.all_headers(Side::Request)
    }

    fn set_header(
        &mut self,
        _: Resource<RequestHandle>,
        name: String,
        value: Vec<u8>,
    ) -> Result<std::result::Result<(), HeaderError>> {
        self.enter_edit()?;
        Ok(self.edit(Side::Request, &name, HeaderNameEdit::Set(value)))
    }

    fn append_header(
        &mut self,
        _: Resource<RequestHandle>,
        name: String,
        value: Vec<u8>,
    ) -> Result<std::result::Result<(), HeaderError>> {
        self.enter_edit()?;
        Ok(self.edit(Side::Request, &name, HeaderNameEdit::Append(value)))
    }

    fn remove_header(
        &mut self,
        _: Resource<RequestHandle>,
        name: String,
    ) -> Result<std::result::Result<(), HeaderError>> {
        self.enter_edit()?;
        Ok(self.edit(Side::Request, &name, HeaderNameEdit::Remove))
    }

    fn body(&mut self, _: Resource<RequestHandle>) -> Result<std::result::Result<Vec<u8>, BodyError>> {
        self.enter()?;
        self.read_body(Side::Request)
    }

    fn set_body(&mut self, _: Resource<RequestHandle>, body: Vec<u8>) -> Result<std::result::Result<(), BodyError>> {
        self.enter()?;
        self.spend(body.len())?;
        Ok(self.checked_body(body).map(|body| self.effects.diff.request.body = Some(body)))
    }

    fn drop(&mut self, _: Resource<RequestHandle>) -> Result<()> {
        Ok(())
    }
}

impl Session {
    fn target(&self) -> Result<&PathAndQuery> {
        match &self.effects.diff.request.target {
            Some(target) => Ok(target),
            None => Ok(&self.exchange()?.request.target),
        }
    }
}

impl HostResponse for Session {
    fn status(&mut self, _: Resource<ResponseHandle>) -> Result<u16> {
        self.enter()?;
        if let Some(status) = self.effects.diff.response.status {
            return Ok(status.as_u16());
        }
        let response = self.exchange()?.response.as_ref().ok_or_else(|| wasmtime::Error::new(NoExchange))?;
        Ok(response.status.as_u16())
    }

    fn set_status(&mut self, response: Resource<ResponseHandle>, status: u16) -> Result<bool> {
        self.set_status_with_reason(response, status, None)
    }

    fn set_status_with_reason(
        &mut self,
        _: Resource<ResponseHandle>,
        status: u16,
        reason: Option<String>,
    ) -> Result<bool> {
        self.enter_edit()?;
        let is_phrase = |text: &str| text.len() <= 1024 && !text.bytes().any(|b| b.is_ascii_control() && b != b'\t');
        Ok(match StatusCode::from_u16(status) {
            Ok(status) if (200..600).contains(&status.as_u16()) && reason.as_deref().is_none_or(is_phrase) => {
                self.effects.diff.response.status = Some(status);
                self.effects.diff.response.reason = reason.map(Box::from);
                true
            }
            _ => false,
        })
    }

    fn header(&mut self, _: Resource<ResponseHandle>, name: String) -> Result<Option<Vec<u8>>> {
        self.enter_question(|| Question::ResponseHeader(name.as_str().into()))?;
        Ok(self.section(Side::Response)?.first(&name))
    }

    fn header_values(&mut self, _: Resource<ResponseHandle>, name: String) -> Result<Vec<Vec<u8>>> {
        self.enter_question(|| Question::ResponseHeaders(name.as_str().into()))?;
        Ok(self.section(Side::Response)?.values(&name))
    }

    fn headers(&mut self, _: Resource<ResponseHandle>) -> Result<Vec<Field>> {
        self.enter()?;
        self.all_headers(Side::Response)
    }

    fn set_header(
        &mut self,
        _: Resource<ResponseHandle>,
        name: String,
        value: Vec<u8>,
    ) -> Result<std::result::Result<(), HeaderError>> {
        self.enter_edit()?;
        Ok(self.edit(Side::Response, &name, HeaderNameEdit::Set(value)))
    }

    fn append_header(
        &mut self,
        _: Resource<ResponseHandle>,
        name: String,
        value: Vec<u8>,
    ) -> Result<std::result::Result<(), HeaderError>> {
        self.enter_edit()?;
        Ok(self.edit(Side::Response, &name, HeaderNameEdit::Append(value)))
    }

    fn remove_header(
        &mut self,
        _: Resource<ResponseHandle>,
        name: String,
    ) -> Result<std::result::Result<(), HeaderError>> {
        self.enter_edit()?;
        Ok(self.edit(Side::Response, &name, HeaderNameEdit::Remove))
    }

    fn body(&mut self, _: Resource<ResponseHandle>) -> Result<std::result::Result<Vec<u8>, BodyError>> {
        self.enter()?;
        self.read_body(Side::Response)
    }

    fn set_body(&mut self, _: Resource<ResponseHandle>, body: Vec<u8>) -> Result<std::result::Result<(), BodyError>> {
        self.enter()?;
        self.spend(body.len())?;
        Ok(self.checked_body(body).map(|body| self.effects.diff.response.body = Some(body)))
    }

    fn drop(&mut self, _: Resource<ResponseHandle>) -> Result<()> {
        Ok(())
    }
}
