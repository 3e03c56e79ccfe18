//! What a call recorded: the diff that is applied after the verdict `next`, and only then.
//!
//! Reads within the same call look through the edits first, so that a policy sees what it wrote.

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use smallvec::SmallVec;

use crate::base_url::BaseUrl;

/// One edit of one header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderEdit {
    /// Becomes the only value.
    Set(HeaderValue),
    /// One more line.
    Append(HeaderValue),
    /// No line any more.
    Remove,
}

impl HeaderEdit {
    /// The value that it brings, if it brings one.
    pub fn value(&self) -> Option<&HeaderValue> {
        match self {
            Self::Set(value) | Self::Append(value) => Some(value),
            Self::Remove => None,
        }
    }

    /// Make the edit of the header `name`. One that finds no room is left out: a map that is full to the brim (32,768 names)
    /// would be nobody's message any more, and `insert` would panic.
    fn make(self, name: HeaderName, headers: &mut HeaderMap) {
        match self {
            Self::Set(value) => {
                let _ = headers.try_insert(name, value);
            }
            Self::Append(value) => {
                let _ = headers.try_append(name, value);
            }
            Self::Remove => {
                headers.remove(name);
            }
        }
    }
}

/// Edits of one header section, in the order they were made.
#[derive(Clone, Debug, Default)]
pub struct HeaderEdits {
    edits: SmallVec<[(HeaderName, HeaderEdit); 4]>,
}

impl HeaderEdits {
    /// Record one edit.
    pub fn push(&mut self, name: HeaderName, edit: HeaderEdit) {
        self.edits.push((name, edit));
    }

    /// True if nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// The edits in order, for traces.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &(HeaderName, HeaderEdit)> {
        self.edits.iter()
    }

    /// Where the edits that still count for `name` begin, and whether the base still shows through.
    fn live(&self, name: &HeaderName) -> (usize, bool) {
        let last_reset = self.edits.iter().rposition(|(n, edit)| n == name && !matches!(edit, HeaderEdit::Append(_)));
        match last_reset {
            Some(at) => (at, false),
            None => (0, true),
        }
    }

    /// The values of `name` as the call sees them.
    pub fn values<'a>(&'a self, base: &'a HeaderMap, name: &'a HeaderName) -> impl Iterator<Item = &'a HeaderValue> {
        let (from, base_shows) = self.live(name);
        let under = base_shows.then(|| base.get_all(name).into_iter()).into_iter().flatten();
        let over = self.edits.iter().skip(from).filter_map(move |(n, edit)| match edit {
            HeaderEdit::Set(value) | HeaderEdit::Append(value) if n == name => Some(value),
            _ => None,
        });
        under.chain(over)
    }

    /// The first value of `name` as the call sees it.
    pub fn first<'a>(&'a self, base: &'a HeaderMap, name: &'a HeaderName) -> Option<&'a HeaderValue> {
        if self.edits.is_empty() {
            return base.get(name);
        }
        self.values(base, name).next()
    }

    /// Make the edits, which are none afterwards.
    pub fn apply(&mut self, headers: &mut HeaderMap) {
        for (name, edit) in self.edits.drain(..) {
            edit.make(name, headers);
        }
    }
}

/// Edits of a request.
#[derive(Clone, Debug, Default)]
pub struct RequestEdits {
    /// Header edits.
    pub headers: HeaderEdits,
    /// A new method.
    pub method: Option<Method>,
    /// A new path and query.
    pub target: Option<PathAndQuery>,
    /// The new path is relative to the API; false if only the query is new.
    pub is_rewritten: bool,
    /// A new body.
    pub body: Option<Bytes>,
}

/// Edits of a response.
#[derive(Clone, Debug, Default)]
pub struct ResponseEdits {
    /// Header edits.
    pub headers: HeaderEdits,
    /// A new status.
    pub status: Option<StatusCode>,
    /// The reason phrase that goes with the new status; none for the usual one.
    pub reason: Option<Box<str>>,
    /// A new body.
    pub body: Option<Bytes>,
}

/// A header for whatever response will be given.
#[derive(Clone, Debug)]
pub struct StagedHeader {
    /// Its name.
    pub name: HeaderName,
    /// What to do to it.
    pub edit: HeaderEdit,
}

impl StagedHeader {
    /// Put it on a response.
    pub fn place(self, headers: &mut HeaderMap) {
        self.edit.make(self.name, headers);
    }
}

/// Where a request goes instead of its API's backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackendChoice {
    /// A base URL.
    Url(BaseUrl),
    /// An entry of the document's `backends`, which exists.
    Id(String),
}

impl Diff {
    /// Record what another call recorded, after a [`Diff::clear`]. In place, because a diff is too large to be moved about.
    pub fn copy(&mut self, other: &Diff) {
        let Diff { request, response, staged, backend, variables, header_bytes, variable_bytes } = other;
        let RequestEdits { headers, method, target, is_rewritten, body } = request;
        self.request.headers.edits.extend(headers.edits.iter().cloned());
        self.request.method.clone_from(method);
        self.request.target.clone_from(target);
        self.request.is_rewritten = *is_rewritten;
        self.request.body.clone_from(body);
        let ResponseEdits { headers, status, reason, body } = response;
        self.response.headers.edits.extend(headers.edits.iter().cloned());
        self.response.status = *status;
        self.response.reason.clone_from(reason);
        self.response.body.clone_from(body);
        self.staged.extend(staged.iter().cloned());
        self.backend.clone_from(backend);
        self.variables.extend(variables.iter().cloned());
        (self.header_bytes, self.variable_bytes) = (*header_bytes, *variable_bytes);
    }

    /// Forget everything, but for the room that it took.
    pub fn clear(&mut self) {
        let Diff { request, response, staged, backend, variables, header_bytes, variable_bytes } = self;
        let RequestEdits { headers, method, target, is_rewritten, body } = request;
        headers.edits.clear();
        (*method, *target, *is_rewritten, *body) = (None, None, false, None);
        let ResponseEdits { headers, status, reason, body } = response;
        headers.edits.clear();
        (*status, *reason, *body) = (None, None, None);
        staged.clear();
        variables.clear();
        (*backend, *header_bytes, *variable_bytes) = (None, 0, 0);
    }
}

/// Everything that one call recorded.
#[derive(Clone, Debug, Default)]
pub struct Diff {
    /// Applied after `next` in the inbound section.
    pub request: RequestEdits,
    /// Applied after `next` in the outbound and on-error sections.
    pub response: ResponseEdits,
    /// Headers for whatever response will be given; kept after every verdict.
    pub staged: Vec<StagedHeader>,
    /// Another backend; applied after `next`.
    pub backend: Option<BackendChoice>,
    /// Variables set, as JSON text; kept after every verdict.
    pub variables: Vec<(String, String)>,
    /// Bytes of names and values recorded as header edits, against the limit `header-bytes`.
    pub header_bytes: usize,
    /// Bytes of names and values recorded as variables, against the limit `variable-bytes`.
    pub variable_bytes: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &'static str) -> HeaderName {
        HeaderName::from_static(text)
    }

    fn value(text: &'static str) -> HeaderValue {
        HeaderValue::from_static(text)
    }

    #[test]
    fn a_call_sees_its_own_edits_and_the_base_stays_until_they_are_applied() {
        let mut base = HeaderMap::new();
        base.append("a", value("1"));
        base.append("a", value("2"));
        let mut edits = HeaderEdits::default();
        let a = name("a");
        assert_eq!(edits.first(&base, &a), Some(&value("1")));

        edits.push(a.clone(), HeaderEdit::Append(value("3")));
        assert_eq!(edits.values(&base, &a).collect::<Vec<_>>(), ["1", "2", "3"]);

        edits.push(a.clone(), HeaderEdit::Set(value("4")));
        edits.push(a.clone(), HeaderEdit::Append(value("5")));
        assert_eq!(edits.values(&base, &a).collect::<Vec<_>>(), ["4", "5"]);

        edits.push(a.clone(), HeaderEdit::Remove);
        assert_eq!(edits.first(&base, &a), None);
        edits.push(a.clone(), HeaderEdit::Append(value("6")));
        assert_eq!(edits.values(&base, &a).collect::<Vec<_>>(), ["6"]);
        assert_eq!(base.get_all("a").iter().count(), 2);

        edits.apply(&mut base);
        assert_eq!(base.get_all("a").iter().collect::<Vec<_>>(), ["6"]);
    }

    #[test]
    fn edits_of_one_name_leave_others_alone() {
        let mut base = HeaderMap::new();
        base.insert("b", value("1"));
        let mut edits = HeaderEdits::default();
        edits.push(name("a"), HeaderEdit::Remove);
        let b = name("b");
        assert_eq!(edits.first(&base, &b), Some(&value("1")));
    }
}
