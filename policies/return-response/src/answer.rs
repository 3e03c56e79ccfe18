//! From the configuration to the response, once.

use policy_headers::{EditableName, ExistsAction, HeaderEdit, SetHeader, Texts};
use std::collections::BTreeMap;
use std::fmt;
use tollgate_sdk::schema::{Node, Schema};
use tollgate_sdk::serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use tollgate_sdk::serde::de::{MapAccess, SeqAccess, Visitor};
use tollgate_sdk::serde::{Deserialize, Deserializer};
use tollgate_sdk::{ConfigError, Field, HeaderError, Headers, Reply, configuration};

/// The response, with children named after the statements that they resemble, or in short.
#[configuration]
pub struct Config {
    /// The status, and the reason phrase of HTTP/1.1.
    #[serde(default)]
    set_status: Option<SetStatus>,
    /// One header or a list of them, edited in order.
    #[serde(default)]
    set_header: Option<SetHeaders>,
    /// The body.
    #[serde(default)]
    set_body: Option<String>,
    /// The status, in short.
    #[serde(default)]
    #[schema(range(min = 200, max = 599))]
    status: Option<u16>,
    /// Headers by name, in short.
    #[serde(default)]
    headers: BTreeMap<String, Texts>,
    /// The body, in short.
    #[serde(default)]
    body: Option<String>,
}

#[configuration]
struct SetStatus {
    /// The status.
    #[schema(range(min = 200, max = 599))]
    code: u16,
    /// The reason phrase, if it isn't the usual one.
    #[serde(default)]
    reason: Option<String>,
}

/// One header or a list of them. Not a serde enum: those forget where in the text an error was.
enum SetHeaders {
    One(SetHeader),
    Many(Vec<SetHeader>),
}

impl<'de> Deserialize<'de> for SetHeaders {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = SetHeaders;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a header or a list of headers")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SetHeaders, A::Error> {
                SetHeader::deserialize(MapAccessDeserializer::new(map)).map(SetHeaders::One)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<SetHeaders, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(seq)).map(SetHeaders::Many)
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}

impl Schema for SetHeaders {
    const SCHEMA: Node = Node::either(&[SetHeader::SCHEMA, Node::list(&SetHeader::SCHEMA)]);
}

/// A response that is ready to be given.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    reason: Option<String>,
    headers: Vec<Field>,
    body: Vec<u8>,
}

impl Answer {
    pub(crate) fn new(config: Config) -> Result<Self, ConfigError> {
        let Config { set_status, set_header, set_body, status, headers, body } = config;
        for (both, pointer) in
            [(set_status.is_some() && status.is_some(), "/status"), (set_body.is_some() && body.is_some(), "/body")]
        {
            if both {
                return Err(ConfigError::new(pointer, format!("`set-{}` says it already", &pointer[1..])));
            }
        }
        let body_at = if body.is_some() { "/body" } else { "/set-body" };
        let (status, reason) = match set_status {
            Some(SetStatus { code, reason }) => (code, reason),
            None => (status.unwrap_or(200), None),
        };
        if reason.as_ref().is_some_and(|reason| reason.bytes().any(|byte| byte.is_ascii_control() && byte != b'\t')) {
            return Err(ConfigError::new("/set-status/reason", "a reason can't hold control characters"));
        }
        let body = body.or(set_body).unwrap_or_default().into_bytes();
        if matches!(status, 204 | 205 | 304) && !body.is_empty() {
            return Err(ConfigError::new(body_at, format!("a response with status {status} has no body")));
        }
        let mut section = Section(Vec::new());
        for (edit, pointer) in edits(set_header, headers)? {
            edit.apply(&mut section).map_err(|error| ConfigError::new(pointer, error.to_string()))?;
        }
        Ok(Self { status, reason, headers: section.0, body })
    }

    pub(crate) fn reply(&self) -> Reply {
        let mut reply = Reply::new(self.status);
        if let Some(reason) = &self.reason {
            reply = reply.reason(reason.as_str());
        }
        for field in &self.headers {
            reply = reply.header(field.name.as_str(), field.value.as_slice());
        }
        reply.body(self.body.as_slice())
    }
}

/// All edits in order, each with its place in the configuration.
fn edits(
    set_header: Option<SetHeaders>,
    headers: BTreeMap<String, Texts>,
) -> Result<Vec<(HeaderEdit, String)>, ConfigError> {
    let mut written = match set_header {
        None => Vec::new(),
        Some(SetHeaders::One(one)) => vec![(one, "/set-header".to_owned())],
        Some(SetHeaders::Many(many)) => {
            many.into_iter().enumerate().map(|(index, one)| (one, format!("/set-header/{index}"))).collect()
        }
    };
    let in_short = written.len();
    for (name, value) in headers {
        let pointer = format!("/headers/{}", name.replace('~', "~0").replace('/', "~1"));
        let name = EditableName::parse(&name).map_err(|message| ConfigError::new(pointer.as_str(), message))?;
        written.push((SetHeader { name, exists_action: ExistsAction::Override, value: Some(value) }, pointer));
    }
    let checked = written.into_iter().enumerate().map(|(index, (set_header, pointer))| {
        let edit = HeaderEdit::try_from(set_header).map_err(|error| {
            // In short there is nothing below the name to point at.
            let below = if index < in_short { error.pointer.as_str() } else { "" };
            ConfigError::new(format!("{pointer}{below}"), error.message.as_str())
        })?;
        Ok((edit, pointer))
    });
    checked.collect()
}

/// The header section while it is made.
struct Section(Vec<Field>);

impl Headers for Section {
    fn header(&self, name: &str) -> Option<Vec<u8>> {
        self.0.iter().find(|field| field.name == name).map(|field| field.value.clone())
    }

    fn header_values(&self, name: &str) -> Vec<Vec<u8>> {
        self.0.iter().filter(|field| field.name == name).map(|field| field.value.clone()).collect()
    }

    fn set_header(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), HeaderError> {
        self.remove_header(name)?;
        self.append_header(name, value)
    }

    fn append_header(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), HeaderError> {
        self.0.push(Field { name: name.into(), value: value.as_ref().into() });
        Ok(())
    }

    fn remove_header(&mut self, name: &str) -> Result<(), HeaderError> {
        self.0.retain(|field| field.name != name);
        Ok(())
    }
}
