//! The contract and the SDKs, which the program carries with it: no policy depends on a package that would have to be
//! found in a matching version.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use tollgate_core::grants::Capability;
use tollgate_core::place::Phase;
use wit_parser::{Resolve, SourceMap, WorldId};

use super::project::{Language, Project};

/// Files of the repository, by their paths.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sdk_files.rs"));

/// The world of a policy, as the tools of its language are told.
pub(super) const WORLD: &str = "tollgate:gateway/author";

/// The files of a language's template, by their paths in a policy's folder.
pub(super) fn template(language: Language) -> impl Iterator<Item = (&'static str, &'static str)> {
    let prefix = format!("sdk/{}/template/", language.folder());
    FILES.iter().filter_map(move |(path, text)| Some((path.strip_prefix(prefix.as_str())?, *text)))
}

/// Lay the contract and the SDK beside a policy, in the form of the repository, and the policy's world with them.
pub(super) fn lay(project: &Project) -> anyhow::Result<()> {
    let laid = project.laid();
    let own = format!("sdk/{}/", project.language.library());
    let template = format!("{own}template/");
    for (path, text) in FILES {
        let wanted = path.starts_with("wit/") || path.starts_with(&own) && !path.starts_with(&template);
        if wanted {
            write_if_changed(&laid.join(path), text)?;
        }
    }
    match project.language {
        Language::Rust => write_if_changed(&laid.join("Cargo.toml"), &workspace()),
        _ => write_if_changed(&laid.join("wit/author.wit"), &world(project)),
    }
}

/// The repository's own manifest, with the SDK as its only member.
fn workspace() -> String {
    let whole = FILES.iter().find(|(path, _)| *path == "Cargo.toml").map_or("", |(_, text)| text);
    let (before, rest) = whole.split_once("members = [").unwrap_or((whole, "]"));
    let (_, after) = rest.split_once(']').unwrap_or(("", ""));
    format!("{before}members = [\"sdk/rust\", \"sdk/rust/macros\"]{after}")
}

/// A world with the phases and capabilities of the policy, and what every component may import.
fn world(project: &Project) -> String {
    let mut text = String::from("package tollgate:gateway@0.1.0;\n\n/// The policy's own.\nworld author {\n");
    for interface in ["messages", "verdicts", "context", "variables"] {
        text.push_str(&format!("  import tollgate:policy/{interface}@0.1.0;\n"));
    }
    let free = Capability::ALL.into_iter().filter(|capability| capability.is_always_granted());
    let asked = project.capabilities.iter().copied().filter(|capability| !capability.is_always_granted());
    for capability in free.chain(asked) {
        text.push_str(&format!("  import {}@0.1.0;\n", capability.interface()));
    }
    text.push_str("  export tollgate:policy/lifecycle@0.1.0;\n");
    for phase in Phase::ALL.into_iter().filter(|phase| project.phases.contains(phase)) {
        text.push_str(&format!("  export tollgate:policy/{phase}@0.1.0;\n"));
    }
    if project.body_gate {
        text.push_str("  export tollgate:policy/body-gate@0.1.0;\n");
    }
    text.push_str("}\n");
    text
}

/// The policy's world, with the contract around it.
pub(super) fn resolve(project: &Project) -> anyhow::Result<(Resolve, WorldId)> {
    let mut packages: BTreeMap<&str, SourceMap> = BTreeMap::new();
    for (path, text) in FILES.iter().filter(|(path, _)| path.starts_with("wit/") && path.ends_with(".wit")) {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        packages.entry(folder).or_default().push(Path::new(path), *text);
    }
    let mut own = packages.remove("wit").unwrap_or_default();
    own.push(Path::new("wit/author.wit"), world(project));
    let parse = |map: SourceMap| map.parse().map_err(|(map, error)| anyhow::anyhow!("{}", error.render(&map)));
    let dependencies = packages.into_values().map(parse).collect::<Result<Vec<_>, _>>()?;
    let mut resolve = Resolve::default();
    let package = resolve.push_groups(parse(own)?, dependencies)?;
    let world = resolve.select_world(&[package], Some("author"))?;
    Ok((resolve, world))
}

/// Files that stay the same keep their times, so that builds don't begin anew.
pub(super) fn write_if_changed(path: &Path, text: &str) -> anyhow::Result<()> {
    if fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    let context = || format!("{} can't be written", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(context)?;
    }
    fs::write(path, text).with_context(context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn the_first_example_of_each_readme_is_the_template() {
        let sources = [("js", "policy.js"), ("python", "policy.py"), ("go", "policy.go"), ("c", "policy.c")];
        for (language, source) in sources {
            let file = |path: String| FILES.iter().find(|(known, _)| *known == path).unwrap().1;
            let readme = file(format!("sdk/{language}/README.md"));
            let example = readme.split("```").nth(1).unwrap().split_once('\n').unwrap().1;
            assert_eq!(example, file(format!("sdk/{language}/template/{source}")).replace("{{name}}", "hello"));
        }
    }

    #[test]
    fn generated_bindings_are_of_this_contract() {
        let mut digest = Sha256::new();
        for (path, text) in FILES.iter().filter(|(path, _)| path.starts_with("wit/") && path.ends_with(".wit")) {
            digest.update(path.as_bytes());
            digest.update(text.as_bytes());
        }
        let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        for folder in ["sdk/c/generated", "sdk/go/contract", "sdk/js/contract"] {
            let file = format!("{folder}/wit.sha256");
            let noted = FILES.iter().find(|(path, _)| *path == file).unwrap().1;
            assert_eq!(noted.trim(), digest, "make {folder} anew, as its README says, and note this digest");
        }
    }
}
