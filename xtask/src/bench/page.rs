//! The part of `docs/performance.md` that this command writes; the prose around it is people's.

use crate::step;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use std::process::Command;

const PAGE: &str = "docs/performance.md";
const BEGIN: &str = "<!-- cargo xtask bench writes from here -->\n";
const END: &str = "<!-- to here -->\n";

/// Put a table where the last one stood, with what it was counted by.
pub(super) fn write(workspace: &Workspace, table: &str) -> Result<()> {
    let path = workspace.root.join(PAGE);
    let page = std::fs::read_to_string(&path).with_context(|| format!("could not read {}", path.display()))?;
    let by = ["rustc", "valgrind"].map(|tool| version(workspace, tool));
    let date = step::output(Command::new("date").args(["-u", "+%Y-%m-%d"]))?;
    let text = format!("{} on {}, {}.\n\n{table}", by.join(", "), machine(), date.trim());
    let page = replaced(&page, &text).with_context(|| format!("{PAGE} lacks `{}`", BEGIN.trim()))?;
    std::fs::write(&path, page).with_context(|| format!("could not write {}", path.display()))
}

fn replaced(page: &str, text: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{text}\n{END}{after}"))
}

fn version(workspace: &Workspace, tool: &str) -> String {
    let said = step::output(Command::new(tool).arg("--version").current_dir(&workspace.root));
    said.map_or(format!("unknown {tool}"), |said| said.split('(').next().unwrap_or_default().trim().to_owned())
}

fn machine() -> String {
    let processors = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or("an unknown processor", |(_, model)| model).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_markers_is_replaced() {
        let page = format!("before\n{BEGIN}old\n{END}after\n");
        assert_eq!(replaced(&page, "new\n").unwrap(), format!("before\n{BEGIN}\nnew\n\n{END}after\n"));
        assert_eq!(replaced("no markers", "new"), None);
    }
}
