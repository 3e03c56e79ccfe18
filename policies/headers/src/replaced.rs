//! What else of a message has to change when a statement writes its body anew.

use tollgate_sdk::{HeaderError, Headers};

/// Headers that speak of the bytes of a body, and so no longer of this one.
const OF_THE_BYTES: [&str; 6] =
    ["accept-ranges", "content-digest", "content-encoding", "content-md5", "digest", "repr-digest"];

/// Whether the body is compressed or coded in another way, so that its bytes aren't its text.
pub fn is_encoded(message: &impl Headers) -> bool {
    let plain =
        |coding: &Vec<u8>| coding.trim_ascii().eq_ignore_ascii_case(b"identity") || coding.trim_ascii().is_empty();
    !message.header_values("content-encoding").iter().all(plain)
}

/// Whether the body's length is known to be 0.
pub fn is_announced_empty(message: &impl Headers) -> bool {
    message.header("content-length").as_deref() == Some(b"0")
}

/// Make the head true again after the body was replaced by one that isn't encoded. A strong `etag` becomes a weak one:
/// it belonged to other bytes.
pub fn body_was_replaced(message: &mut impl Headers) -> Result<(), HeaderError> {
    for name in OF_THE_BYTES {
        if message.header(name).is_some() {
            message.remove_header(name)?;
        }
    }
    match message.header("etag") {
        Some(tag) if tag.starts_with(b"\"") => message.set_header("etag", [b"W/", tag.as_slice()].concat()),
        _ => Ok(()),
    }
}
