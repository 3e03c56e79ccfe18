//! A template's text, outputs and tags.

use super::Fault;

/// A part of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// What is written as it is.
    Text(&'a str),
    /// `{{ inner }}`.
    Output {
        inner: &'a str,
        /// Where `inner` begins in the template.
        at: usize,
    },
    /// `{% name rest %}`.
    Tag {
        name: &'a str,
        rest: &'a str,
        /// Where `rest` begins in the template.
        at: usize,
    },
}

/// Something between delimiters.
struct Markup<'a> {
    inner: &'a str,
    at: usize,
    /// Past the closing delimiter.
    end: usize,
    is_tag: bool,
    trims_before: bool,
    trims_after: bool,
}

/// All pieces in order. What stands in `raw` is text, what stands in `comment` is left out, and so is white space
/// that a hyphen takes away.
pub(crate) fn split(source: &str) -> Result<Vec<Piece<'_>>, Fault> {
    let mut pieces = Vec::new();
    let (mut at, mut trims) = (0, false);
    while let Some(open) = find_open(source, at) {
        let markup = read(source, open)?;
        push_text(&mut pieces, &source[at..open], trims, markup.trims_before);
        (at, trims) = (markup.end, markup.trims_after);
        let (name, rest) = name_of(markup.inner);
        match (markup.is_tag, name) {
            (false, _) => pieces.push(Piece::Output { inner: markup.inner, at: markup.at }),
            (true, "raw") => {
                let close = close_of(source, markup.end, "raw")?;
                push_text(&mut pieces, &source[markup.end..close.0], trims, close.1.trims_before);
                (at, trims) = (close.1.end, close.1.trims_after);
            }
            (true, "comment") => {
                let (_, close) = close_of(source, markup.end, "comment")?;
                (at, trims) = (close.end, close.trims_after);
            }
            (true, _) => {
                pieces.push(Piece::Tag { name, rest, at: markup.at + markup.inner.len() - rest.len() });
            }
        }
    }
    push_text(&mut pieces, &source[at..], trims, false);
    Ok(pieces)
}

fn push_text<'a>(pieces: &mut Vec<Piece<'a>>, text: &'a str, trim_start: bool, trim_end: bool) {
    let text = if trim_start { text.trim_start() } else { text };
    let text = if trim_end { text.trim_end() } else { text };
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
}

fn find_open(source: &str, from: usize) -> Option<usize> {
    let bytes = source.as_bytes();
    let begins = |&at: &usize| bytes[at] == b'{' && matches!(bytes.get(at + 1), Some(b'{' | b'%'));
    (from..bytes.len()).find(begins)
}

/// The markup whose opening delimiter is at `open`.
fn read(source: &str, open: usize) -> Result<Markup<'_>, Fault> {
    let is_tag = source.as_bytes()[open + 1] == b'%';
    let (closing, what) = if is_tag { ("%}", "a tag has no `%}`") } else { ("}}", "an output has no `}}`") };
    let start = open + 2;
    let length = source[start..].find(closing).ok_or_else(|| Fault::new(open, what))?;
    let whole = &source[start..start + length];
    let trims_before = whole.starts_with('-');
    let inner = if trims_before { &whole[1..] } else { whole };
    let trims_after = inner.ends_with('-');
    let inner = if trims_after { &inner[..inner.len() - 1] } else { inner };
    let at = start + usize::from(trims_before);
    Ok(Markup { inner, at, end: start + length + 2, is_tag, trims_before, trims_after })
}

fn name_of(inner: &str) -> (&str, &str) {
    let inner = inner.trim_start();
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
    inner.split_at(end)
}

/// Where the tag begins that closes a block whose inside isn't read, and that tag.
fn close_of<'a>(source: &'a str, from: usize, block: &str) -> Result<(usize, Markup<'a>), Fault> {
    let (mut at, mut depth) = (from, 1);
    while let Some(open) = source[at..].find("{%").map(|found| at + found) {
        let Ok(markup) = read(source, open) else { break };
        let (name, _) = name_of(markup.inner);
        if name.strip_prefix("end") == Some(block) {
            depth -= 1;
        } else if name == block && block == "comment" {
            depth += 1;
        }
        if depth == 0 {
            return Ok((open, markup));
        }
        // Inside `raw` anything may stand, so the next `{%` may begin before this one's end.
        at = open + 2;
    }
    Err(Fault::new(from, format!("the tag `{block}` has no `end{block}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(source: &str) -> Vec<String> {
        let show = |piece: &Piece<'_>| match *piece {
            Piece::Text(text) => text.to_owned(),
            Piece::Output { inner, at } => format!("out:{inner}@{at}"),
            Piece::Tag { name, rest, at } => format!("tag:{name}:{rest}@{at}"),
        };
        split(source).unwrap().iter().map(show).collect()
    }

    #[test]
    fn a_template_is_text_outputs_and_tags() {
        assert_eq!(shown("a{{ b }}c{% if d %}e"), ["a", "out: b @3", "c", "tag:if: d @14", "e"]);
        assert_eq!(shown("{ {} % }"), ["{ {} % }"]);
        assert!(shown("").is_empty());
    }

    #[test]
    fn a_hyphen_takes_white_space_away() {
        assert_eq!(shown("a \n{{- b -}}\n c {%- d -%} "), ["a", "out: b @6", "c", "tag:d: @21"]);
    }

    #[test]
    fn raw_is_text_and_comments_are_nothing() {
        assert_eq!(shown("a{% raw %}{{ b }}{% if %}{% endraw %}c"), ["a", "{{ b }}{% if %}", "c"]);
        assert_eq!(shown("a{% comment %}{% comment %}{{ b{% endcomment %}x{% endcomment %}c"), ["a", "c"]);
        assert_eq!(shown("a {%- raw -%} b {%- endraw -%} c"), ["a", "b", "c"]);
    }

    #[test]
    fn what_has_no_end_is_told_with_its_place() {
        for (source, at, message) in [
            ("ab{{ c", 2, "an output has no `}}`"),
            ("{% if", 0, "a tag has no `%}`"),
            ("{% raw %}x", 9, "the tag `raw` has no `endraw`"),
        ] {
            assert_eq!(split(source), Err(Fault::new(at, message)), "{source}");
        }
    }
}
