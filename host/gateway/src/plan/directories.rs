//! Directories that components may read, opened while a plan is made.

use std::collections::HashMap;
use std::sync::Arc;

use tollgate_document::{Diagnostics, Document};
use tollgate_runtime::Directories;

/// What each component of a document has been granted, by its name. A directory that can't be opened is an error at its
/// place, and then there is none.
pub(super) fn opened(document: &Document, diagnostics: &mut Diagnostics) -> HashMap<String, Option<Arc<Directories>>> {
    let mut by_name = HashMap::new();
    for component in document.components.iter().filter(|component| !component.directories.is_empty()) {
        let (mut directories, mut all_are_there) = (Directories::none(), true);
        for granted in &component.directories {
            if let Err(problem) = directories.grant(&granted.directory, &granted.at) {
                diagnostics.push(granted.mark, format!("component `{}`: {problem}", component.name));
                all_are_there = false;
            }
        }
        by_name.insert(component.name.clone(), all_are_there.then(|| Arc::new(directories)));
    }
    by_name
}
