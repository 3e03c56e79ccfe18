//! The part of `docs/performance.md` that this command writes; the prose around it is people's.

use super::process::system;
use crate::step;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::process::Command;

const PAGE: &str = "docs/performance.md";
const END: &str = "<!-- to here -->\n";

fn begin(section: &str) -> String {
    format!("<!-- cargo xtask bench {section} writes from here -->\n")
}

/// Put a section's text where its last one stood.
pub(super) fn write(workspace: &Workspace, section: &str, text: &str) -> Result<()> {
    let path = workspace.root.join(PAGE);
    let page = std::fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    let page = replaced(&page, section, text).with_context(|| format!("{PAGE} lacks `{}`", begin(section).trim()))?;
    std::fs::write(&path, page).with_context(|| format!("could not write {}", path.display()))
}

fn replaced(page: &str, section: &str, text: &str) -> Option<String> {
    let begin = begin(section);
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{begin}\n{}\n\n{END}{after}", text.trim_end()))
}

/// A tool's name and the first number that it says of itself; none if it isn't there.
pub(super) fn version(workspace: &Workspace, tool: &str, arguments: &[&str]) -> Option<String> {
    // Some say it on stderr, and some fail once they have said it.
    let said = Command::new(system(tool)).args(arguments).current_dir(&workspace.root).output().ok()?;
    let said = [said.stdout, said.stderr].concat();
    Some(format!("{tool} {}", number(&String::from_utf8_lossy(&said))?))
}

/// The first `1.2` or `1.2.3` of a text.
fn number(said: &str) -> Option<&str> {
    let words = said.split(|letter: char| !letter.is_ascii_digit() && letter != '.');
    words.into_iter().find(|word| word.trim_matches('.').contains('.')).map(|word| word.trim_matches('.'))
}

pub(super) fn today() -> String {
    step::output(Command::new("date").args(["-u", "+%Y-%m-%d"])).map_or("?".to_owned(), |date| date.trim().to_owned())
}

/// The average of the last minute.
pub(super) fn load_average() -> String {
    let said = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    said.split(' ').next().unwrap_or_default().to_owned()
}

/// Cores, model and memory.
pub(super) fn machine() -> String {
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    format!("{cores} cores of {}", model.map_or("an unknown processor", |(_, model)| model))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_markers_of_its_section_is_replaced() {
        let (one, other) = (begin("one"), begin("other"));
        let page = format!("before\n{one}old\n{END}between\n{other}older\n{END}after\n");
        assert_eq!(
            replaced(&page, "other", "new\n").unwrap(),
            format!("before\n{one}old\n{END}between\n{other}\nnew\n\n{END}after\n")
        );
        assert_eq!(replaced("no markers", "one", "new"), None);
    }

    #[test]
    fn a_version_is_the_first_number_with_a_dot() {
        assert_eq!(number("nginx version: nginx/1.22.1"), Some("1.22.1"));
        assert_eq!(number("wrk debian/4.1.0-3+b2 [epoll]"), Some("4.1.0"));
        assert_eq!(number("v2.11.7 h1:yj0Y4"), Some("2.11.7"));
        assert_eq!(number("envoy  version: 9e5580933739/1.40.0/Clean"), Some("1.40.0"));
        assert_eq!(number("none"), None);
    }
}
