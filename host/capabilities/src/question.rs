//! What a statement asks about its exchange, so that what it decided can be known again by the answers.
//!
//! Here stand the questions whose answers depend on the exchange alone, as the statement found it. Whatever else a guest
//! calls (limits, clocks, caches, logs) does something or can't be known beforehand, and is never among them.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, header};
use tollgate_expression::Value;

use crate::exchange::Exchange;
use crate::session::Identity;

/// Longer answers are hardly given twice.
const LONGEST: usize = 128;

/// A question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// An expression of the statement, by its number.
    Expression(u32),
    /// The first value of a header of the request.
    RequestHeader(Box<str>),
    /// All values of a header of the request.
    RequestHeaders(Box<str>),
    /// The first value of a header of the response.
    ResponseHeader(Box<str>),
    /// All values of a header of the response.
    ResponseHeaders(Box<str>),
    /// The request's method.
    Method,
    /// The request's path.
    Path,
    /// The request's query.
    Query,
    /// The client's address.
    ClientIp,
}

/// An answer that is short enough to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// There is nothing.
    Nothing,
    /// Text, or a header's value.
    Bytes(Box<[u8]>),
    /// The values of a header.
    Lines(Box<[HeaderValue]>),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
    /// An address.
    Address(IpAddr),
}

/// The answer that an exchange gives.
pub enum Given<'e> {
    /// Text, or a header's value; none if there is none.
    Bytes(Option<&'e [u8]>),
    /// The values of a header.
    Lines(http::header::GetAll<'e, HeaderValue>),
    /// An expression's value.
    Value(Value),
    /// An address.
    Address(IpAddr),
}

impl Question {
    /// What the exchange answers; none if it can't, or if that isn't the whole answer.
    pub fn given<'e>(&self, exchange: &'e Exchange, identity: &Identity) -> Option<Given<'e>> {
        let request = &exchange.request;
        let response = || exchange.response.as_ref().map(|response| &response.headers);
        Some(match self {
            Question::Expression(number) => {
                Given::Value(identity.expressions.get(*number as usize)?.evaluate(exchange).ok()?)
            }
            // `host` stands apart from the others.
            Question::RequestHeader(name) | Question::RequestHeaders(name)
                if name.eq_ignore_ascii_case(header::HOST.as_str()) =>
            {
                return None;
            }
            Question::RequestHeader(name) => first(&request.headers, name),
            Question::RequestHeaders(name) => Given::Lines(request.headers.get_all(&**name)),
            Question::ResponseHeader(name) => first(response()?, name),
            Question::ResponseHeaders(name) => Given::Lines(response()?.get_all(&**name)),
            Question::Method => Given::Bytes(Some(request.method.as_str().as_bytes())),
            Question::Path => Given::Bytes(Some(request.target.path().as_bytes())),
            Question::Query => Given::Bytes(request.target.query().map(str::as_bytes)),
            Question::ClientIp => Given::Address(exchange.facts.client_ip),
        })
    }
}

fn first<'e>(headers: &'e HeaderMap, name: &str) -> Given<'e> {
    Given::Bytes(headers.get(name).map(HeaderValue::as_bytes))
}

/// The same for an answer and for what is given when it is the same: of which kind it is, and what.
impl Hash for Answer {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Answer::Nothing => state.write_u8(0),
            Answer::Bytes(bytes) => bytes.hash(state),
            Answer::Lines(lines) => lines.iter().for_each(|line| line.as_bytes().hash(state)),
            Answer::Integer(integer) => integer.hash(state),
            Answer::Boolean(boolean) => boolean.hash(state),
            Answer::Address(address) => address.hash(state),
        }
    }
}

impl Hash for Given<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Given::Bytes(None) | Given::Value(Value::Null) => state.write_u8(0),
            Given::Bytes(Some(bytes)) => bytes.hash(state),
            Given::Lines(lines) => lines.iter().for_each(|line| line.as_bytes().hash(state)),
            Given::Value(Value::String(text)) => text.as_bytes().hash(state),
            Given::Value(Value::Int(integer)) => integer.hash(state),
            Given::Value(Value::Bool(boolean)) => boolean.hash(state),
            // Never kept.
            Given::Value(_) => {}
            Given::Address(address) => address.hash(state),
        }
    }
}

impl Given<'_> {
    /// May it be kept, by its length and kind?
    pub fn may_be_kept(&self) -> bool {
        match self {
            Given::Bytes(bytes) => bytes.is_none_or(|bytes| bytes.len() <= LONGEST),
            Given::Lines(lines) => lines.iter().map(|line| line.len() + 1).sum::<usize>() <= LONGEST,
            Given::Value(Value::String(text)) => text.len() <= LONGEST,
            Given::Value(value) => matches!(value, Value::Null | Value::Int(_) | Value::Bool(_)),
            Given::Address(_) => true,
        }
    }

    /// Is it this one? An expression's `1` and `1.0` are equal, but guests can tell them apart: what isn't kept is never
    /// the same.
    pub fn is(&self, answer: &Answer) -> bool {
        match (self, answer) {
            (Given::Bytes(None) | Given::Value(Value::Null), Answer::Nothing) => true,
            (Given::Bytes(Some(one)), Answer::Bytes(other)) => **one == **other,
            (Given::Lines(lines), Answer::Lines(others)) => lines.iter().eq(others.iter()),
            (Given::Value(Value::String(one)), Answer::Bytes(other)) => *one.as_bytes() == **other,
            (Given::Value(Value::Int(one)), Answer::Integer(other)) => one == other,
            (Given::Value(Value::Bool(one)), Answer::Boolean(other)) => one == other,
            (Given::Address(one), Answer::Address(other)) => one == other,
            _ => false,
        }
    }

    /// To be known again; none if it is too long for that, or of a kind that nobody compares.
    pub fn kept(&self) -> Option<Answer> {
        if !self.may_be_kept() {
            return None;
        }
        match self {
            Given::Bytes(None) | Given::Value(Value::Null) => Some(Answer::Nothing),
            Given::Bytes(Some(it)) => Some(Answer::Bytes((*it).into())),
            Given::Lines(lines) => Some(Answer::Lines(lines.iter().cloned().collect())),
            Given::Value(Value::String(it)) => Some(Answer::Bytes(it.as_bytes().into())),
            Given::Value(Value::Int(it)) => Some(Answer::Integer(*it)),
            Given::Value(Value::Bool(it)) => Some(Answer::Boolean(*it)),
            Given::Value(_) => None,
            Given::Address(it) => Some(Answer::Address(*it)),
        }
    }
}
